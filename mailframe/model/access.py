"""Who may do what with a mailbox: rights, and lists that grant them.

An *identifier* names somebody: ``anyone``, ``authenticated``, a user by address,
a group as ``$name``, :data:`OWNER`; with ``-`` in front what it names loses
rights, and ``!$name`` is a group that goes before all but the owner.

Source: RFC 4314 section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.errors import LimitExceeded
from mailframe.limits import IMAPLimits
from mailframe.model.flag import DELETED, SEEN, FlagChange, FlagSet

Rights = frozenset[str]
"""Rights as RFC 4314 section 2.1 has them, one letter each."""

_LETTERS = "lrswipkxtea"
ALL_RIGHTS: Rights = frozenset(_LETTERS)
NO_RIGHTS: Rights = frozenset()

OWNER_KEEPS: Rights = frozenset("la")
"""What no list takes from the owner, so that the rest can be had back."""

ANYONE = "anyone"
AUTHENTICATED = "authenticated"
OWNER = "owner"
GROUP = "$"
OVERRIDE = "!"
NEGATIVE = "-"

VIRTUAL: Mapping[str, Rights] = {"c": frozenset("kx"), "d": frozenset("te")}
"""Rights of older clients, and what they stand for (RFC 4314 section 2.1.1)."""

_ENTRIES_MAX = IMAPLimits().access_entries


def rights(letters: str) -> Rights:
    """Return the rights some letters name, virtual ones as what they stand for.

    Raises:
        ValueError: A letter names none.

    Source: RFC 4314 sections 2.1 and 2.1.1.
    """
    found: set[str] = set()
    for letter in letters:
        if letter in VIRTUAL:
            found |= VIRTUAL[letter]
        elif letter in ALL_RIGHTS:
            found.add(letter)
        else:
            raise ValueError("no such right")
    return frozenset(found)


def letters(held: Rights) -> str:
    """Return rights without virtual ones, in the order of the standard."""
    return "".join(one for one in _LETTERS if one in held)


def with_virtual(held: Rights) -> str:
    """Return rights with the virtual ones that go with them.

    Source: RFC 4314 section 2.1.1.
    """
    virtual = [letter for letter, members in VIRTUAL.items() if members & held]
    return letters(held) + "".join(virtual)


def allowed_flags(flags: FlagSet, held: Rights) -> FlagSet:
    """Return those of some flags that may be set and cleared with these rights.

    Source: RFC 4314 section 4 (STORE, COPY, APPEND).
    """
    if held >= _FLAG_RIGHTS:
        return flags
    return frozenset(
        flag
        for flag in flags
        if ("s" if flag == SEEN else "t" if flag == DELETED else "w") in held
    )


_FLAG_RIGHTS: Rights = frozenset("swt")
CHANGING: Rights = frozenset("ie") | _FLAG_RIGHTS
"""With none of these a mailbox is read-only (RFC 4314 section 5.2; all flags are
shared)."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants to do something with a mailbox.

    Attributes:
        address: The user's canonical address.
        groups: Names of the groups the user is in.
        owner: Whether the mailbox is the user's own.
    """

    address: str
    groups: frozenset[str] = frozenset()
    owner: bool = False


@dataclass(frozen=True, slots=True)
class AccessList:
    """The access control list of one mailbox.

    Attributes:
        entries: Rights by identifier, in the order they were made.
    """

    entries: Mapping[str, Rights] = field(default_factory=dict)

    def rights_of(self, person: Person) -> Rights:
        """Return what somebody may do.

        The most specific entry counts: of a group with ``!``, of the user, of
        groups (all of them together), of everybody. Negative entries that fit are
        then taken away. The owner has all rights unless the owner's entry says
        less, and keeps those of :data:`OWNER_KEEPS`.

        Source: RFC 4314 section 2 (how they are combined is ours to say).
        """
        entries = self.entries
        if person.owner:
            if not entries:
                return ALL_RIGHTS
            held = entries.get(OWNER, ALL_RIGHTS)
            return held - entries.get(NEGATIVE + OWNER, NO_RIGHTS) | OWNER_KEEPS
        groups = [GROUP + group for group in person.groups]
        ranks = (
            [OVERRIDE + group for group in groups],
            [person.address],
            groups,
            [AUTHENTICATED],
            [ANYONE],
        )
        found: list[Rights] = []
        for rank in ranks:
            found = [entries[name] for name in rank if name in entries]
            if found:
                break
        gone = [entries.get(NEGATIVE + name) for rank in ranks for name in rank]
        return NO_RIGHTS.union(*found).difference(*(one for one in gone if one))

    def changed(
        self, identifier: str, change: FlagChange, changed: Rights
    ) -> "AccessList":
        """Return the list after SETACL.

        Args:
            identifier: Whose entry.
            change: What to do with ``changed``.
            changed: Rights.

        Raises:
            LimitExceeded: There would be too many entries.

        Source: RFC 4314 section 3.1.
        """
        implied = ALL_RIGHTS if identifier == OWNER else NO_RIGHTS
        had = self.entries.get(identifier, implied)
        if change is FlagChange.ADD:
            changed = had | changed
        elif change is FlagChange.REMOVE:
            changed = had - changed
        if identifier == OWNER:
            changed |= OWNER_KEEPS
        found = {**self.entries, identifier: changed}
        if len(found) > max(_ENTRIES_MAX, len(self.entries)):
            raise LimitExceeded("too many entries in an access list")
        return AccessList(found)

    def without(self, identifier: str) -> "AccessList":
        """Return the list after DELETEACL; the owner keeps what nobody can take.

        Source: RFC 4314 section 3.2.
        """
        found = dict(self.entries)
        if identifier == OWNER:
            found[OWNER] = OWNER_KEEPS
        else:
            found.pop(identifier, None)
        return AccessList(found)

    def identifiers(self) -> frozenset[str]:
        """Return who is given something, apart from the owner.

        Groups that go before others are named as groups.
        """
        return frozenset(
            name.removeprefix(OVERRIDE)
            for name, held in self.entries.items()
            if held and name != OWNER and not name.startswith(NEGATIVE)
        )


NO_LIST = AccessList()
"""That of a mailbox nobody has shared."""
