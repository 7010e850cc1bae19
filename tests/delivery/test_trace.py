"""Trace fields and identifiers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery import trace
from mailframe.model.address import Address
from mailframe.model.envelope import Origin


def _origin(
    helo: str = "client.example",
    client_address: str | None = "192.0.2.1",
    tls: str | None = None,
) -> Origin:
    return Origin("smtp", "ESMTP", helo, client_address, "mx.example.org", tls=tls)


class ReceivedTests(SynchronousTestCase):
    """RFC 5321 section 4.4."""

    def test_whole(self) -> None:
        """From, by, with, id, for and date, folded."""
        field = trace.received(
            _origin(tls="TLSv1.3 TLS_AES_256_GCM_SHA384"),
            "id1",
            1_700_000_000.5,
            Address("a b", "example.org"),
        )
        self.assertEqual(
            field,
            b"Received: from client.example ([192.0.2.1]) by mx.example.org"
            b" with ESMTP\r\n"
            b"\t(TLSv1.3 TLS_AES_256_GCM_SHA384) id id1"
            b' for <"a b"@example.org>;\r\n'
            b"\tTue, 14 Nov 2023 22:13:20 +0000\r\n",
        )

    def test_priority(self) -> None:
        """What MT-PRIORITY was stands behind all else (RFC 6710 section 7)."""
        alice = Address("alice", "example.org")
        for priority, expected in (
            (-3, b"for <alice@example.org> PRIORITY -3;"),
            (0, b"for <alice@example.org> PRIORITY 0;"),
            (None, b"for <alice@example.org>;"),
        ):
            field = trace.received(_origin(), "id1", 0.0, alice, priority)
            self.assertIn(expected, field.replace(b"\r\n\t", b" "))

    def test_ipv6(self) -> None:
        """An IPv6 literal has its tag, and no scope (section 4.1.3)."""
        field = trace.received(_origin(client_address="fe80::1%eth0"), "id1", 0.0, None)
        self.assertIn(b"([IPv6:fe80::1])", field)

    def test_unix_socket(self) -> None:
        """Without a client address there is no literal."""
        field = trace.received(_origin("", None), "id1", 0.0, None)
        self.assertEqual(
            field,
            b"Received: from unknown by mx.example.org with ESMTP id id1;\r\n"
            b"\tThu, 1 Jan 1970 00:00:00 +0000\r\n",
        )

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=60))
    def test_nothing_is_injected(self, helo: str) -> None:
        """Whatever the client calls itself, the field stays one field."""
        field = trace.received(_origin(helo), "id1", 0.0, None)
        self.assertTrue(field.isascii())
        self.assertTrue(field.endswith(b"\r\n"))
        for line in field[:-2].split(b"\r\n")[1:]:
            self.assertTrue(line.startswith(b"\t"))
        self.assertEqual(field.count(b"\n"), field.count(b"\r\n"))
        self.assertEqual(field.count(b"("), 1)
        for line in field.split(b"\r\n"):
            self.assertLess(len(line), 78)


class PathTests(SynchronousTestCase):
    """Addresses in trace fields."""

    def test_quoting(self) -> None:
        """Local parts are quoted only where they must be."""
        for address, text in (
            (None, "<>"),
            (Address("a.b", "c"), "<a.b@c>"),
            (Address("postmaster", ""), "<postmaster>"),
            (Address('a"\\', "c"), '<"a\\"\\\\"@c>'),
            (Address("", "c"), '<""@c>'),
            (Address("ä", "ü.example"), "<ä@ü.example>"),
        ):
            self.assertEqual(trace.path(address), text)
        self.assertEqual(trace.return_path(None), b"Return-Path: <>\r\n")


class IdTests(SynchronousTestCase):
    """Identifiers of messages."""

    def test_never_twice(self) -> None:
        """Time, count and chance each make a difference."""
        made = {
            trace.make_id(now, counter, random)
            for now in (1_700_000_000.0, 1_700_000_000.001)
            for counter in (0, 1, 65_535)
            for random in (0, 1, 2**32 - 1)
        }
        self.assertEqual(len(made), 18)
        for one in made:
            self.assertRegex(one, r"\A[0-9a-z]{10,24}\Z")

    def test_counter_wraps(self) -> None:
        """The count may be anything."""
        self.assertEqual(trace.make_id(1.0, 0, 0), trace.make_id(1.0, 65_536, 0))
