"""What every test of a two-way synchronisation does to both sides."""

import imaplib
from collections.abc import Callable
from pathlib import Path

from tests.clients.base import PASSWORD, ClientTestCase


def message(number: int) -> bytes:
    """Return a small message."""
    return (
        b"From: bob@example.org\r\nSubject: number %d\r\n"
        b"Message-ID: <%d@example.org>\r\n\r\nbody %d\r\n" % (number, number, number)
    )


class TwoWayCase(ClientTestCase):
    """A Maildir near, the host far, and a program that joins them."""

    def configured(self, name: str, text: str) -> tuple[Path, Path]:
        """Return a directory with a ``mail`` in it, and the program's configuration.

        Args:
            name: Of the program.
            text: The configuration, with ``{port}``, ``{password}``, ``{directory}``.
        """
        directory = self.host.directory / name
        (directory / "mail").mkdir(parents=True)
        config = directory / "config"
        config.write_text(
            text.format(
                port=self.host.port["imap"],
                password=PASSWORD["alice"],
                directory=directory,
            )
        )
        return directory, config

    def imap(self) -> imaplib.IMAP4:
        """Log in to the host as alice."""
        imap = imaplib.IMAP4("127.0.0.1", self.host.port["imap"])
        imap.login("alice@example.org", PASSWORD["alice"])
        return imap

    def fill(self, imap: imaplib.IMAP4, other: str) -> None:
        """Put ten messages into INBOX, and a read one into another mailbox."""
        for number in range(1, 11):
            imap.append("INBOX", "", None, message(number))
        imap.append(other, "(\\Seen)", None, message(11))

    def change_both(
        self, imap: imaplib.IMAP4, inbox: Path, sync: Callable[[], object]
    ) -> None:
        """Change both sides, let them be joined, and look at both."""
        files = [*inbox.glob("cur/*"), *inbox.glob("new/*")]
        self.assertEqual(len(files), 10)
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
        names = [one.name for one in (*inbox.glob("cur/*"), *inbox.glob("new/*"))]
        self.assertEqual(len(names), 10)
        self.assertEqual(sum(name.endswith(":2,F") for name in names), 1)

    def state(self, imap: imaplib.IMAP4, directory: Path) -> object:
        """Return all there is to know of both sides."""
        imap.select("INBOX")
        far = imap.uid("FETCH", "1:*", "(UID FLAGS RFC822.SIZE)")
        near = sorted(
            str(one.relative_to(directory))
            for one in directory.rglob("*")
            if one.is_file() and one.parent.name in ("cur", "new")
        )
        return far, near
