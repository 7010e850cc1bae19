"""Which servers are trusted, and what happens when one dies, with real ones."""

import signal
import socket

from twisted.internet.task import deferLater

from mailframe.errors import TemporaryFailure
from tests.auth.checker_case import REACTOR
from tests.auth.ldap_world import ENTRIES, SERVICE, SlapdCase, ldif, text_of
from tests.auth.slapd import SERVICE_PASSWORD, Slapd, free_port


class TrustTests(SlapdCase):
    """Nothing secret is said to a server that has not shown who it is."""

    async def test_starttls(self) -> None:
        """The name is in the certificate: with StartTLS and with TLS."""
        for url in (self.slapd.url(), self.slapd.tls_url()):
            checker = self.checker(servers=[url])
            await self.assert_in(checker, "bob", "bob", "bob@example.org")

    async def test_wrong_name(self) -> None:
        """The certificate is for another name: no login, and the log says why."""
        for url in (self.slapd.url("127.0.0.1"), self.slapd.tls_url("127.0.0.1")):
            checker = self.checker(servers=[url])
            await self.assert_unsure(checker, "bob", "bob")
            self.assertIn("the certificate is not one for 127.0.0.1", self.logged[-1])

    async def test_address(self) -> None:
        """A certificate for an address is good for that address, and no name."""
        slapd = Slapd(ldif(ENTRIES), "address")
        self.addCleanup(slapd.close)
        good = self.checker(servers=[slapd.url("127.0.0.1")], ca=slapd.ca)
        await self.assert_in(good, "bob", "bob", "bob@example.org")
        bad = self.checker(servers=[slapd.url("localhost")], ca=slapd.ca)
        await self.assert_unsure(bad, "bob", "bob")

    async def test_unknown_ca(self) -> None:
        """A CA nobody named is none."""
        other = Slapd(ldif(ENTRIES))
        self.addCleanup(other.close)
        await self.assert_unsure(self.checker(ca=other.ca), "bob", "bob")
        self.assertIn("the certificate is not trusted", self.logged[0])

    async def test_without_tls(self) -> None:
        """Bare is possible where somebody says so."""
        checker = self.checker(
            head="starttls = false", servers=[self.slapd.url("127.0.0.1")]
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")

    async def test_no_tls(self) -> None:
        """A server that does not speak TLS gets no password bare."""
        checker = self.checker(servers=[f"ldaps://localhost:{self.slapd.port}"])
        await self.assert_unsure(checker, "bob", "bob")
        self.assertIn("no TLS", self.logged[0])

    async def test_external_by_certificate(self) -> None:
        """The service account is whom our certificate names."""
        folder = self.slapd.folder
        checker = self.checker(
            "[service]\nexternal = true",
            f'certificate = "{folder}/client.pem"\nkey = "{folder}/client.key"',
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")

    async def test_external_by_socket(self) -> None:
        """The service account is the Unix user at the other end of the socket."""
        checker = self.checker(
            "[service]\nexternal = true", servers=[self.slapd.socket_url()]
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")

    async def test_external_refused(self) -> None:
        """Without a certificate EXTERNAL is nobody: trouble, no wrong password."""
        await self.assert_unsure(
            self.checker("[service]\nexternal = true"), "bob", "bob"
        )
        self.assertIn("EXTERNAL is refused", self.logged[0])

    async def test_service_refused(self) -> None:
        """A wrong service password is trouble, and no user's wrong password."""
        checker = self.checker(SERVICE.replace(SERVICE_PASSWORD, "old"))
        await self.assert_unsure(checker, "bob", "bob")
        self.assertIn("the service account is refused", self.logged[0])
        self.assertNotIn("old", self.logged[0])


class FailoverTests(SlapdCase):
    """A server that dies is not a wrong password."""

    async def test_all_dead(self) -> None:
        """Nobody is told that a password is wrong or a user unknown."""
        checker = self.checker(servers=[f"ldap://localhost:{free_port()}"])
        await self.assert_unsure(checker, "bob", "bob")
        await self.assert_not_found(checker, "bob@example.org")
        # Once for the reason, not once for each login.
        self.assertEqual(len(self.logged), 1)
        self.assertIn("Connection refused", self.logged[0])

    async def test_first_dies(self) -> None:
        """When the first server dies in mid-session, the second answers."""
        first = Slapd(ldif(ENTRIES))
        self.addCleanup(first.close)
        both = self.write("".join(map(text_of, (first.ca, self.slapd.ca))))
        checker = self.checker(
            SERVICE + "[limits]\nretry = 0\n",
            servers=[first.url(), self.slapd.url()],
            ca=both,
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        first.stop()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        await self.assert_out(checker, "bob", "alice")
        await self.assert_in(checker, "alice", "pä ss", "Sales@example.org")
        self.assertIn(first.url(), self.logged[0])
        first.start()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertIn("answers again", self.logged[-1])

    async def test_restarted(self) -> None:
        """Connections kept from before a restart are replaced, unnoticed."""
        checker = self.checker()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.slapd.stop()
        self.slapd.start()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertEqual(self.logged, [])

    async def test_hangs(self) -> None:
        """A server that takes connections and never answers is given up."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        port = silent.getsockname()[1]
        checker = self.checker(
            SERVICE + "[limits]\ntimeout = 2\nconnect-timeout = 2",
            servers=[f"ldap://localhost:{port}", self.slapd.url()],
        )
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.assertIn(str(port), self.logged[0])

    async def test_stops_answering(self) -> None:
        """The same with connections that worked before."""
        checker = self.checker(SERVICE + "[limits]\ntimeout = 2\nconnect-timeout = 2")
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
        self.slapd.signal(signal.SIGSTOP)
        self.addCleanup(self.slapd.signal, signal.SIGCONT)
        await self.assert_unsure(checker, "bob", "bob")

    async def test_rubbish(self) -> None:
        """What is not LDAP is no answer."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        port = listening.getsockname()[1]
        checker = self.checker(
            SERVICE + "[limits]\ntimeout = 2",
            "starttls = false",
            servers=[f"ldap://localhost:{port}"],
        )
        for rubbish in (
            b"220 hello\r\n", b"0\x84\xff\xff\xff\xff", b"\x30\x03\x02\x01\x01",
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\xff",
            b"\x30\x80", b"",
        ):  # fmt: skip
            login = self.login(checker, "bob", "bob")
            listening.settimeout(5)
            taken, _ = await deferLater(REACTOR, 0, listening.accept)
            taken.sendall(rubbish)
            taken.close()
            await self.assertFailure(login, TemporaryFailure)

    async def test_slow_server_holds_up_its_own_only(self) -> None:
        """Threads of one directory hang, the next one's logins go on at once."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        slow = self.checker(
            SERVICE + "[limits]\nthreads = 2\nwaiting = 3\ntimeout = 50\ngive-up = 50",
            servers=[f"ldap://localhost:{silent.getsockname()[1]}"],
        )
        hanging = [self.login(slow, "bob", "bob") for _ in range(5)]
        await self.assert_unsure(slow, "bob", "bob")
        self.assertFalse(any(one.called for one in hanging))
        await self.assert_in(self.checker(), "bob", "bob", "bob@example.org")
        self.assertFalse(any(one.called for one in hanging))
        # Now they hear that nobody is there.
        silent.close()
        for one in hanging:
            await self.assertFailure(one, TemporaryFailure)

    async def test_client_gone(self) -> None:
        """A login that is cancelled leaves its connection to the next."""
        checker = self.checker(SERVICE + "[limits]\nthreads = 1")
        gone = self.login(checker, "bob", "bob")
        gone.addErrback(lambda failure: None)
        gone.cancel()
        await self.assert_in(checker, "bob", "bob", "bob@example.org")
