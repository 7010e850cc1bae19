"""OfflineIMAP: two-way synchronisation that comes to rest."""

from tests.clients.two_way import TwoWayCase
from tests.host import run
from tests.peers import require

CONFIG = """\
[general]
accounts = host
metadata = {directory}/metadata
ui = basic

[Account host]
localrepository = near
remoterepository = far
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = {directory}/mail
sync_deletes = yes

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {port}
remoteuser = alice@example.org
remotepass = {password}
ssl = no
starttls = no
auth_mechanisms = LOGIN
expunge = yes
"""


class OfflineIMAPTests(TwoWayCase):
    """Both sides change, one run joins them, the next has nothing to do."""

    def test_two_way(self) -> None:
        """Messages, flags, mailboxes and deletions travel both ways."""
        offlineimap = require("offlineimap")
        directory, config = self.configured("offlineimap", CONFIG)

        def sync() -> None:
            run(offlineimap, "-c", str(config), "-o")

        with self.imap() as imap:
            imap.create("Lists")
            imap.create("B&APw-cher")
            self.fill(imap, "B&APw-cher")
            sync()
            self.assertEqual(len([*(directory / "mail/Bücher/cur").iterdir()]), 1)
            self.change_both(imap, directory / "mail/INBOX", sync)

            # The second run changes nothing on either side.
            before = self.state(imap, directory)
            sync()
            self.assertEqual(self.state(imap, directory), before)
