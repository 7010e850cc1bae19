"""Feed random and mutated input to POP3 sessions and to the SASL of all protocols.

Started by hand::

    python -m tests.fuzz.login_million --inputs 1000000 --seconds 600

Whatever comes in, nothing is reported as our own bug, nothing waits for ever, every
reply is whole lines, and nothing is sent once a session is over. The seed is printed;
the same seed gives the same run.
"""

import random
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from twisted.cred.portal import Portal

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.connection import TLSInfo
from mailframe.limits import POP3Limits
from mailframe.model.scram_keys import ScramKeys, derived
from mailframe.model.secret import Secret
from mailframe.pop3.login_delays import LoginDelays
from mailframe.pop3.options import POP3Options
from mailframe.sasl.client import Carrier, ClientExchange, Login, best
from mailframe.sasl.mechanisms import MECHANISMS
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.fuzz import million
from tests.fuzz.smtp_million import drive, mutated
from tests.pop3.world import World
from tests.sasl.test_protocols import PROTOCOLS, Protocol
from tests.sasl.world import Checker, connection

PASSWORD = b"secret"

COMMANDS = (
    *(b"CAPA", b"STLS", b"UTF8", b"LANG", b"LANG en", b"LANG *", b"NOOP", b"RSET"),
    *(b"USER alice@example.org", b"PASS secret", b"PASS  secret ", b"USER \xc3\xa4"),
    *(b"APOP alice@example.org df63a8c6dadaa88aa21a2108b470e615", b"APOP x y"),
    *(b"STAT", b"LIST", b"LIST 1", b"UIDL", b"UIDL 3", b"DELE 2", b"DELE 99"),
    *(b"RETR 1", b"RETR 4", b"TOP 1 0", b"TOP 4 99999999999", b"TOP 2", b"QUIT"),
    *(b"AUTH", b"AUTH PLAIN", b"AUTH PLAIN =", b"AUTH NOSUCH", b"XTND", b""),
)
"""What POP3 clients say."""

JUNK = (b"*", b"", b"=", b"====", b"!", b"AAAA====", b"A" * 20_000, b"* ", b"\xff")
"""What comes in the place of base64."""

NAMES = tuple(mechanism.name for mechanism in MECHANISMS)


class Known(Checker):
    """Knows alice, and computes her keys once; now and then cannot tell."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__(PASSWORD)
        self._keys: dict[str, ScramKeys] = {}
        self.away = False

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return keys, or be away."""
        if self.away:
            raise TemporaryFailure("away")
        if digest not in self._keys:
            self._keys[digest] = derived(PASSWORD, self.salt, 4096, digest).keys
        return self._keys[digest]


class Recorded:
    """What a client says to log in, by mechanism, after the name of the mechanism.

    The server's nonces are the same in each session, so it is right in each.
    """

    def __init__(self) -> None:
        """Hold each dialogue once."""
        self.checker = Known()
        self.lines = {name: self._lines(name) for name in NAMES}

    def _lines(self, name: str) -> tuple[bytes, ...]:
        bindings = (("tls-exporter", b"E" * 32),) if name.endswith("PLUS") else ()
        login = Login(b"alice@example.org", Secret(PASSWORD))
        chosen = best((name,), login, Carrier(True, b"n" * 18, bindings))
        if chosen is None:
            text = b"n,a=alice@example.org,\x01auth=Bearer xyz\x01\x01"
            return tuple(map(b64encode, (text, b"first", b"second", b"[\x01\0\0\0]")))
        protocol = PROTOCOLS[0]
        server, _ = protocol.make(self.checker)
        conversation = Conversation(server, connection(subject="alice"))
        conversation.heard()
        conversation.say(protocol.greeting)
        heard = conversation.say(b"AUTH " + name.encode() + b"\r\n")
        client = ClientExchange(chosen)
        client.begin(with_response=False)
        said: list[bytes] = []
        while heard.startswith(protocol.challenge):
            said.append(client.feed(heard[len(protocol.challenge) : -2]))
            heard = conversation.say(said[-1] + b"\r\n")
        if not heard.startswith(protocol.welcome):
            raise AssertionError(f"{name}: {heard!r}")
        return tuple(said)


