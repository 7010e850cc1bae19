"""One line of a passwd-file, as Dovecot reads it.

Source: https://doc.dovecot.org/main/core/config/auth/databases/passwd_file.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailframe.auth.networks import rule_of
from mailframe.auth.password_hash import check_scheme

# Whitespace and controls would let one name look like another, or like a line.
_NAME = re.compile(r"[^\s:@\x00-\x1f\x7f-\x9f]+(?:@[^\s:@\x00-\x1f\x7f-\x9f]+)?\Z")

_SIZE = re.compile(r"([0-9]{1,15})([bkmgt]?)(?:i?b)?\Z", re.IGNORECASE)
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

_RESTRICTIONS = ("allow_real_nets",)
"""Extra fields that keep people out and are not understood here; ignoring one
would let them in. ``nologin``, ``allow_nets``, ``deny_nets`` and ``services`` are
understood by :func:`mailframe.auth.networks.check_fields`."""


@dataclass(frozen=True, slots=True)
class PasswdUser:
    """What a line says.

    Attributes:
        number: Of the line, from 1.
        name: As written, with or without a domain.
        stored: ``{SCHEME}hash``, ``""`` if nobody can log in. Never shown.
        quota: Octets, or ``None`` for no bound.
        home: The home directory, or ``None``.
        aliases: Other addresses, with or without a domain.
        extra: The other fields, by name: ``uid``, ``gid``, ``gecos``, and the
            extra fields without their ``userdb_``.
        trouble: What of the line is not used, for people; ``""`` if nothing.
    """

    number: int
    name: str
    stored: str = field(repr=False)
    quota: int | None = None
    home: str | None = None
    aliases: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


def is_name(text: str) -> bool:
    """Tell whether ``text`` can be the name of a user: ``local`` or ``local@domain``.

    No whitespace, control character or ``:``, and one ``@`` at most.
    """
    return _NAME.match(text) is not None


def name_of(line: bytes) -> str | None:
    """Return the name a line begins with, or ``None`` if it is not a user's."""
    user, colon, _ = line.partition(b":")
    if not colon or line.startswith(b"#"):
        return None
    try:
        name = user.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return name if is_name(name) else None


def parse_line(number: int, line: bytes) -> PasswdUser | None:
    """Return the user of one line, or ``None`` for a comment or an empty line.

    A password of a scheme we do not know, or a quota we cannot read, does not
    make the user unknown: mail for that address would be sent back.

    Args:
        number: Of the line, from 1.
        line: Without its line end.

    Raises:
        ValueError: It is neither; the text says why and repeats nothing.
    """
    if not line.strip() or line.startswith(b"#"):
        return None
    name = name_of(line)
    if name is None:
        raise ValueError("does not begin with a user name and ':'")
    try:
        # The eighth field may have colons of its own.
        fields = line.decode("utf-8").split(":", 7)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    _, stored, uid, gid, gecos, home, _, rest = fields + [""] * (8 - len(fields))
    extra = {
        key: value
        for key, value in (("uid", uid), ("gid", gid), ("gecos", gecos))
        if value
    }
    troubles = []
    for word in rest.split():
        key, _, value = word.partition("=")
        extra.setdefault(key.removeprefix("userdb_"), value)
    try:
        check_scheme(stored)
    except ValueError as error:
        troubles.append(f"{error}; no login")
        stored = ""
    for key in _RESTRICTIONS:
        if key in extra:
            troubles.append(f"{key} is not understood; no login")
            stored = ""
    try:
        rule_of(extra)
    except ValueError:
        troubles.append("networks that cannot be read; no login")
        stored = ""
    quota = None
    try:
        quota = _quota(extra)
    except ValueError:
        troubles.append("a quota that cannot be read; none is kept")
    aliases = tuple(
        alias for alias in extra.pop("aliases", "").split(",") if is_name(alias)
    )
    return PasswdUser(
        number=number,
        name=name,
        stored=stored,
        quota=quota,
        home=extra.pop("home", "") or home or None,
        aliases=aliases,
        extra=extra,
        trouble="; ".join(troubles),
    )


def parse_lines(octets: bytes) -> Iterator[PasswdUser | tuple[int, str]]:
    """Yield the users of a whole file, and where a line is wrong its number and why."""
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            user = parse_line(number, line.removesuffix(b"\r"))
        except ValueError as error:
            yield number, str(error)
        else:
            if user is not None:
                yield user


def _quota(extra: dict[str, str]) -> int | None:
    """Take the quota out of the extra fields and return it in octets.

    Raises:
        ValueError: It is there, and not a size.
    """
    # quota=1G (ours), quota_storage_size=1G (Dovecot 2.4), and the older
    # quota_rule=*:storage=1048576 (KiB without a unit) or *:bytes=1073741824.
    for key in ("quota", "quota_storage_size"):
        if key in extra:
            return _octets(extra.pop(key), "b")
    rule = extra.pop("quota_rule", "")
    for part in rule.removeprefix("*:").split(":") if rule.startswith("*:") else ():
        kind, _, size = part.partition("=")
        if kind == "storage":
            return _octets(size, "k")
        if kind == "bytes":
            return _octets(size, "b")
    return None


def _octets(text: str, unit: str) -> int | None:
    found = _SIZE.match(text)
    if found is None:
        raise ValueError("not a size")
    return int(found[1]) * _UNITS[(found[2] or unit).lower()] or None
