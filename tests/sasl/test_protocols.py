"""The same dialogues in SMTP, POP3 and IMAP, each with its own words around."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.connection import IServer
from mailframe.limits import IMAPLimits, POP3Limits, SMTPLimits
from mailframe.model.scram_keys import ScramKeys
from mailframe.model.secret import Secret
from mailframe.sasl.client import Carrier, ClientExchange, Login, best
from mailframe.testing.transcript import Conversation
from tests.imap.world import World as IMAPWorld
from tests.pop3.world import World as POP3World
from tests.sasl.test_bearer import ASKING
from tests.sasl.world import Checker, connection
from tests.smtp.world import World as SMTPWorld

PASSWORD = b"secret"


@dataclass(frozen=True)
class Protocol:
    """How one protocol says things.

    Attributes:
        make: Makes a server and the list of its own bugs.
        greeting: What the client says first.
        command: What begins a login.
        challenge: What stands before a challenge.
        welcome, wrong, later, cancelled: How replies begin.
    """

    make: Callable[[Checker], tuple[IServer, list[BaseException]]]
    greeting: bytes
    command: bytes
    challenge: bytes
    welcome: bytes
    wrong: bytes
    later: bytes
    cancelled: bytes


def _smtp(checker: Checker) -> tuple[IServer, list[BaseException]]:
    world = SMTPWorld("submission", SMTPLimits(login_attempts=2))
    world.portal = Portal(world.portal.realm, [checker])
    return world.server(), world.reported


def _pop3(checker: Checker) -> tuple[IServer, list[BaseException]]:
    world = POP3World(limits=POP3Limits(login_attempts=2))
    world.portal = Portal(world.realm, [checker])
    return world.server(), world.reported


def _imap(checker: Checker) -> tuple[IServer, list[BaseException]]:
    world: Any = IMAPWorld(limits=IMAPLimits(login_attempts=2))
    pop3 = POP3World()
    world.door = Portal(pop3.realm, [checker])
    return world.server(), world.reported


PROTOCOLS = (
    Protocol(
        _smtp, b"EHLO client.example\r\n", b"AUTH ", b"334 ",
        b"235 2.7.0", b"535 5.7.8", b"454 4.7.0", b"501",
    ),
    Protocol(
        _pop3, b"NOOP\r\n", b"AUTH ", b"+ ",
        b"+OK", b"-ERR [AUTH]", b"-ERR [SYS/TEMP]", b"-ERR",
    ),
    Protocol(
        _imap, b"a NOOP\r\n", b"a AUTHENTICATE ", b"+ ",
        b"a OK", b"a NO [AUTHENTICATIONFAILED]", b"a NO [UNAVAILABLE]", b"a BAD",
    ),
)  # fmt: skip


class Client:
    """One connection to one protocol's server."""

    def __init__(self, protocol: Protocol, checker: Checker) -> None:
        self.protocol = protocol
        server, self.reported = protocol.make(checker)
        self.conversation = Conversation(server, connection(subject="alice"))
        self.conversation.heard()
        self.conversation.say(protocol.greeting)

    def say(self, line: bytes) -> bytes:
        """Say a line, and return what is heard."""
        return self.conversation.say(line + b"\r\n")

    def begin(self, name: str, initial: bytes | None = None) -> bytes:
        """Begin a login."""
        rest = b"" if initial is None else b" " + initial
        return self.say(self.protocol.command + name.encode() + rest)

    def log_in(self, name: str, password: bytes = PASSWORD) -> bytes:
        """Log in to the end; return the last thing heard."""
        bindings = (("tls-exporter", b"E" * 32),) if name.endswith("PLUS") else ()
        chosen = best(
            (name,),
            Login(b"alice@example.org", Secret(password)),
            Carrier(True, b"n" * 18, bindings),
        )
        assert chosen is not None
        client = ClientExchange(chosen)
        heard = self.begin(name)
        client.begin(with_response=False)
        while heard.startswith(self.protocol.challenge):
            challenge = heard[len(self.protocol.challenge) :].removesuffix(b"\r\n")
            heard = self.say(client.feed(challenge))
        if heard.startswith(self.protocol.welcome):
            client.finish()
        return heard


class Unsure(Checker):
    """Cannot tell, or breaks."""

    error: Exception = TemporaryFailure("away")

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        raise self.error