RECORDED = Recorded()


def bent(chance: random.Random, line: bytes) -> bytes:
    """Return a line of base64 with changes outside or inside."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.choice(JUNK)
    if kind == 1:
        return mutated(chance, line)
    if kind == 2:
        return b64encode(mutated(chance, b64decode(line)))
    if kind == 3:
        return b64encode(chance.randbytes(chance.randrange(60)))
    return line


def login(chance: random.Random, protocol: Protocol) -> Iterator[bytes]:
    """Yield the lines of one login, more or less."""
    name = chance.choice(NAMES)
    lines = [bent(chance, line) for line in RECORDED.lines[name]]
    command = protocol.command + name.encode()
    if lines and chance.randrange(2):
        command += b" " + (lines.pop(0) or b"=")
    yield command
    yield from lines
    if chance.randrange(3) == 0:
        yield chance.choice((b"*", b"", bent(chance, b"AQ==")))


def pop3(chance: random.Random) -> tuple[Any, list[BaseException]]:
    """Return a POP3 server with everything switched on, or not."""
    world = World(
        limits=POP3Limits(errors=60, login_attempts=20, auth_line=2000),
        options=POP3Options(
            apop=chance.randrange(2) == 0,
            expire=chance.choice((None, 0, 30)),
            login_delays=LoginDelays(9, lambda: 0.0) if chance.randrange(9) else None,
        ),
    )
    world.append(b"From: \xc3\xa4 <a@\xc3\xa4>\r\nX: \xff\r\n\r\n\r.\n..\r\n.")
    world.portal = Portal(world.realm, [RECORDED.checker])
    return world.server(), world.reported


def conversation(
    chance: random.Random, protocol: Protocol, is_pop3: bool
) -> Iterator[bytes]:
    """Yield what a client might say, one line after another."""
    yield protocol.greeting.removesuffix(b"\r\n")
    if is_pop3 and chance.randrange(2):
        yield from (b"USER alice@example.org", b"PASS secret")
    while True:
        if is_pop3 and chance.randrange(3):
            yield chance.choice(COMMANDS)
        else:
            yield from login(chance, protocol)


def try_session(chance: random.Random) -> int:
    """Hold one session; return how many inputs it had."""
    is_pop3 = chance.randrange(2) == 0
    protocol = PROTOCOLS[1] if is_pop3 else chance.choice(PROTOCOLS)
    RECORDED.checker.away = chance.randrange(9) == 0
    RECORDED.checker.asked.clear()
    server, reported = pop3(chance) if is_pop3 else protocol.make(RECORDED.checker)
    carrier: Any = connection(subject=chance.choice((None, "alice")))
    if chance.randrange(4) == 0:
        carrier = FakeConnection(trusted=chance.randrange(2) == 0, can_start_tls=True)
        carrier.bindings = {"tls-exporter": b"E" * 32}
    server.connected(carrier)
    server.take_output()
    inputs = 0
    plan = conversation(chance, protocol, is_pop3)
    for _ in range(chance.randrange(1, 40)):
        octets = next(plan) + b"\r\n"
        if chance.randrange(12) == 0:
            octets = mutated(chance, octets)
        inputs += 1
        cut = chance.randrange(len(octets) + 1)
        for piece in (octets[:cut], octets[cut:]):
            over = server.closing
            server.receive(piece)
            if server.starting_tls:
                carrier.tls = TLSInfo("TLSv1.3", "any", 256)
            said = drive(server, SimpleNamespace(reported=reported))
            if over and said:
                raise AssertionError("said something after the end")
            if said and not said.endswith(b"\r\n"):
                raise AssertionError(f"half a line: {said!r}")
        if server.closing:
            break
    leaving = server.lost()
    if leaving is not None:
        try:
            leaving.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("a logout waits")
    if reported:
        raise AssertionError("a bug of ours") from reported[0]
    return inputs


if __name__ == "__main__":
    sys.exit(million.run(sys.argv[1:], __doc__, inputs=try_session))
