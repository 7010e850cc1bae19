"""What the transcripts of the synchronisation extensions do not show."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.imap.cursor import Cursor
from mailframe.imap.extensions.qresync import Known
from mailframe.imap.extensions.qresync import _known as read_known
from mailframe.imap.session import Session
from mailframe.imap.view import View
from mailframe.limits import IMAPLimits
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.mailbox import INBOX
from mailframe.model.uid_set import UIDSet
from mailframe.testing.transcript import Conversation
from tests.imap.world import World, done


def session_of(made: Conversation) -> Session:
    """Return the session behind a conversation."""
    found: Session = made.server._session  # type: ignore[attr-defined]
    return found


class KnownTests(SynchronousTestCase):
    """The argument of QRESYNC (RFC 7162 section 3.2.5)."""

    def test_whole_ranges(self) -> None:
        """Ranges are paired without counting them up."""
        known = read_known(
            Cursor(b" (1 1 1:9 (1:1000000000,3000000000 2:1000000001,3000000001))")
        )
        self.assertEqual(
            known.sample, ((1, 2, 1_000_000_000), (3_000_000_000, 3_000_000_001, 1))
        )
        self.assertEqual(known.certain([5, 6]), 0)

    def test_forms(self) -> None:
        """Known UIDs and sample may be left out, each by itself."""
        self.assertEqual(read_known(Cursor(b" (7 8)")), Known(7, 8, None, ()))
        self.assertEqual(
            read_known(Cursor(b" (7 8 5:3)")), Known(7, 8, UIDSet([(3, 5)]), ())
        )
        self.assertEqual(
            read_known(Cursor(b" (7 8 (1 2))")), Known(7, 8, None, ((1, 2, 1),))
        )
        for octets in (b" (7)", b" (7 8 ())", b" (7 8 (1 1) 5)", b" (7 8 $)"):
            self.assertRaises(BadSyntax, read_known, Cursor(octets))

    @given(
        st.lists(st.integers(1, 40), unique=True).map(sorted),
        st.lists(st.integers(1, 40), unique=True).map(sorted),
        st.lists(st.integers(0, 39), unique=True).map(sorted),
    )
    def test_certain(
        self, uids: Sequence[int], cached: Sequence[int], places: Sequence[int]
    ) -> None:
        """It is the last pair that is still true."""
        pairs = [(place + 1, cached[place]) for place in places if place < len(cached)]
        known = Known(1, 1, None, tuple((number, uid, 1) for number, uid in pairs))
        true = [
            uid
            for number, uid in pairs
            if number <= len(uids) and uids[number - 1] == uid
        ]
        self.assertEqual(known.certain(uids), max(true, default=0))


class LimitTests(SynchronousTestCase):
    """How many messages a command works on (RFC 9738)."""

    @given(
        st.lists(st.integers(1, 30), unique=True, max_size=15).map(sorted),
        st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=4),
        st.integers(1, 6),
    )
    def test_bounded(
        self, uids: list[int], ranges: list[tuple[int, int]], limit: int
    ) -> None:
        """The last ones, and never more; the lowest of them is told."""
        world = World(30, IMAPLimits(messages=limit))
        view: Any = session_of(world.selected()).view
        assert isinstance(view, View)
        mailbox = done(world.account.open(INBOX))
        gone = UIDSet(((1, 30),)) - UIDSet.of(uids)
        done(mailbox.store(gone, FlagChange.ADD, frozenset((DELETED,))))
        done(mailbox.expunge())
        done(view.refresh())
        view.announce(expunges=True)
        self.assertEqual(list(view.uids), uids)
        asked = UIDSet(ranges)
        wanted = [uid for uid in view.uids if uid in asked]
        found = [uid for uid in view.uids if uid in view.bounded(asked)]
        self.assertEqual(found, wanted[-limit:])
        self.assertEqual(view.take_last_done(), found[0] if len(wanted) > limit else 0)


class HoldingTests(SynchronousTestCase):
    """When expunges are not told."""

    def test_uid_search_with_numbers(self) -> None:
        """Not in a UID SEARCH with message numbers (RFC 7162 section 3.2.10.2)."""
        world = World(4)
        one, two = world.selected(), world.selected()
        two.say(b"a STORE 2 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n")
        self.assertEqual(
            one.say(b"a UID SEARCH 3:4\r\n"),
            b"* SEARCH 3 4\r\na OK SEARCH completed\r\n",
        )
        self.assertEqual(
            one.say(b"b UID SEARCH UID 3:4\r\n"),
            b"* SEARCH 3 4\r\n* 2 EXPUNGE\r\nb OK SEARCH completed\r\n",
        )


class ProgressTests(SynchronousTestCase):
    """A command that takes long says how far it is (RFC 9585)."""

    def test_search(self) -> None:
        """Ten seconds after the last word, in a search that reads messages."""
        clock = iter((0.0, 9.0, 10.0))
        progress = Session.progress

        def later(session: Session, done: int, of: int) -> None:
            session.now = partial(float, next(clock))
            progress(session, done, of)

        self.patch(Session, "progress", later)
        world = World(1200)
        made = world.selected()
        session_of(made).now = lambda: 0.0
        heard = made.say(b'a]b NOOP\r\na SEARCH BODY "Body of 1200"\r\n')
        self.assertEqual(
            [line for line in heard.split(b"\r\n") if b"INPROGRESS" in line],
            [b'* OK [INPROGRESS ("a" 1000 1200)] Working'],
        )
        self.assertIn(b"* SEARCH 1200\r\n", heard)

    def test_tag(self) -> None:
        """A tag that cannot be inside a response code is left out."""
        session = session_of(World().selected())
        clock = iter((0.0, 10.0, 12.0, 20.0))
        session.now = lambda: next(clock)
        session.tag = b"a]"
        session.take_output()
        for done_so_far in range(4):
            session.progress(done_so_far, 4)
        self.assertEqual(
            session.take_output(),
            b"* OK [INPROGRESS (NIL 1 4)] Working\r\n"
            b"* OK [INPROGRESS (NIL 3 4)] Working\r\n",
        )


class PowerTests(SynchronousTestCase):
    """What an account cannot do is not announced."""

    def test_account_without_powers(self) -> None:
        """REPLACE and SAVEDATE need an account that has them."""
        world = World(1)
        made = world.selected()
        self.assertIn(b" REPLACE ", made.say(b"a CAPABILITY\r\n"))
        session = session_of(made)
        plain = _Plain(world.account)
        session.account = plain  # type: ignore[assignment]
        heard = made.say(b"b CAPABILITY\r\n")
        self.assertNotIn(b" REPLACE ", heard)
        self.assertNotIn(b" SAVEDATE ", heard)

    def test_mailbox_without_save_dates(self) -> None:
        """It says NIL, and internal dates stand in (RFC 8514 section 4.3)."""
        world = World(2)
        made = world.selected()
        session = session_of(made)
        view: Any = session.view
        view._current = replace(view._current, saved=())
        view.refresh = _nothing
        self.assertEqual(
            made.say(b"a FETCH 2 SAVEDATE\r\nb SEARCH SAVEDATESUPPORTED\r\n"),
            b"* 2 FETCH (SAVEDATE NIL)\r\na OK FETCH completed\r\n"
            b"* SEARCH\r\nb OK SEARCH completed\r\n",
        )
        heard = made.say(b"c SEARCH SAVEDON 1-Jan-1970\r\n")
        self.assertIn(b"* SEARCH 1 2\r\n", heard)


class _Plain:
    """An account without any optional power."""

    def __init__(self, account: Any) -> None:
        self.account = account


async def _nothing() -> None:
    """Stand in for a refresh."""


class UnauthenticateTests(SynchronousTestCase):
    """RFC 8437 section 3: NO is not an answer."""

    def test_logout_fails(self) -> None:
        """The connection ends, and the problem is reported."""
        world = World()
        made = world.logged_in()

        def logout() -> None:
            raise RuntimeError("broken")

        session_of(made)._logout = logout
        heard = made.say(b"a UNAUTHENTICATE\r\n")
        self.assertEqual(heard, b"* BYE The session cannot be used any more\r\n")
        self.assertTrue(made.closed)
        self.assertEqual(len(world.reported), 1)

    def test_logout_is_called(self) -> None:
        """The realm learns that the avatar is not used any more."""
        world = World()
        made = world.logged_in()
        made.say(b"a UNAUTHENTICATE\r\nb LOGIN alice secret\r\nc LOGOUT\r\n")
        self.assertEqual(len(world.door.minds), 2)
        made.lose()
        self.assertEqual(world.door.logouts, 2)
