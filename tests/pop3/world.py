"""A small world for POP3 tests: one user, some messages, a fresh server."""

from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred

from mailframe.interfaces.mailbox import NewMessage
from mailframe.limits import POP3Limits
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX
from mailframe.pop3.login_delays import LoginDelays
from mailframe.pop3.options import POP3Options
from mailframe.pop3.server import POP3Server
from mailframe.storage.maildrop import Maildrops
from mailframe.storage.memory_realm import MemoryRealm
from mailframe.testing.transcript import FakeConnection

MESSAGES = (
    b"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\nlast\r\n",
    b"Subject: two\r\n\r\n" + b"line\r\n" * 5,
    b".hidden: field\r\n\r\nno end",
)
"""What ``messages: 3`` puts into the maildrop, in order."""

INTERNATIONAL = (
    "From: J\u00f8rgen <j\u00f8rgen@example.org>\r\n"
    "To: alice@example.org\r\n"
    "Subject: bl\u00e5b\u00e6r\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "X-Extra: \u00e6\r\n\r\nbl\u00e5b\u00e6r\r\n"
).encode()
"""And what ``international: yes`` adds."""


class World:
    """Accounts and what makes servers for them."""

    def __init__(
        self,
        messages: int = 3,
        limits: POP3Limits | None = None,
        options: POP3Options | None = None,
    ) -> None:
        """Make the user ``alice@example.org`` with password ``secret``."""
        self.limits = limits or POP3Limits()
        self.options = options
        self.time = 0.0
        self.reported: list[BaseException] = []
        self.realm = MemoryRealm(lambda: 1_700_000_000.0, lambda call: call())
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.addUser(b"alice@example.org", b"secret")
        self.portal: Any = Portal(self.realm, [checker])
        self.maildrops = Maildrops()
        _, self.account, _ = self.realm.requestAvatar(
            b"alice@example.org", None, self._wanted()
        )
        for octets in MESSAGES[:messages]:
            self.append(octets)

    @staticmethod
    def _wanted() -> Any:
        from mailframe.interfaces.mailbox import IMailAccount

        return IMailAccount

    def append(self, octets: bytes) -> None:
        """Put one more message into INBOX."""
        done = Deferred.fromCoroutine(
            self.account.append(INBOX, [NewMessage(MemoryContent(octets))])
        )
        assert done.called

    def server(self, connection: FakeConnection | None = None) -> POP3Server:
        """Return a server nobody has connected."""
        return POP3Server(
            self.portal,
            maildrop_of=self.maildrops,
            hostname="pop.example.org",
            limits=self.limits,
            report=self.reported.append,
            now=lambda: self.time,
            options=self.options,
        )


def start(header: Mapping[str, str]) -> Any:
    """Make the world of a transcript; see :mod:`mailframe.testing.transcript`."""
    limits = {
        name: int(header[name])
        for name in ("errors", "login_attempts", "command_line")
        if name in header
    }
    delay = int(header.get("login_delay", "0"))
    options = POP3Options(
        apop=header.get("apop") == "yes",
        expire=int(header["expire"]) if "expire" in header else None,
        login_delays=LoginDelays(delay, lambda: 0.0) if delay else None,
    )
    messages = int(header.get("messages", "3"))
    world = World(messages, POP3Limits(**limits), options)
    if header.get("international") == "yes":
        world.append(INTERNATIONAL)
    return world.server
