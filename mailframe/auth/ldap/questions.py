"""What is asked of a directory: whether a password is right, and who has an address.

Everything here blocks, and runs in a thread.

Source: RFC 4513 section 5.1.3 (a password is right if it binds).
"""

import unicodedata
from dataclasses import dataclass

from twisted.logger import Logger

from mailframe.auth.account_name import AccountName, account_name
from mailframe.auth.ldap.connection import Entry, LDAPConnection
from mailframe.auth.ldap.options import LDAPOptions
from mailframe.auth.ldap.servers import Servers
from mailframe.auth.ldap.template import Template
from mailframe.auth.quota import quota_octets
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import UserEntry

_log = Logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a login.

    Attributes:
        address: Who it is, or ``None`` if nobody comes in.
        spent: Seconds a server took to verify the password; 0 if there was
            nobody to verify it for.
    """

    address: str | None
    spent: float = 0.0


class Questions:
    """Asks the servers of one directory."""

    def __init__(self, options: LDAPOptions, servers: Servers) -> None:
        """Ask ``servers`` as ``options`` have it."""
        self._options = options
        self._servers = servers

    def login(self, name: AccountName, password: bytes, is_default: bool) -> Verdict:
        """Check a password.

        Args:
            name: Who it is said to be.
            password: Not empty.
            is_default: Whether the domain of ``name`` is the default one.

        Raises:
            TemporaryFailure: No server says.
        """
        asked = self._options.login_dn or self._options.login_filter
        if not self._may_be_ours(asked, is_default):
            return Verdict(None)
        if self._options.login_dn is not None:
            return self._bind(
                self._options.login_dn.fill(name.in_ascii()), name, password
            )
        entry = self._unique(self._options.login_filter.fill(name.in_ascii()))
        if entry is None:
            return Verdict(None)
        dn, values = entry
        if self._options.method == "search":
            return self._bind(dn, name, password, entry)
        attribute = self._options.password_attribute
        is_right, spent = self._servers.ask_as_service(
            lambda one: one.timed(lambda: one.compare(dn, attribute, password))
        )
        return Verdict(self._address(values, name) if is_right else None, spent)

    def find(self, name: AccountName, is_default: bool) -> UserEntry | None:
        """Return the user who has an address.

        Args:
            name: The address.
            is_default: Whether its domain is the default one.

        Raises:
            TemporaryFailure: No server says.
        """
        if not self._may_be_ours(self._options.find_filter, is_default):
            return None
        entry = self._unique(self._options.find_filter.fill(name.in_ascii()))
        address = self._address(entry[1], name) if entry else None
        if entry is None or address is None:
            return None
        return self._user_entry(entry, address)

    def _may_be_ours(self, asked: Template, is_default: bool) -> bool:
        """Tell whether a name could be one of this directory.

        Where the name is the address, and nothing we ask has the domain in it,
        ``alice`` of one domain would be ``alice`` of every other.
        """
        return bool(
            self._options.address or is_default or asked.names & {"user", "domain"}
        )

    def _unique(self, text: str) -> Entry | None:
        """Return the entry a filter finds, with the attributes we use.

        Raises:
            TemporaryFailure: It finds more than one, or no server says.
        """
        options = self._options
        found = self._servers.ask_as_service(
            lambda one: one.search(
                options.base, options.scope, text, options.attributes, 2
            )
        )
        if len(found) > 1:
            _log.error("{filter} finds more than one entry", filter=text)
            raise TemporaryFailure("more than one entry")
        return found[0] if found else None

    def _bind(
        self,
        dn: str,
        name: AccountName,
        password: bytes,
        entry: Entry | None = None,
    ) -> Verdict:
        """Check a password by binding; without ``entry``, read it as that user."""
        options = self._options

        def ask(one: LDAPConnection) -> tuple[bool, float, Entry | None]:
            is_right, spent = one.timed(lambda: one.bind(dn, password))
            found = entry
            if is_right and found is None and options.address:
                found = one.read(dn, options.attributes)
            return is_right, spent, found

        is_right, spent, found = self._servers.ask_as_user(ask)
        if not is_right:
            return Verdict(None, spent)
        return Verdict(self._address(found[1] if found else {}, name), spent)

    def _address(self, values: dict[str, list[str]], name: AccountName) -> str | None:
        """Return the canonical address of an entry, or ``None`` if it has none."""
        options = self._options
        if not options.address:
            # As the directory compares names, so that one user is one address.
            return f"{unicodedata.normalize('NFKC', name.local).lower()}@{name.domain}"
        addresses = _addresses(values, options.address)
        if not addresses:
            _log.error(
                "the entry of {user} has no {attribute}; not used",
                user=name.user,
                attribute=options.address,
            )
            return None
        # The values of an attribute have no order.
        return addresses[0]

    def _user_entry(self, entry: Entry, address: str) -> UserEntry:
        options = self._options
        dn, values = entry
        names = [
            one
            for attribute in (options.address, *options.aliases)
            for one in _addresses(values, attribute)
            if one != address
        ]
        extra = {
            key: "\n".join(values[attribute.lower()])
            for key, attribute in options.extra.items()
            if values.get(attribute.lower())
        }
        shared = self._shared(dn, address)
        if shared:
            extra["shared"] = "\n".join(shared)
        return UserEntry(
            address=address,
            aliases=tuple(dict.fromkeys(names)),
            quota=_quota(values.get(options.quota.lower(), []), address),
            home=next(iter(values.get(options.home.lower(), [])), None),
            extra=extra,
        )

    def _shared(self, dn: str, address: str) -> list[str]:
        """Return the names of the user's groups, sorted."""
        options = self._options
        if options.group_filter is None:
            return []
        local, _, domain = address.rpartition("@")
        named = {**AccountName(local, domain).in_ascii(), "dn": dn}
        text = options.group_filter.fill(named)
        most = options.limits.groups
        found = self._servers.ask_as_service(
            lambda one: one.search(
                options.group_base, "subtree", text, [options.group_attribute], most + 1
            )
        )
        if len(found) > most:
            _log.warn("{user} is in more than {most} groups", user=address, most=most)
        attribute = options.group_attribute.lower()
        return sorted(
            {
                name
                for _, values in found[:most]
                for name in values.get(attribute, ())[:1]
                if "\n" not in name
            }
        )


def _addresses(values: dict[str, list[str]], attribute: str) -> list[str]:
    """Return the addresses among the values of an attribute, sorted."""
    found = (account_name(one, "") for one in values.get(attribute.lower(), ()))
    return sorted(one.user for one in found if one is not None)


def _quota(values: list[str], address: str) -> int | None:
    try:
        return quota_octets(values[0]) if values else None
    except ValueError:
        _log.warn("{user} has a quota that cannot be read; none is kept", user=address)
        return None
