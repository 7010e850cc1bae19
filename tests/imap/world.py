"""What IMAP's tests begin with: a portal, accounts in memory, a server."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from zope.interface import implementer

from mailframe.errors import TemporaryFailure
from mailframe.imap.server import IMAPServer
from mailframe.imap.url_access import URLAccess
from mailframe.interfaces.access import Namespaces
from mailframe.interfaces.auth import (
    ILoginPortal,
    IUsernamePassword,
    Mind,
    UnauthorizedLogin,
)
from mailframe.interfaces.mailbox import IMailAccount, NewMessage
from mailframe.limits import IMAPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX, MailboxName, mailbox_name
from mailframe.storage.content import MemoryIntake
from mailframe.storage.memory import MemoryAccount
from mailframe.storage.memory_box import MemoryBox
from mailframe.storage.memory_realm import MemoryRealm
from mailframe.storage.sharing.realm import with_sharing
from mailframe.testing.mailbox_contract import new
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.imap.archive import archive
from tests.imap.stated import set_up


@implementer(ILoginPortal)
class Door:
    """Lets a few in, always to the same account.

    Attributes:
        passwords: Theirs, by name.
    """

    def __init__(self, account: Any) -> None:
        self.passwords = {"alice": "secret"}
        self.account = account
        self.minds: list[Mind] = []
        self.logouts = 0

    async def login(self, credentials: Any, mind: Any, *interfaces: Any) -> Any:
        assert interfaces == (IMailAccount,)
        self.minds.append(mind)
        if credentials.username == b"trouble":
            raise TemporaryFailure("no directory")
        if credentials.username == b"pop":
            raise NotImplementedError("no mail account")
        wanted = self.passwords.get(credentials.username.decode())
        if wanted is None or credentials.password != wanted.encode():
            raise UnauthorizedLogin("no")
        return IMailAccount, self.account, self._logout

    def listCredentialsInterfaces(self) -> list[Any]:
        return [IUsernamePassword]

    def _logout(self) -> None:
        self.logouts += 1


@implementer(ILoginPortal)
class SharedDoor(Door):
    """Lets everybody in with a password, each to an account of a sharing realm."""

    password = b"secret"

    def __init__(self, realm: Any) -> None:
        super().__init__(None)
        self.realm = realm

    async def login(self, credentials: Any, mind: Any, *interfaces: Any) -> Any:
        if credentials.password != self.password:
            raise UnauthorizedLogin("no")
        address = credentials.username + b"@example.org"
        return await self.realm.requestAvatar(address, mind, *interfaces)


def done(coroutine: Any) -> Any:
    """Run a coroutine that never waits; return its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class World:
    """One account and the servers that serve it.

    Attributes:
        hostname: What the servers call themselves.
        prepare: Called with each connection of a transcript, before it is served.
    """

    def __init__(
        self, messages: int = 0, limits: IMAPLimits | None = None, **account: Any
    ) -> None:
        self.account = MemoryAccount("alice@example.org", uid_validity=7, **account)
        self.door: Any = Door(self.account)
        self.limits = limits or IMAPLimits()
        self.hostname = "mail.example.org"
        self.prepare: Callable[[FakeConnection], None] = lambda connection: None
        self.time = 0.0
        self.reported: list[BaseException] = []
        self.submitters: frozenset[str] = frozenset()
        self.intake: Any = MemoryIntake(self.limits.message_size)
        if messages:
            done(self.account.append(INBOX, [new(n + 1) for n in range(messages)]))

    def put(self, octets: bytes, name: MailboxName = INBOX) -> None:
        """Deliver a message."""
        done(self.account.append(name, [NewMessage(MemoryContent(octets))]))

    def box(self, name: str = "INBOX", account: Any = None) -> MemoryBox:
        """Return a mailbox as it is kept, made if it is not there.

        Args:
            name: Its name.
            account: Whose, if not that of this world.
        """
        account = self.account if account is None else account
        wanted = mailbox_name(name)
        if wanted not in account._boxes:
            done(account.create(wanted))
        found: MemoryBox = account._boxes[wanted]
        return found

    def server(self) -> IMAPServer:
        """Return a fresh server."""
        return IMAPServer(
            self.door,
            hostname=self.hostname,
            limits=self.limits,
            intake=self.intake,
            report=self.reported.append,
            now=lambda: self.time,
            url_access=URLAccess(
                self.account_of,
                default_domain="example.org",
                hostname=self.hostname,
                now=lambda: self.time,
                submitters=self.submitters,
            ),
        )

    async def account_of(self, address: str) -> Any:
        """Return the one account there is."""
        return self.account if address == self.account.address else None

    def connect(self, connection: FakeConnection | None = None) -> Conversation:
        """Return a new connection, its greeting heard."""
        made = Conversation(self.server(), connection)
        made.heard()
        return made

    def logged_in(self) -> Conversation:
        """Return a connection after login."""
        made = self.connect()
        assert b"z0 OK" in made.say(b"z0 LOGIN alice secret\r\n")
        return made

    def selected(self) -> Conversation:
        """Return a connection that has INBOX selected."""
        made = self.logged_in()
        assert b"z1 OK" in made.say(b"z1 SELECT INBOX\r\n")
        return made


