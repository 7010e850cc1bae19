"""OfflineIMAP: two-way synchronisation that comes to rest."""

import imaplib

from tests.clients.base import PASSWORD, ClientTestCase
from tests.clients.test_mbsync import message
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


class OfflineIMAPTests(ClientTestCase):
    """Both sides change, one run joins them, the next has nothing to do."""

    def test_two_way(self) -> None:
        """Messages, flags, mailboxes and deletions travel both ways."""
        offlineimap = require("offlineimap")
        directory = self.host.directory / "offlineimap"
        (directory / "mail").mkdir(parents=True)
        config = directory / "offlineimaprc"
        config.write_text(
            CONFIG.format(
                port=self.host.port["imap"],
                password=PASSWORD["alice"],
                directory=directory,
            )
        )

        def sync() -> None:
            run(offlineimap, "-c", str(config), "-o")

        with imaplib.IMAP4("127.0.0.1", self.host.port["imap"]) as imap:
            imap.login("alice@example.org", PASSWORD["alice"])
            imap.create("Lists")
            imap.create("B&APw-cher")
            for number in range(1, 11):
                imap.append("INBOX", "", None, message(number))
            imap.append("B&APw-cher", "(\\Seen)", None, message(11))
            sync()
            inbox = directory / "mail/INBOX"
            files = [*(inbox / "cur").iterdir(), *(inbox / "new").iterdir()]
            self.assertEqual(len(files), 10)
            self.assertEqual(len([*(directory / "mail/Bücher/cur").iterdir()]), 1)

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
            names = [one.name for one in inbox.glob("*/*")]
            self.assertEqual(len(names), 10)
            self.assertEqual(sum(name.endswith(":2,F") for name in names), 1)

            # The second run changes nothing on either side.
            def state() -> object:
                imap.select("INBOX")
                far = imap.uid("FETCH", "1:*", "(UID FLAGS RFC822.SIZE)")
                return far, sorted(map(str, (directory / "mail").glob("*/[cn]*/*")))

            before = state()
            sync()
            self.assertEqual(state(), before)
