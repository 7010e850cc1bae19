"""mbsync: two-way synchronisation that comes to rest."""

from tests.clients.two_way import TwoWayCase
from tests.host import run
from tests.peers import require

CONFIG = """\
IMAPAccount host
Host 127.0.0.1
Port {port}
User alice@example.org
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account host

MaildirStore near
Path {directory}/mail/
Inbox {directory}/inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


class MbsyncTests(TwoWayCase):
    """Both sides change, one run joins them, the next has nothing to do."""

    def test_two_way(self) -> None:
        """Messages, flags, mailboxes and deletions travel both ways."""
        mbsync = require("mbsync")
        directory, config = self.configured("mbsync", CONFIG)

        def sync() -> bytes:
            return run(mbsync, "-c", str(config), "-V", "-a").stdout

        with self.imap() as imap:
            imap.create("Lists/Python")
            self.fill(imap, "Lists/Python")
            sync()
            self.assertTrue((directory / "mail/Lists/Python/cur").is_dir())
            self.change_both(imap, directory / "inbox", sync)

            # The second run changes nothing on either side.
            before = self.state(imap, directory)
            said = sync()
            self.assertEqual(self.state(imap, directory), before)
            for line in said.splitlines():
                if line.startswith((b"Far:", b"Near:")):
                    self.assertIn(b"+0 *0 #0 -0", line)
