"""The client's side of Dovecot's authentication protocol, octets only.

Lines of fields with tabs between them, on one of two sockets: where passwords are
checked (``auth-client``) and where users are looked up (``auth-userdb``). Knows no
socket and no clock.

Source: https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/ (1.1).
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailframe.errors import BadSyntax, LineTooLong

LINE = 16_384
"""Octets of a line of the server's; Dovecot's own clients expect no more."""

_MAJOR, _MINOR = b"1", b"1"

_ESCAPED = {0: b"\x010", 1: b"\x011", 9: b"\x01t", 10: b"\x01n", 13: b"\x01r"}
_TO_ESCAPE = re.compile(rb"[\x00\x01\t\n\r]")
_TO_UNESCAPE = re.compile(rb"\x01(.)", re.S)
_MEANT = {b"0": b"\0", b"1": b"\x01", b"t": b"\t", b"n": b"\n", b"r": b"\r"}


@dataclass(frozen=True, slots=True)
class Ready:
    """The server has said who it is; requests may be sent."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server says to one request.

    Attributes:
        number: Of the request.
        verdict: ``OK``, ``FAIL`` or ``CONT`` to a password; ``USER``,
            ``NOTFOUND`` or ``FAIL`` to a lookup.
        user: The name as Dovecot has it, or ``""`` if it did not say.
        fields: The other parameters; one without a value has ``""``.
    """

    number: int
    verdict: str
    user: str = ""
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


class DovecotCodec:
    """One connection: what is sent, and what the answers mean."""

    def __init__(self, pid: int, lookups: bool = False) -> None:
        """Begin a connection.

        Args:
            pid: 1 to 4294967295; no two connections to a server at the same
                time may have the same.
            lookups: Whether it is the socket for lookups.
        """
        self._pid = pid
        self._lookups = lookups
        self._rest = b""
        self._versioned = False
        self._ready = False

    def greeting(self) -> bytes:
        """Return what is sent first."""
        version = b"VERSION\t%b\t%b\n" % (_MAJOR, _MINOR)
        return version if self._lookups else version + b"CPID\t%d\n" % self._pid

    def password(
        self,
        number: int,
        username: bytes,
        password: bytes,
        service: str,
        client_address: str | None = None,
    ) -> bytes:
        """Return the request to check a password.

        Args:
            number: 1 to 4294967295, another one for each request.
            username: Whose, in UTF-8; no NUL.
            password: The password; no NUL.
            service: ``imap``, ``smtp`` and the like.
            client_address: Who asks, if that is known.
        """
        # Mailframe asks only where its own rules let a password be sent: so the
        # transport counts as secured. The user does not go on to Dovecot
        # (nologin), and delays for guessing are not its business (no-penalty).
        fields = [
            b"AUTH",
            b"%d" % number,
            b"PLAIN",
            b"service=" + escaped(service.encode()),
            b"secured",
            b"nologin",
            b"no-penalty",
        ]
        if client_address is not None:
            fields.append(b"rip=" + escaped(client_address.encode()))
        secret = base64.b64encode(b"\0%b\0%b" % (username, password))
        # The last one: what follows it is ignored.
        fields.append(b"resp=" + secret)
        return b"\t".join(fields) + b"\n"

    def user(self, number: int, name: str, service: str) -> bytes:
        """Return the request to look a user up.

        Args:
            number: 1 to 4294967295, another one for each request.
            name: The user.
            service: ``lmtp`` and the like.
        """
        return b"USER\t%d\t%b\tservice=%b\n" % (
            number,
            escaped(name.encode()),
            escaped(service.encode()),
        )

    def receive(self, octets: bytes) -> list[Ready | Reply]:
        """Take what the server sent.

        Returns:
            What it means, perhaps nothing yet.

        Raises:
            BadSyntax: It is not this protocol; drop the connection.
        """
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if len(self._rest) > LINE or any([len(line) > LINE for line in lines]):
            raise LineTooLong(f"at most {LINE} octets a line")
        events = [self._line(line) for line in lines]
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> Ready | Reply | None:
        command, *parameters = map(unescaped, line.split(b"\t"))
        if not self._versioned:
            if command != "VERSION" or parameters[:1] != [_MAJOR.decode()]:
                raise BadSyntax("VERSION 1 first")
            self._versioned = True
            return self._become_ready() if self._lookups else None
        if command == "DONE" and not self._lookups and not self._ready:
            return self._become_ready()
        wanted = ("USER", "NOTFOUND", "FAIL") if self._lookups else _VERDICTS
        if command not in wanted:
            # MECH, SPID, CUID, COOKIE, and what later versions may add.
            return None
        return _reply(command, parameters)

    def _become_ready(self) -> Ready:
        self._ready = True
        return Ready()


_VERDICTS = ("OK", "FAIL", "CONT")


def _reply(verdict: str, parameters: list[str]) -> Reply:
    if not parameters or not re.match(r"[0-9]{1,10}\Z", parameters[0]):
        raise BadSyntax("the number of a request")
    number, *words = parameters
    user = words.pop(0) if verdict == "USER" and words else ""
    fields: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        fields[key] = value
    return Reply(int(number), verdict, user or fields.pop("user", ""), fields)


def escaped(octets: bytes) -> bytes:
    """Return octets as a parameter may have them: no tab and no line end."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPED[found[0][0]], octets)


def unescaped(octets: bytes) -> str:
    """Return what a parameter says.

    Raises:
        BadSyntax: It is not UTF-8.
    """
    if b"\x01" in octets:
        octets = _TO_UNESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), octets)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSyntax("UTF-8") from None
