"""Tests of :mod:`mailframe.auth.dovecot`, with a real Dovecot and without one."""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.auth import dovecot, dovecot_socket
from mailframe.auth.dovecot import DovecotChecker
from mailframe.auth.dovecot_codec import DovecotCodec, Reply
from mailframe.auth.dovecot_socket import DovecotSocket
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, Mind
from tests.auth.at_once import LoginCase
from tests.auth.checker_case import REACTOR, CheckerCase
from tests.auth.test_dovecot_codec import GREETING
from tests.host import START_TIMEOUT, until
from tests.peers import require

CONFIG = """\
log_path = {directory}/log
base_dir = {directory}/run
state_dir = {directory}/state
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
protocols =
auth_failure_delay = 0
auth_username_format = %Lu
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = passwd-file
  args = {directory}/users
}}
service auth {{
  user = {user}
  chroot =
  unix_listener {directory}/auth-client {{
    mode = 0666
  }}
  unix_listener {directory}/auth-userdb {{
    mode = 0666
  }}
}}
service auth-worker {{
  user = {user}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
"""

USERS = """\
alice@example.org:{PLAIN}open-sesame:1234:1234::/home/alice::userdb_quota_rule=*:storage=2M
bob@example.org:{PLAIN}b:1234:1234::/home/bob::nologin
netty@example.org:{PLAIN}n:1234:1234::/home/n::allow_nets=192.0.2.0/24
"""


