"""The users of a passwd-file by address, as one value that never changes.

Source: RFC 5321 section 2.4 (the case of local parts and domains).
"""

from collections.abc import Iterable

from mailframe.auth.passwd_line import PasswdUser
from mailframe.interfaces.auth import UserEntry


class PasswdTable:
    """Every user of one version of the file.

    Attributes:
        hashes: The stored hash of everyone who can log in, in the file's order.
        troubles: What of the file is not used: line number and why.
    """

    def __init__(
        self, lines: Iterable[PasswdUser | tuple[int, str]], default_domain: str
    ) -> None:
        """Sort the users in; of two with one address the first counts.

        Args:
            lines: As ``parse_lines`` yields them.
            default_domain: For names without one; in lower case.
        """
        self._default_domain = default_domain
        self._names = _Index()
        self._aliases = _Index()
        self._entries: dict[int, UserEntry] = {}
        self.troubles: list[tuple[int, str]] = []
        users = []
        for line in lines:
            if isinstance(line, tuple):
                self.troubles.append(line)
                continue
            if line.trouble:
                self.troubles.append((line.number, line.trouble))
            first = self._names.add(self.canonical(line.name), line)
            if first is line:
                users.append(line)
            else:
                self.troubles.append(
                    (line.number, f"the same user as in line {first.number}; not used")
                )
        for user in users:
            for alias in user.aliases:
                self._aliases.add(self.canonical(alias), user)
        self.hashes = tuple(user.stored for user in users if user.stored)

    def canonical(self, name: str) -> str:
        """Return ``local@domain``, the domain in lower case or the default one."""
        local, at, domain = name.rpartition("@")
        return f"{local}@{domain.lower()}" if at else f"{name}@{self._default_domain}"

    def named(self, name: str) -> PasswdUser | None:
        """Return the user of a login name, or ``None``.

        A local part that differs in case only is found if no other differs
        from it in case only.
        """
        return self._names.find(self.canonical(name))

    def addressed(self, address: str) -> PasswdUser | None:
        """Return the user who gets the mail of an address, or ``None``.

        A name goes before an alias.
        """
        known = self._names.exact.get(address)
        if known is not None:
            return known
        wanted = self.canonical(address)
        return self._names.find(wanted) or self._aliases.find(wanted)

    def entry(self, address: str) -> UserEntry | None:
        """Return what is known of the user who gets the mail of an address."""
        user = self.addressed(address)
        if user is None:
            return None
        known = self._entries.get(user.number)
        if known is None:
            # Made when somebody asks: of a large file few are asked for.
            known = self._entries[user.number] = UserEntry(
                address=self.canonical(user.name),
                aliases=tuple(map(self.canonical, user.aliases)),
                quota=user.quota,
                home=user.home,
                extra=user.extra,
            )
        return known


class _Index:
    """Users by address: exactly, else whatever the case.

    Attributes:
        exact: By the address itself, its domain in lower case.
    """

    def __init__(self) -> None:
        self.exact: dict[str, PasswdUser] = {}
        self._folded: dict[str, PasswdUser | None] = {}

    def add(self, address: str, user: PasswdUser) -> PasswdUser:
        """Add ``user`` unless there is one; return whose the address is."""
        first = self.exact.setdefault(address, user)
        if first is user:
            folded = address.casefold()
            # Two that differ in case only: neither is found by a third spelling.
            self._folded[folded] = None if folded in self._folded else user
        return first

    def find(self, address: str) -> PasswdUser | None:
        return self.exact.get(address) or self._folded.get(address.casefold())
