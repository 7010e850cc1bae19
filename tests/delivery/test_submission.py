"""Mail from our users."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from mailframe.delivery.submission import SubmissionReceiver
from mailframe.delivery.submitted_header import SubmittedHeader
from mailframe.errors import (
    MessageTooLarge,
    NotPermitted,
    RelayDenied,
    TemporaryFailure,
)
from mailframe.interfaces.delivery import IMailReceiver
from mailframe.interfaces.mailbox import IMailAccount, ISender
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath
from tests.delivery.world import Account, DeliveryTestCase, World

ALICE = Address("alice", "example.org")
BOB = Address("bob", "example.org")
BARE = b"Subject: hello\r\n\r\nbody\r\n"


class SubmissionTests(DeliveryTestCase):
    """Under whose name, and to whom."""

    def setUp(self) -> None:
        """Alice has logged in."""
        self.world = World(SubmissionReceiver)
        self.account = self.world.account("alice@example.org")
        self.origin: Origin = self.world.origin(
            service="submission",
            protocol="ESMTPSA",
            user="alice@example.org",
            account=self.account,
            server_address="192.0.2.2",
        )

    def _begin(self, sender: Address | None, origin: Origin | None = None) -> Any:
        return self.world.receiver.begin(origin or self.origin, ReversePath(sender))

    def test_contract(self) -> None:
        """It is an IMailReceiver."""
        verifyObject(IMailReceiver, self.world.receiver)

    def test_own_addresses(self) -> None:
        """The account's address, its aliases, and the null sender."""
        for sender in (
            ALICE,
            Address("info", "EXAMPLE.org"),
            Address("alice", "xn--bcher-kva.example"),
            Address("alice", "[192.0.2.2]"),
            None,
        ):
            self.run_now(self._begin(sender))

    def test_other_addresses(self) -> None:
        """Nobody else's, known to us or not (RFC 6409 section 6.1)."""
        for sender in (
            BOB,
            Address("mallory", "example.org"),
            Address("alice", "elsewhere.example"),
            Address("bob", "[192.0.2.2]"),
            Address("alice", "[192.0.2.3]"),
        ):
            self.refused(self._begin(sender), NotPermitted)

    def test_nobody_logged_in(self) -> None:
        """Without a login there is no sender at all."""
        for sender in (ALICE, None):
            self.refused(self._begin(sender, self.world.origin()), NotPermitted)

    def test_directory_trouble(self) -> None:
        """What cannot be told now is not a refusal."""
        self.world.directory.broken = True
        self.refused(self._begin(ALICE), TemporaryFailure)

    def test_sender_power(self) -> None:
        """An account may say what else it may send as."""

        class Sender(Account):
            async def may_send_as(self, address: str) -> bool:
                return address == "team@elsewhere.example"

        account = Sender("alice@example.org")
        directlyProvides(account, IMailAccount, ISender)
        origin = self.world.origin(user="alice@example.org", account=account)
        self.run_now(self._begin(Address("team", "elsewhere.example"), origin))
        self.refused(self._begin(BOB, origin), NotPermitted)

    def test_local_recipients_only(self) -> None:
        """Mail for other hosts is refused: there is no way out yet."""
        transaction = self.run_now(self._begin(ALICE))
        elsewhere = ForwardPath(Address("x", "elsewhere.example"))
        self.refused(transaction.recipient(elsewhere), RelayDenied)

    def test_header_is_mended(self) -> None:
        """Date and Message-ID come, Bcc goes; the trace field is before them."""
        content = b"bcc: secret@example.org,\r\n\tand more\r\n" + BARE
        self.send(self.world, content, BOB, sender=ALICE, origin=self.origin)
        (stored,) = self.inbox(self.world.account("bob@example.org"))
        self.assertNotIn(b"secret", stored)
        self.assertNotIn(b"and more", stored)
        self.assertIn(b"\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n", stored)
        self.assertRegex(stored, rb"\r\nMessage-ID: <[0-9a-z]+@mx\.example\.org>\r\n")
        self.assertTrue(stored.endswith(BARE))
        self.assertLess(stored.index(b"Received:"), stored.index(b"Date:"))
        self.assertNotIn(b"alice", stored.partition(b"Received:")[2])


class SubmittedHeaderTests(DeliveryTestCase):
    """The mending itself."""

    def _mend(self, octets: bytes, piece: int) -> bytes:
        header = SubmittedHeader(b"D", b"<M>", 100_000)
        mended = b"".join(
            header.feed(octets[start : start + piece])
            for start in range(0, len(octets), piece)
        )
        return mended + header.finish()

    def test_cases(self) -> None:
        """Only what is missing is added, only Bcc is taken away."""
        both = b"Date: D\r\nMessage-ID: <M>\r\n"
        for given_, expected in (
            (BARE, both + BARE),
            (b"", both),
            (b"\r\nbody", both + b"\r\nbody"),
            (b"DATE : x\r\n\r\n", b"Message-ID: <M>\r\nDATE : x\r\n\r\n"),
            (b"Message-Id: <x>\r\n", b"Date: D\r\nMessage-Id: <x>\r\n"),
            (both + b"\r\nBcc: x\r\n", both + b"\r\nBcc: x\r\n"),
            (both + b"Resent-BCC: x\r\n y\r\nTo: z\r\n\r\n", both + b"To: z\r\n\r\n"),
            (both + b"Bcc :\r\n x\r\n\r\n", both + b"\r\n"),
            (both + b"To: bcc\r\n\r\n", both + b"To: bcc\r\n\r\n"),
        ):
            for piece in (1, 2, 5, 1000):
                self.assertEqual(self._mend(given_, piece), expected)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"Bcc: x", b" y", b"To: z", b"Date: q", b"", b"junk"])
        ),
        st.integers(1, 30),
    )
    def test_any_cut(self, lines: list[bytes], piece: int) -> None:
        """The result does not depend on how the message came."""
        octets = b"".join(line + b"\r\n" for line in lines)
        self.assertEqual(self._mend(octets, piece), self._mend(octets, 10_000))

    def test_bound(self) -> None:
        """A header without end is refused."""
        header = SubmittedHeader(b"D", b"<M>", 10_000)
        with self.assertRaises(MessageTooLarge):
            for _ in range(12):
                header.feed(b"X: " + b"y" * 995 + b"\r\n")