class ProtocolTests(SynchronousTestCase):
    """Every protocol does the same."""

    def each(self, checker: Checker | None = None) -> list[Client]:
        """Return a client of each protocol."""
        known = checker or Checker(PASSWORD)
        return [Client(protocol, known) for protocol in PROTOCOLS]

    def test_login(self) -> None:
        """By every mechanism with a password; SCRAM's last word goes in a challenge.

        Source: RFC 4422 section 3.6, RFC 4954 section 4, RFC 9051 section 6.2.2.
        """
        for name in (
            "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
            "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
        ):  # fmt: skip
            for client in self.each():
                heard = client.log_in(name)
                self.assertTrue(heard.startswith(client.protocol.welcome), heard)
                self.assertEqual(client.reported, [])

    def test_wrong_password(self) -> None:
        """A wrong proof is a wrong password, asked of the portal and counted."""
        for name in ("CRAM-MD5", "SCRAM-SHA-256"):
            checker = Checker(PASSWORD)
            for client in self.each(checker):
                heard = client.log_in(name, b"wrong")
                self.assertTrue(heard.startswith(client.protocol.wrong), heard)
                self.assertFalse(client.conversation.closed)
                heard = client.log_in(name, b"wrong")
                self.assertTrue(client.conversation.closed)
            self.assertEqual(len(checker.asked), 6)

    def test_refused_token(self) -> None:
        """A refused token is told as JSON first; cancelling that is counted, too.

        Source: RFC 7628 section 3.2.3.
        """
        wrong = b64encode(b"n,,\x01auth=Bearer x\x01\x01")
        for line in (b"AQ==", b"*"):
            for client in self.each():
                for initial in (wrong, ASKING):
                    heard = client.begin("OAUTHBEARER", initial)
                    challenge = client.protocol.challenge
                    self.assertTrue(heard.startswith(challenge), heard)
                    told = json.loads(b64decode(heard[len(challenge) :]))
                    self.assertEqual(told, {"status": "invalid_token"})
                    heard = client.say(line)
                    if initial is wrong:
                        self.assertTrue(heard.startswith(client.protocol.wrong), heard)
                self.assertTrue(client.conversation.closed)

    def test_without_a_password(self) -> None:
        """A certificate and security contexts let in, too."""
        for client in self.each():
            heard = client.begin("EXTERNAL", b"=")
            self.assertTrue(heard.startswith(client.protocol.welcome), heard)
        for client in self.each():
            client.begin("GSSAPI")
            for line in (b"first", b"second", b""):
                heard = client.say(b64encode(line))
                self.assertTrue(heard.startswith(client.protocol.challenge), heard)
            heard = client.say(b64encode(b"[\x01\0\0\0]"))
            self.assertTrue(heard.startswith(client.protocol.welcome), heard)

    def test_unsure(self) -> None:
        """A checker that cannot tell now is nobody's wrong password."""
        for client in self.each(Unsure()):
            heard = client.log_in("SCRAM-SHA-256")
            self.assertTrue(heard.startswith(client.protocol.later), heard)
            self.assertEqual(client.reported, [])
            heard = client.begin("PLAIN")
            self.assertTrue(heard.startswith(client.protocol.challenge), heard)

    def test_broken(self) -> None:
        """A checker that breaks is reported, and the session goes on."""
        checker = Unsure()
        checker.error = ZeroDivisionError("secret text")
        for client in self.each(checker):
            heard = client.log_in("SCRAM-SHA-256")
            self.assertFalse(heard.startswith(client.protocol.welcome), heard)
            self.assertNotIn(b"secret", heard)
            self.assertEqual(client.reported, [checker.error])
            heard = client.begin("PLAIN")
            self.assertTrue(heard.startswith(client.protocol.challenge), heard)

    def test_slow(self) -> None:
        """While a checker is asked nothing else is answered; then all goes on."""
        for protocol in PROTOCOLS:
            checker = Checker(PASSWORD)
            checker.waiting = Deferred()
            client = Client(protocol, checker)
            client.begin("SCRAM-SHA-256")
            first = b64encode(b"n,,n=alice@example.org,r=abc")
            self.assertEqual(client.say(first), b"")
            self.assertEqual(client.say(b"*"), b"")
            waiting, checker.waiting = checker.waiting, None
            waiting.callback(None)
            heard = client.conversation.heard().splitlines()
            self.assertTrue(heard[0].startswith(protocol.challenge), heard)
            self.assertTrue(heard[1].startswith(protocol.cancelled), heard)

    def test_cancelled(self) -> None:
        """``*`` cancels at every point, and the session goes on.

        Source: RFC 4954 section 4, RFC 5034 section 4, RFC 9051 section 6.2.2.
        """
        for client in self.each():
            for name, lines in (
                ("SCRAM-SHA-256", []),
                ("SCRAM-SHA-256", [b64encode(b"n,,n=alice@example.org,r=abc")]),
                ("CRAM-MD5", []),
                ("EXTERNAL", []),
            ):
                client.begin(name)
                for line in lines:
                    client.say(line)
                heard = client.say(b"*")
                self.assertTrue(heard.startswith(client.protocol.cancelled), heard)
            heard = client.log_in("SCRAM-SHA-1")
            self.assertTrue(heard.startswith(client.protocol.welcome), heard)

    def test_rubbish(self) -> None:
        """No base64, no grammar, no initial response where there is none."""
        for client in self.each():
            for name, lines in (
                ("SCRAM-SHA-256", [b"!"]),
                ("SCRAM-SHA-256", [b64encode(b"rubbish")]),
                ("SCRAM-SHA-256", [b64encode(b"n,,n=a,r=b"), b64encode(b"c=biws")]),
                ("GSSAPI", [b64encode(b"first"), b"\xff\x00"]),
            ):
                client.begin(name)
                heard = b""
                for line in lines:
                    heard = client.say(line)
                self.assertTrue(heard.startswith(client.protocol.cancelled), heard)
            heard = client.begin("CRAM-MD5", b"AAAA")
            self.assertTrue(heard.startswith(client.protocol.cancelled), heard)
            heard = client.log_in("PLAIN")
            self.assertTrue(heard.startswith(client.protocol.welcome), heard)

    def test_megabyte(self) -> None:
        """A megabyte as a response is refused, and never kept.

        Source: RFC 4954 section 4.
        """
        for client in self.each():
            octets = client.protocol.command + b"PLAIN " + b"A" * 1_048_576
            heard = client.say(octets)
            self.assertNotIn(client.protocol.welcome, heard)
        for client in self.each():
            client.begin("PLAIN")
            heard = client.say(b"A" * 1_048_576)
            self.assertNotIn(client.protocol.welcome, heard)
