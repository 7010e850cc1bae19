"""What a mailbox that knows its headers promises, as tests to run against yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
power :class:`mailframe.interfaces.mailbox.IHeaderIndex` of mailboxes.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.interfaces.mailbox import IHeaderIndex, NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.model.uid_set import UIDSet

_ALL = UIDSet(((1, 2**32 - 1),))
_LONG = b"X-Long: " + b"a" * 990 + b"\r\n"
_HEADERS = (
    b"Subject: The NEEDLE\r\n",
    b"Subject: none\r\n",
    b"Subject: nee\r\n dle\r\n",
    b"Subject: =?utf-8?q?n=65edle?=\r\n",
    b"Subject: n\xe9edle\r\n",
    _LONG * 40 + b"Subject: needle\r\n",
    b"Subject: needles_100%!\r\n",
    b"X: \0 needle\r\n",
)


class HeaderIndexContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any
    assertLessEqual: Any
    assertNotIn: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def _with_headers(self) -> Any:
        account = await self.make_account()
        await account.append(
            INBOX,
            [NewMessage(MemoryContent(one + b"\r\nneedle\r\n")) for one in _HEADERS],
        )
        mailbox = await account.open(INBOX)
        verifyObject(IHeaderIndex, mailbox)
        return account, mailbox

    async def test_headers_with(self) -> None:
        """No message whose header has the text, or may have it, is left out."""
        _, mailbox = await self._with_headers()
        found = await mailbox.headers_with(_ALL, b"needle")
        self.assertEqual(list(found), sorted(found))
        self.assertLessEqual({1, 4, 5, 6, 7, 8}, set(found))
        self.assertNotIn(2, found)
        found = await mailbox.headers_with(UIDSet(((2, 4),)), b"needle")
        self.assertLessEqual({4}, set(found))
        self.assertLessEqual(set(found), {3, 4})

    async def test_headers_with_any_octets(self) -> None:
        """What means something to a pattern stands for itself."""
        _, mailbox = await self._with_headers()
        for octets in (b"s_100%!", b"%!", b"_1", b"needles_100%!"):
            self.assertLessEqual({7}, set(await mailbox.headers_with(_ALL, octets)))
        for octets in (b"nee_le", b"n%e", b"needlesx100", b"n" * 5000):
            found = set(await mailbox.headers_with(_ALL, octets))
            self.assertEqual(found & {1, 2, 7}, set())

    async def test_headers_with_after_changes(self) -> None:
        """Copies are found in their mailbox; what is expunged is not found."""
        account, mailbox = await self._with_headers()
        other = mailbox_name("other")
        await account.create(other)
        await mailbox.copy(UIDSet.of([1, 2]), other)
        await mailbox.move(UIDSet.of([7]), other)
        copies = await account.open(other)
        self.assertEqual(list(await copies.headers_with(_ALL, b"needle")), [1, 3])
        flags = frozenset(("\\Deleted",))
        await mailbox.store(UIDSet.of([1]), FlagChange.ADD, flags)
        await mailbox.expunge()
        found = await mailbox.headers_with(_ALL, b"needle")
        self.assertEqual({1, 7} & set(found), set())