class SharedWorld(World):
    """Accounts of ``example.org`` that can share mailboxes; ``alice`` is one.

    Attributes:
        realm: The realm of raw accounts.
        groups: Names of groups by address.
    """

    def __init__(self, messages: int = 0, limits: IMAPLimits | None = None) -> None:
        self.groups: dict[str, frozenset[str]] = {}
        self.realm = MemoryRealm(
            lambda: 7.0,
            lambda call: call(),
            namespaces=Namespaces("Other Users", "Shared", "public@example.org"),
            default_domain="example.org",
        )
        super().__init__(0, limits)
        self.account = self.realm.account("alice@example.org")
        self.door = SharedDoor(with_sharing(self.realm, self.realm, self._groups))
        if messages:
            done(self.account.append(INBOX, [new(n + 1) for n in range(messages)]))

    async def _groups(self, address: str) -> frozenset[str]:
        return self.groups.get(address, frozenset())

    def login(self, user: str) -> Conversation:
        """Return a connection after login."""
        made = self.connect()
        assert b"z0 OK" in made.say(b"z0 LOGIN %b secret\r\n" % user.encode())
        return made


def place(
    box: MemoryBox,
    octets: bytes = b"Subject: one of many\r\n\r\n",
    *,
    uid: int | None = None,
    flags: str = "",
    date: int = 0,
    modseq: int | None = None,
) -> int:
    """Put a message into a mailbox as if it had always been there.

    Args:
        box: The mailbox.
        octets: The message.
        uid: Its UID, larger than those before it; ``None`` for the next.
        flags: With spaces between.
        date: Its internal date, in seconds since 1970.
        modseq: Its mod-sequence; ``None`` for the one the mailbox has.

    Returns:
        Its UID.
    """
    box.uid_next = uid or box.uid_next
    highest, box.modseq = box.modseq, modseq or box.modseq
    found = box.add(octets, box.spelt(frozenset(flags.split())), date)
    box.modseq = max(highest, box.modseq)
    return found


_GIVEN = {
    "": 0,
    "empty": 0,
    "archive": 0,
    "five_messages": 5,
    "many_messages": 1203,
    "stated": 0,
}


def start(header: Mapping[str, str]) -> Callable[[FakeConnection], IMAPServer]:
    """Make the world a transcript asks for.

    ``given`` says which mail there is (``stated``: see :mod:`tests.imap.stated`);
    with a dot in it, it is a function of a module of ``tests.imap.given`` that is
    called with the world. ``limit_x: 5`` sets a limit; ``user`` is let in with
    ``password``, besides Alice. With ``sharing: yes`` there are many users, and
    ``public`` has what is nobody's; ``group_bob: sales`` puts Bob into groups.
    """
    limits = {
        name.removeprefix("limit_"): int(value)
        for name, value in header.items()
        if name.startswith("limit_")
    }
    kind = SharedWorld if header.get("sharing") == "yes" else World
    given = header.get("given", "")
    module, _, function = given.rpartition(".")
    world = kind(0 if module else _GIVEN[given], IMAPLimits(**limits))
    if "user" in header:
        world.door.passwords[header["user"]] = header["password"]
    if isinstance(world, SharedWorld):
        for name, value in header.items():
            if name.startswith("group_"):
                user = name.removeprefix("group_")
                world.groups[f"{user}@example.org"] = frozenset(value.split())
    world.time = float(header.get("now", "0"))
    if module:
        getattr(import_module(f"tests.imap.given.{module}"), function)(world)
    if given == "stated":
        set_up(world.account, header)
    if given == "archive":
        done(world.account.append(INBOX, archive()))
    world.account.may_set_quota = header.get("may_set_quota") == "yes"

    def connect(connection: FakeConnection) -> IMAPServer:
        assert not world.reported, world.reported
        world.prepare(connection)
        return world.server()

    return connect