class RealDovecot:
    """A Dovecot that only authenticates."""

    def __init__(self) -> None:
        """Start it, as somebody who is not root, and wait for its sockets."""
        program = require("dovecot")
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-dovecot-"))
        me = pwd.getpwuid(os.getuid())
        if me.pw_uid == 0:
            me = pwd.getpwnam("nobody")
        for name in ("run", "state"):
            (self.directory / name).mkdir()
        (self.directory / "users").write_text(USERS)
        (self.directory / "dovecot.conf").write_text(
            CONFIG.format(
                directory=self.directory,
                user=me.pw_name,
                group=grp.getgrgid(me.pw_gid).gr_name,
            )
        )
        as_whom: dict[str, Any] = {}
        if os.getuid() == 0:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, me.pw_uid, me.pw_gid)
            as_whom = {"user": me.pw_uid, "group": me.pw_gid, "extra_groups": []}
        self._start = lambda: subprocess.Popen(
            [program, "-F", "-c", str(self.directory / "dovecot.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            # A group of its own: what it starts outlives it while we are
            # connected.
            start_new_session=True,
            **as_whom,
        )
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        self.process: Any = self._start()
        try:
            until(lambda: self._ended() or self._listens(), self._log)
            assert not self._ended(), self._log()
        except AssertionError:
            self.close()
            raise

    def _log(self) -> str:
        log = self.directory / "log"
        return log.read_text() if log.exists() else ""

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        """Stop it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(START_TIMEOUT)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for path in self.sockets:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop it and remove everything."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def sockets(self) -> tuple[Path, Path]:
        """Where passwords are checked, and where users are looked up."""
        return self.directory / "auth-client", self.directory / "auth-userdb"

    def _listens(self) -> bool:
        try:
            for path in self.sockets:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(path))
        except OSError:
            return False
        return True


class RealTests(CheckerCase):
    """Dovecot of Debian checks passwords and says who exists."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(dovecot_socket, "_log", self)
        self.dovecot = RealDovecot()
        self.addCleanup(self.dovecot.close)
        passwords, users = map(str, self.dovecot.sockets)
        self.checker = DovecotChecker(
            DovecotSocket(REACTOR, passwords),
            DovecotSocket(REACTOR, users, lookups=True),
            "example.org",
        )
        self.addCleanup(self.close)

    async def close(self) -> None:
        """Close the connections, and let the reactor notice."""
        self.checker.close()
        await deferLater(REACTOR, 0)

    def from_where(self, name: str, password: str, address: str) -> Deferred[Any]:
        """Log in from an address."""
        credentials: Any = UsernamePassword(name.encode(), password.encode())
        credentials.mind = Mind("imap", address, True)
        return self.checker.requestAvatarId(credentials)

    async def test_everything(self) -> None:
        """Passwords, restrictions, lookups, many at once, and a restart."""
        checker = self.checker
        verifyObject(ICredentialsChecker, checker)
        verifyObject(IUserDirectory, checker)
        await self.assert_in(checker, "alice", "open-sesame", "alice@example.org")
        await self.assert_in(checker, "ALICE", "open-sesame", "alice@example.org")
        for name, password in (
            ("alice", "wrong"), ("alice", ""), ("zoe", "open-sesame"), ("bob", "b"),
            ("alice@example.net", "open-sesame"), ("netty", "n"),
        ):  # fmt: skip
            await self.assertFailure(
                self.login(checker, name, password), UnauthorizedLogin
            )
        self.assertEqual(
            await self.from_where("netty", "n", "192.0.2.9"), b"netty@example.org"
        )
        await self.assertFailure(
            self.from_where("netty", "n", "198.51.100.9"), UnauthorizedLogin
        )
        entry = await checker.find("alice@example.org")
        assert entry is not None
        self.assertEqual(entry.address, "alice@example.org")
        self.assertEqual((entry.home, entry.quota), ("/home/alice", 2 << 20))
        self.assertEqual(entry.extra["uid"], "1234")
        self.assertIsNone(await checker.find("zoe@example.org"))
        answers = await gatherResults(
            [self.login(checker, "alice", "open-sesame") for _ in range(200)]
        )
        self.assertEqual(set(answers), {b"alice@example.org"})

        self.dovecot.stop()
        await self.assert_unsure(checker, "alice", "open-sesame")
        await self.assert_unsure(checker, "alice", "wrong")
        await self.assert_not_found(checker, "new@example.org")
        self.dovecot.start()
        await self.assert_in(checker, "alice", "open-sesame", "alice@example.org")
        self.assertIsNone(await checker.find("new@example.org"))


class Answering:
    """Stands for a socket: gives the replies it has."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[bytes] = []

    async def ask(self, request: Any) -> Reply:
        """Note the request, give the next reply."""
        self.asked.append(request(DovecotCodec(7), 1))
        if not self.replies:
            raise TemporaryFailure("no answer")
        return self.replies.pop(0)

    def close(self) -> None:
        """Do nothing."""


class CheckerTests(LoginCase):
    """What Dovecot says becomes an answer."""

    def made(self, *replies: Reply, lookups: Any = None, **options: Any) -> Answering:
        """Make a checker that gets these replies."""
        self.patch(dovecot, "_log", self)
        answering = Answering(*replies)
        passwords: Any = answering
        self.checker = DovecotChecker(
            passwords, lookups, "Example.ORG", seconds=self.clock.seconds, **options
        )
        return answering

    def test_verdicts(self) -> None:
        """Yes, no, and what is neither."""
        self.made(Reply(1, "OK", "Alice"), Reply(1, "OK"))
        self.assert_in("alice", "a", b"Alice@example.org")
        self.assert_in("alice", "a", b"alice@example.org")
        for fields in ({}, {"code": "authz_fail"}, {"code": "user_disabled"}):
            self.made(Reply(1, "FAIL", "alice", fields))
            self.assert_out("alice", "a")
        for reply in (
            Reply(1, "FAIL", "", {"code": "temp_fail"}),
            Reply(1, "FAIL", "", {"temp": ""}),
            Reply(1, "CONT"),
            Reply(1, "OK", "a b"),
        ):
            self.made(reply)
            self.assert_unsure("alice", "a")
        self.made(Reply(1, "OK", "alice", {"nologin": ""}))
        self.assert_out("alice", "a")

    def test_not_asked(self) -> None:
        """What nobody can have is not asked, above all no empty password."""
        asked = self.made().asked
        for name, password in (("alice", ""), ("a\tb", "a"), ("alice", "\0")):
            self.assert_out(name, password)
        self.failureResultOf(
            self.checker.requestAvatarId(UsernamePassword(b"\xff", b"a")),
            UnauthorizedLogin,
        )
        self.assertEqual(asked, [])

    def test_local_names(self) -> None:
        """Dovecot's users may be without a domain."""
        asked = self.made(Reply(1, "OK", "alice"), full_names=False).asked
        self.assert_in("alice@example.org", "a", b"alice@example.org")
        self.assert_out("alice@example.net", "a")
        [request] = asked
        self.assertIn(b"resp=AGFsaWNlAGE=", request)

    def test_find(self) -> None:
        """Quotas of every notation, and what cannot be told."""
        for fields, quota in (
            ({}, None),
            ({"quota_rule": "*:storage=10"}, 10 << 10),
            ({"quota_rule": "*:storage=1G"}, 1 << 30),
            ({"quota_rule": "*:bytes=99"}, 99),
            ({"quota_rule": "Trash:storage=10"}, None),
            ({"quota_rule": "*:storage=much"}, None),
            ({"quota_storage_size": "1M"}, 1 << 20),
        ):
            self.made(lookups=Answering(Reply(1, "USER", "alice", fields)))
            self.assertEqual(self.find("alice@example.org").quota, quota, fields)
        self.made(lookups=Answering(Reply(1, "NOTFOUND")))
        self.assertIsNone(self.find("alice@example.org"))
        self.assertIsNone(self.find("a b@example.org"))
        self.made(lookups=Answering(Reply(1, "FAIL")))
        self.assert_find_fails("alice@example.org")

    def test_no_directory(self) -> None:
        """Without the second socket nobody is known without a password."""
        self.made()
        self.assertFalse(IUserDirectory.providedBy(self.checker))
        self.checker.default_domain = "example.net"
        self.assertEqual(self.checker.default_domain, "example.net")
        self.checker.close()


class Transport(StringTransport):
    """A connection that can be aborted."""

    def abortConnection(self) -> None:
        self.loseConnection()


class SocketTests(SynchronousTestCase):
    """One connection, many questions; nobody waits for ever."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.logged: list[str] = []
        self.patch(dovecot_socket, "_log", self)
        self.socket = DovecotSocket(self.reactor, "/sock", timeout=20, pending=3)

    def error(self, text: str, **values: object) -> None:
        """Take what is logged."""
        self.logged.append(text.format(**values))

    def ask(self) -> Deferred[Any]:
        """Ask something."""
        return Deferred.fromCoroutine(
            self.socket.ask(
                lambda codec, number: codec.password(number, b"a", b"b", "smtp")
            )
        )

    def accept(self, greeting: bytes = GREETING) -> tuple[Any, Transport]:
        """Accept the latest connection."""
        factory = self.reactor.unixClients[-1][1]
        protocol = factory.buildProtocol(None)
        transport = Transport()
        protocol.makeConnection(transport)
        if greeting:
            protocol.dataReceived(greeting)
        return protocol, transport

    def test_one_connection(self) -> None:
        """Several ask over one connection; replies come in any order."""
        first, second = self.ask(), self.ask()
        self.assertEqual(len(self.reactor.unixClients), 1)
        protocol, transport = self.accept()
        third = self.ask()
        self.assertEqual(len(self.reactor.unixClients), 1)
        self.assertEqual(transport.value().count(b"AUTH\t"), 3)
        protocol.dataReceived(b"OK\t3\nFAIL\t1\nOK\t2\nOK\t9\n")
        verdicts = [self.successResultOf(one).verdict for one in (first, second, third)]
        self.assertEqual(verdicts, ["FAIL", "OK", "OK"])

    def test_too_many(self) -> None:
        """Who is one too many is told at once."""
        for _ in range(3):
            self.ask().addErrback(lambda _: None)
        self.failureResultOf(self.ask(), TemporaryFailure)

    def test_refused(self) -> None:
        """No socket, no answer; it is logged once."""
        for _ in range(2):
            asked = self.ask()
            connector_factory = self.reactor.unixClients[-1][1]
            connector_factory.clientConnectionFailed(None, Failure(ConnectError()))
            self.failureResultOf(asked, TemporaryFailure)
        self.assertEqual(self.logged, ["/sock: ConnectError"])
        again = self.ask()
        protocol, _ = self.accept()
        protocol.dataReceived(b"OK\t1\n")
        self.successResultOf(again)

    def test_lost(self) -> None:
        """Who waits when the connection ends is told; the next one connects."""
        asked = self.ask()
        protocol, _ = self.accept()
        protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asked, TemporaryFailure)
        self.ask().addErrback(lambda _: None)
        self.assertEqual(len(self.reactor.unixClients), 2)

    def test_hangs(self) -> None:
        """Without a word in time the question ends, and so does the connection."""
        asked = self.ask()
        _, transport = self.accept()
        again = self.ask()
        self.reactor.advance(20)
        self.failureResultOf(asked, TemporaryFailure)
        self.failureResultOf(again, TemporaryFailure)
        self.assertTrue(transport.disconnecting)

    def test_hangs_at_the_greeting(self) -> None:
        """A server that never greets is given up."""
        asked = self.ask()
        _, transport = self.accept(b"")
        self.reactor.advance(20)
        self.failureResultOf(asked, TemporaryFailure)
        self.assertTrue(transport.disconnecting)

    def test_slow_for_one(self) -> None:
        """A question that takes too long ends; others are not disturbed."""
        slow = self.ask()
        protocol, transport = self.accept()
        self.reactor.advance(10)
        other = self.ask()
        protocol.dataReceived(b"VERSION\t1\t2\n")
        self.reactor.advance(10)
        self.failureResultOf(slow, TemporaryFailure)
        self.assertFalse(transport.disconnecting)
        protocol.dataReceived(b"OK\t1\nOK\t2\n")
        self.assertEqual(self.successResultOf(other).number, 2)

    def test_another_protocol(self) -> None:
        """Something that is not Dovecot is left at once."""
        asked = self.ask()
        protocol, transport = self.accept(b"220 hello\r\n")
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asked, TemporaryFailure)
        self.assertNotIn("hello", " ".join(self.logged))

    def test_client_gone(self) -> None:
        """Who goes away takes nothing from others; the late reply is dropped."""
        gone, other = self.ask(), self.ask()
        protocol, _ = self.accept()
        gone.cancel()
        self.failureResultOf(gone)
        protocol.dataReceived(b"OK\t1\nOK\t2\n")
        self.assertEqual(self.successResultOf(other).number, 2)

    def test_lifetime(self) -> None:
        """After a minute there is a new connection; the old one is drained."""
        old = self.ask()
        protocol, transport = self.accept()
        protocol.dataReceived(b"OK\t1\n")
        self.successResultOf(old)
        self.reactor.advance(dovecot_socket.LIFETIME - 1)
        old = self.ask()
        self.reactor.advance(1)
        new = self.ask()
        self.assertEqual(len(self.reactor.unixClients), 2)
        self.assertFalse(transport.disconnecting)
        protocol.dataReceived(b"OK\t2\n")
        self.successResultOf(old)
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(Failure(ConnectionDone()))
        protocol, _ = self.accept()
        protocol.dataReceived(b"OK\t1\n")
        self.successResultOf(new)

    def test_close(self) -> None:
        """Closing ends the connection, if there is one."""
        self.socket.close()
        self.ask().addErrback(lambda _: None)
        _, transport = self.accept()
        self.socket.close()
        self.assertTrue(transport.disconnecting)
