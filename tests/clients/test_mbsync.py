"""mbsync: two-way synchronisation that comes to rest."""

import imaplib

from tests.clients.base import PASSWORD, ClientTestCase
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


def message(number: int) -> bytes:
    """Return a small message."""
    return (
        b"From: bob@example.org\r\nSubject: number %d\r\n"
        b"Message-ID: <%d@example.org>\r\n\r\nbody %d\r\n" % (number, number, number)
    )


class MbsyncTests(ClientTestCase):
    """Both sides change, one run joins them, the next has nothing to do."""

    def test_two_way(self) -> None:
        """Messages, flags, mailboxes and deletions travel both ways."""
        mbsync = require("mbsync")
        directory = self.host.directory / "mbsync"
        (directory / "mail").mkdir(parents=True)
        config = directory / "mbsyncrc"
        config.write_text(
            CONFIG.format(
                port=self.host.port["imap"],
                password=PASSWORD["alice"],
                directory=directory,
            )
        )

        def sync() -> bytes:
            return run(mbsync, "-c", str(config), "-V", "-a").stdout

        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login("alice@example.org", PASSWORD["alice"])
            imap.create("Lists/Python")
            for number in range(1, 11):
                imap.append("INBOX", "", None, message(number))
            imap.append("Lists/Python", "(\\Seen)", None, message(11))
            sync()
            inbox = directory / "inbox"
            files = [*(inbox / "cur").iterdir(), *(inbox / "new").iterdir()]
            self.assertEqual(len(files), 10)
            self.assertTrue((directory / "mail/Lists/Python/cur").is_dir())

            # Now both sides change.
            seen = next(one for one in files if b"number 3" in one.read_bytes())
            base = seen.name.partition(":")[0]
            seen.rename(inbox / "cur" / f"{base}:2,S")
            (inbox / "new" / "100.new.here").write_bytes(
                message(12).replace(b"\r\n", b"\n")
            )
            imap.select("INBOX")
            imap.store("5", "+FLAGS", "(\\Flagged)")
            imap.store("6", "+FLAGS", "(\\Deleted)")
            imap.expunge()
            sync()
            imap.noop()
            self.assertEqual(imap.search(None, "SEEN")[1], [b"3"])
            found = imap.search(None, "SUBJECT", '"number 12"')[1][0].split()
            self.assertEqual(len(found), 1)
            names = [one.name for one in (inbox / "cur").iterdir()]
            self.assertEqual(sum(name.endswith(":2,F") for name in names), 1)
            everything = [*(inbox / "cur").iterdir(), *(inbox / "new").iterdir()]
            self.assertEqual(len(everything), 10)

            # The second run changes nothing on either side.
            def state() -> object:
                imap.select("INBOX")
                far = imap.uid("FETCH", "1:*", "(UID FLAGS RFC822.SIZE)")
                near = sorted(
                    str(one.relative_to(directory))
                    for one in directory.rglob("*")
                    if one.is_file() and one.parent.name in ("cur", "new")
                )
                return far, near

            before = state()
            said = sync()
            self.assertEqual(state(), before)
            for line in said.splitlines():
                if line.startswith((b"Far:", b"Near:")):
                    self.assertIn(b"+0 *0 #0 -0", line)
