"""What a store with notes on mailboxes must do, as tests to run against yours.

As :class:`mailframe.testing.mailbox_contract.MailboxContract`, for the optional
powers :class:`mailframe.interfaces.mailbox.IAnnotatedAccount` and
``ISpecialUseKeeper``.
"""

from typing import Any

from zope.interface.verify import verifyObject

from mailframe.errors import LimitExceeded, NoSuchMailbox
from mailframe.interfaces.mailbox import IAnnotatedAccount, ISpecialUseKeeper
from mailframe.limits import IMAPLimits
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.testing.failing import fails

COMMENT = "/private/comment"
SHARED = "/shared/comment"
MAX = IMAPLimits().annotations


class AnnotationContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def test_annotation_contract(self) -> None:
        """The account provides what it says, and begins without notes."""
        account = await self.make_account()
        verifyObject(IAnnotatedAccount, account)
        for name in (INBOX, None):
            self.assertEqual(await account.annotations(name), {})
            await account.annotate(name, {})
            self.assertEqual(await account.annotations(name), {})

    async def test_annotations_are_kept(self) -> None:
        """Any octets are kept, each mailbox and the account for itself."""
        account = await self.make_account()
        octets = bytes(range(256))
        await account.annotate(INBOX, {COMMENT: octets, SHARED: b""})
        await account.annotate(None, {COMMENT: b"account"})
        kept = {COMMENT: octets, SHARED: b""}
        self.assertEqual(await account.annotations(INBOX), kept)
        self.assertEqual(await account.annotations(None), {COMMENT: b"account"})

    async def test_annotations_are_taken_away(self) -> None:
        """``None`` takes a note away; what is not named stays."""
        account = await self.make_account()
        await account.annotate(INBOX, {COMMENT: b"1", SHARED: b"2"})
        await account.annotate(INBOX, {COMMENT: None, "/private/none": None})
        self.assertEqual(await account.annotations(INBOX), {SHARED: b"2"})

    async def test_annotations_and_modseq(self) -> None:
        """A change of a mailbox's notes is one of its mod-sequence, open or not."""
        account = await self.make_account()
        modseqs = [(await account.status(INBOX)).highest_modseq]
        await account.annotate(INBOX, {COMMENT: b"1"})
        modseqs.append((await account.status(INBOX)).highest_modseq)
        mailbox = await account.open(INBOX)
        self.assertEqual((await mailbox.changes(0)).listing.highest_modseq, modseqs[-1])
        await account.annotate(INBOX, {COMMENT: b"2"})
        modseqs.append((await mailbox.changes(modseqs[-1])).listing.highest_modseq)
        self.assertEqual((await account.status(INBOX)).highest_modseq, modseqs[-1])
        self.assertEqual(modseqs, sorted(set(modseqs)))
        await account.annotate(INBOX, {COMMENT: b"2", "/private/none": None})
        self.assertEqual((await account.status(INBOX)).highest_modseq, modseqs[-1])
        mailbox.close()

    async def test_annotations_follow(self) -> None:
        """Notes follow a renamed mailbox, and go with a deleted one."""
        account = await self.make_account()
        name, to = mailbox_name("a"), mailbox_name("b/c")
        await account.create(name)
        await account.annotate(name, {COMMENT: b"1"})
        await account.rename(name, to)
        self.assertEqual(await account.annotations(to), {COMMENT: b"1"})
        await fails(NoSuchMailbox, account.annotations(name))
        await account.delete(to)
        await fails(NoSuchMailbox, account.annotate(to, {COMMENT: b"2"}))
        await account.create(to)
        self.assertEqual(await account.annotations(to), {})

    async def test_annotations_of_inbox(self) -> None:
        """Renaming INBOX copies its notes."""
        account = await self.make_account()
        await account.annotate(INBOX, {COMMENT: b"1"})
        await account.rename(INBOX, mailbox_name("old"))
        for name in (INBOX, mailbox_name("old")):
            self.assertEqual(await account.annotations(name), {COMMENT: b"1"})

    async def test_annotations_limit(self) -> None:
        """More than the limit are refused, and nothing is changed then."""
        account = await self.make_account()
        full = {f"/private/vendor/x/{number}": b"" for number in range(MAX)}
        await account.annotate(INBOX, full)
        more = {"/private/vendor/x/0": b"new", COMMENT: b"one more"}
        await fails(LimitExceeded, account.annotate(INBOX, more))
        self.assertEqual(await account.annotations(INBOX), full)


class SpecialUseContract:
    """The promises; a mixin for :class:`twisted.trial.unittest.TestCase`."""

    assertEqual: Any

    async def make_account(self) -> Any:
        """Return a new, empty account."""
        raise NotImplementedError

    async def _uses(self, account: Any) -> dict[str, frozenset[str]]:
        return {info.name: info.special_use for info in await account.list_mailboxes()}

    async def test_set_special_use(self) -> None:
        """Special uses can be given, changed and taken away."""
        account = await self.make_account()
        verifyObject(ISpecialUseKeeper, account)
        name = mailbox_name("a")
        await account.create(name, frozenset(("\\Sent",)))
        for uses in (("\\Drafts",), ("\\Junk", "\\Trash"), ()):
            await account.set_special_use(name, frozenset(uses))
            self.assertEqual(
                await self._uses(account), {INBOX: frozenset(), name: frozenset(uses)}
            )
        await fails(
            NoSuchMailbox, account.set_special_use(mailbox_name("b"), frozenset())
        )
