"""What becomes of an address: which accounts, which addresses elsewhere.

The order in which an address of ours is looked for:

1. a report to a sender we rewrote (SRS);
2. the virtual tables, with the detail, then without it;
3. in a local domain, aliases(5), in the same two steps;
4. the directory of users, in the same two steps, and where it says that a
   user's mail goes instead;
5. a postmaster there always is;
6. ``@domain`` in the virtual tables: all that is left.

What comes out of a table is looked for again, until it is a user or not ours.
A name that comes up again under itself is not looked up in tables once more:
``alice: alice, bob`` is Alice's mailbox and Bob. An address literal of this
host is the default domain wherever it comes up.

Source: RFC 5321 sections 3.6.2, 3.9 (mailing lists and aliases), 4.1.3 and 4.5.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailframe.delivery.destination import (
    SERVERS,
    Broken,
    Command,
    Destination,
    Elsewhere,
    File,
    Mailbox,
    Place,
)
from mailframe.delivery.domains import Domains, Kind
from mailframe.delivery.local_users import POSTMASTER, LocalUsers
from mailframe.delivery.own_addresses import OwnAddresses
from mailframe.delivery.srs import SRS
from mailframe.delivery.transports import Transports
from mailframe.errors import (
    LimitExceeded,
    MailError,
    MailLoop,
    NoSuchUser,
    NotPermitted,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.auth import UserEntry
from mailframe.interfaces.lookup import ILookup, IOperatorsTable
from mailframe.limits import AddressLimits
from mailframe.model.address import Address

OWNER = "owner-"
"""Begins the alias that gets the reports about a list."""


@dataclass(slots=True)
class _Search:
    """The search for one recipient's destinations.

    Attributes:
        questions: How many may still be asked.
        most: How many destinations there may be.
        found: The destinations; of one place the first counts.
    """

    questions: int
    most: int
    found: dict[object, Destination] = field(default_factory=dict)

    def add(self, place: Place, way: "_Way") -> None:
        key = place.user if isinstance(place, Mailbox) else place
        if key not in self.found:
            if len(self.found) >= self.most:
                raise LimitExceeded(f"an address that becomes more than {self.most}")
            self.found[key] = Destination(place, way.sender, bool(way.names))


@dataclass(frozen=True, slots=True)
class _Way:
    """How a search came to an address.

    Attributes:
        names: The entries of tables that led there.
        sender: What an ``owner-`` alias on the way made the reverse-path.
    """

    names: tuple[str, ...] = ()
    sender: Address | None = None


_STRAIGHT = _Way()


class Addresses:
    """Knows what becomes of an address.

    Attributes:
        users: Finds accounts; knows local and virtual domains.
        domains: Says what each domain is.
        srs: Rewrites senders of mail that is sent on, or ``None``.
    """

    def __init__(
        self,
        users: LocalUsers,
        domains: Domains,
        *,
        aliases: ILookup | None = None,
        virtual: Sequence[ILookup] = (),
        relay_recipients: ILookup | None = None,
        srs: SRS | None = None,
        allow_commands: bool = False,
        allow_files: bool = False,
        transports: Transports | None = None,
        own: OwnAddresses | None = None,
        limits: AddressLimits | None = None,
    ) -> None:
        """Look in some tables.

        Args:
            users: An attribute above.
            domains: An attribute above.
            aliases: An aliases(5) table, for local domains; ``None`` without.
            virtual: Tables of addresses, for all domains of ours, in order.
            relay_recipients: Which addresses of relay domains exist; ``None``
                to take all of them.
            srs: An attribute above.
            allow_commands: Whether ``|command`` in a table of the operator's
                counts.
            allow_files: Whether ``/file`` does.
            transports: How domains have their mail delivered, those that do
                not have accounts here; ``None`` for no such domains.
            own: The IP addresses of this host; ``None`` when none is known.
            limits: ``None`` for the defaults.
        """
        self.users = users
        self.domains = domains
        self.srs = srs
        self._aliases = aliases
        self._virtual = tuple(virtual)
        self._relay_recipients = relay_recipients
        self._allow_commands = allow_commands
        self._allow_files = allow_files
        self._transports = transports or Transports({})
        self._own = own or OwnAddresses()
        self._limits = limits or AddressLimits()

    async def resolve(
        self, address: Address, relay: bool, reached: str | None = None
    ) -> list[Destination]:
        """Return where mail for an address goes, at least one place.

        An address that a table of ours leads to and that is nobody's is among
        them as a Broken place, unless there is nothing else.

        Args:
            address: A recipient.
            relay: Whether this client may send on to other hosts through us.
            reached: The IP address of ours that the client has connected to.

        Raises:
            RelayDenied: It is not ours.
            NoSuchUser: It is, and nobody's.
            LimitExceeded: It becomes too many.
            MailLoop: It becomes itself and nothing else.
            NotPermitted: It becomes a command or file, and those are off.
            TemporaryFailure: A table or the directory cannot be asked now.
        """
        asked, kind = address, self.domains.kind(address.domain)
        if kind is None:
            # Not ours, or not as ours are written.
            asked = address.canonical()
            if not asked.domain or self._own.has(asked.domain, reached):
                asked = Address(asked.local, self.users.default_domain)
            kind = self.domains.kind(asked.domain)
        if kind is None:
            if not relay:
                raise RelayDenied(f"{asked.domain} is not one of our domains")
            return [Destination(Elsewhere(asked))]
        search = _Search(self._limits.lookups, self._limits.destinations)
        await self._find(search, kind, asked, _STRAIGHT)
        found = list(search.found.values())
        refusals = []
        for one in found:
            if not isinstance(one.place, Broken):
                return found
            refusals.append(one.place.refusal)
        if not refusals:
            raise NoSuchUser(f"{asked} has an entry without a value")
        raise refusals[0]

    async def belongs(
        self, address: Address, user: str, reached: str | None = None
    ) -> bool:
        """Tell whether mail to an address is a user's and nobody else's.

        Args:
            address: An address; who gets all its mail may send as it.
            user: A canonical address.
            reached: The IP address of ours that the client has connected to.

        Raises:
            TemporaryFailure: That cannot be told now.
        """
        try:
            if await self.users.find(address) == user:
                return True
        except (NoSuchUser, RelayDenied):
            pass
        try:
            found = await self.resolve(address, relay=False, reached=reached)
        except TemporaryFailure:
            raise
        except MailError:
            return False
        return all(
            isinstance(one.place, Mailbox) and one.place.user == user for one in found
        )

    async def _find(
        self, search: _Search, kind: Kind | None, address: Address, way: _Way
    ) -> None:
        """Add what becomes of an address; its domain is canonical, and of this kind."""
        if kind is None:
            return search.add(Elsewhere(address), way)
        if self.srs is not None and address.domain == self.srs.domain:
            try:
                sender = self.srs.reverse(address.local)
            except NoSuchUser as refusal:
                return self._fail(search, refusal, address, way)
            if sender is not None:
                sender = sender.canonical()
                kind = self.domains.kind(sender.domain)
                return await self._find(search, kind, sender, way)
        if self._virtual or self._aliases is not None:
            for table, key in self._tables(kind, address):
                if await self._enter(search, table, key, address, way):
                    return None
        if await self._settle(search, kind, address, way):
            return None
        for table in self._virtual:
            if await self._enter(search, table, f"@{address.domain}", address, way):
                return None
        self._fail(search, NoSuchUser(str(address)), address, way)

    def _tables(self, kind: Kind, address: Address) -> list[tuple[ILookup, str]]:
        """Return what to ask which table."""
        asked: list[tuple[ILookup, str]] = []
        names = dict.fromkeys((address.local, self.users.base(address.local)[0]))
        for name in names:
            asked += [(table, f"{name}@{address.domain}") for table in self._virtual]
        if kind is Kind.LOCAL and self._aliases is not None:
            asked += [(self._aliases, name) for name in names]
        return asked

    async def _enter(
        self, search: _Search, table: ILookup, key: str, address: Address, way: _Way
    ) -> bool:
        """Follow an entry of a table; return whether there is one."""
        name = key.casefold()
        if name in way.names:
            return False
        found = await self._ask(search, table, key)
        if found is None:
            return False
        if len(way.names) >= self._limits.depth:
            self._fail(search, MailLoop(f"aliases of aliases: {key}"), address, way)
            return True
        sender = way.sender
        if (
            table is self._aliases
            and not name.startswith(OWNER)
            and await self._ask(search, table, OWNER + key) is not None
        ):
            sender = Address(OWNER + key, address.domain)
        inner = _Way((*way.names, name), sender)
        trusted = IOperatorsTable.providedBy(table)
        for value in found:
            if not self._is_means(search, value, address, inner, trusted):
                await self._follow(search, value, address, inner)
        return True

    def _is_means(
        self, search: _Search, value: str, address: Address, way: _Way, trusted: bool
    ) -> bool:
        """Add a program, file or server; tell whether the value is one."""
        place: Place
        if value.startswith("|"):
            place, allowed = Command(value[1:].strip()), self._allow_commands
        elif value.startswith("/"):
            place, allowed = File(value), self._allow_files
        elif value.startswith(SERVERS):
            place, allowed = Elsewhere(address, value), True
        else:
            return False
        if trusted and allowed:
            search.add(place, way)
        else:
            self._fail(search, NotPermitted(f"this is off: {value}"), None, way)
        return True

    async def _ask(self, search: _Search, table: ILookup, key: str) -> list[str] | None:
        search.questions -= 1
        if search.questions < 0:
            raise LimitExceeded("an address that asks too much of the tables")
        if len(key) > self._limits.key:
            return None
        found: list[str] | None = await table.lookup(key)
        return found

    async def _follow(
        self, search: _Search, value: str, address: Address, way: _Way
    ) -> None:
        """Add what becomes of one value of an entry for ``address``."""
        # A backslash before it: this user, whatever the tables say.
        direct = value.startswith("\\")
        local, at, domain = value[direct:].rpartition("@")
        if not at:
            local, domain = domain, self.users.default_domain
        elif self._own.has(domain):
            domain = self.users.default_domain
        # "@domain" is the same name there.
        target = Address(local or address.local, domain).canonical()
        if not target.local or not target.domain or value.startswith(":"):
            return self._fail(search, NoSuchUser(f"no address: {value}"), None, way)
        kind = self.domains.kind(target.domain)
        if not direct:
            return await self._find(search, kind, target, way)
        if kind is None:
            return search.add(Elsewhere(target), way)
        if not await self._settle(search, kind, target, way, forward=False):
            self._fail(search, NoSuchUser(str(target)), target, way)
        return None

    async def _settle(
        self,
        search: _Search,
        kind: Kind,
        address: Address,
        way: _Way,
        *,
        forward: bool = True,
    ) -> bool:
        """Add the user or the relay recipient an address is, if it is one.

        Args:
            search: Where to add.
            kind: Of the domain.
            address: Its domain is canonical.
            way: How the search came there.
            forward: Whether to look where the user's mail goes instead.
        """
        if kind is Kind.RELAY:
            known = await self._is_relay_recipient(search, address)
            if known:
                search.add(Elsewhere(address), way)
            return known
        search.questions -= 1
        found = await self.users.named(address.local, address.domain)
        if found is not None:
            entry, detail = found
            forward = forward and bool(entry.forward)
            if not (forward and await self._sent_on(search, entry, address, way)):
                user = entry.address
                place = self._transports.place(user, detail) or Mailbox(user, detail)
                search.add(place, way)
            return True
        name, detail = self.users.base(address.local)
        if name.lower() == POSTMASTER:
            search.add(Mailbox(f"{POSTMASTER}@{address.domain}", detail), way)
            return True
        return False

    async def _sent_on(
        self, search: _Search, user: UserEntry, address: Address, way: _Way
    ) -> bool:
        """Follow where a user's mail goes instead; return whether it does.

        A user who comes up again on the way keeps the mail: forwards that lead
        to each other are no loop.
        """
        name = f"{user.address.casefold()} forward"
        if name in way.names:
            return False
        if len(way.names) >= self._limits.depth:
            self._fail(search, MailLoop(f"forwards of {address}"), address, way)
            return True
        inner = _Way((*way.names, name), way.sender)
        for value in user.forward:
            if "@" in value and value[0] not in "|/:":
                await self._follow(search, value, address, inner)
            else:
                self._fail(search, NoSuchUser(f"no address: {value}"), None, inner)
        return True

    async def _is_relay_recipient(self, search: _Search, address: Address) -> bool:
        table = self._relay_recipients
        if table is None:
            return True
        for name in dict.fromkeys(
            (address.local, self.users.base(address.local)[0], "")
        ):
            if await self._ask(search, table, f"{name}@{address.domain}") is not None:
                return True
        return False

    def _fail(
        self, search: _Search, refusal: MailError, address: Address | None, way: _Way
    ) -> None:
        search.add(Broken(address, refusal), way)
