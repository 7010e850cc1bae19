"""Tests of answers that are kept while there is room."""

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.worked_out import WorkedOut
from mailframe.model.uid_set import UIDSet
from tests.imap.world import World


class Mailbox:
    """Something that can be held weakly."""


def some(count: int) -> UIDSet:
    """Return so many UIDs."""
    return UIDSet(((1, count),))


class WorkedOutTests(SynchronousTestCase):
    """Answers by mailbox and question."""

    def setUp(self) -> None:
        """Keep a hundred numbers."""
        self.kept = WorkedOut(100)
        self.one: Any = Mailbox()
        self.two: Any = Mailbox()

    def test_kept(self) -> None:
        """Of each mailbox, for each question, the last answer."""
        self.assertIsNone(self.kept.get(self.one, "a"))
        self.kept.put(self.one, "a", some(3), "x")
        self.kept.put(self.one, "b", some(3), "y")
        self.kept.put(self.one, "a", some(4), "z")
        self.assertEqual(self.kept.get(self.one, "a"), (some(4), "z"))
        self.assertEqual(self.kept.get(self.one, "b"), (some(3), "y"))
        self.assertIsNone(self.kept.get(self.two, "a"))

    def test_bounded(self) -> None:
        """The one used longest ago goes; one that is too large is not kept."""
        self.kept.put(self.one, "a", some(39), 1)
        self.kept.put(self.one, "b", some(39), 2)
        self.kept.get(self.one, "a")
        self.kept.put(self.two, "c", some(39), 3)
        self.assertIsNone(self.kept.get(self.one, "b"))
        self.assertIsNotNone(self.kept.get(self.one, "a"))
        self.kept.put(self.one, "a", some(50), 4)
        self.assertIsNone(self.kept.get(self.one, "a"))
        self.assertIsNotNone(self.kept.get(self.two, "c"))

    def test_another_mailbox_at_the_same_place(self) -> None:
        """An answer is never given for a mailbox that came after."""
        self.kept.put(self.one, "a", some(3), "x")
        del self.one
        gc.collect()
        for _ in range(50):
            self.assertIsNone(self.kept.get(Mailbox(), "a"))  # type: ignore[arg-type]


class SessionTests(SynchronousTestCase):
    """SORT and THREAD, asked again and again."""

    def test_asked_again(self) -> None:
        """With messages that come and go, and another search each time."""
        world = World(5)
        made = world.selected()
        sort = b"a UID SORT (REVERSE SUBJECT) UTF-8 %b\r\n"
        self.assertIn(b"* SORT 5 4 3 2 1\r\n", made.say(sort % b"ALL"))
        self.assertIn(b"* SORT 5 4 3 2 1\r\n", made.say(sort % b"ALL"))
        self.assertIn(b"* SORT 4 2\r\n", made.say(sort % b"UID 2,4"))
        world.put(b"Subject: number 34\r\n\r\n")
        made.say(b"b NOOP\r\n")
        self.assertIn(b"* SORT 5 4 6 3 2 1\r\n", made.say(sort % b"ALL"))
        made.say(b"c STORE 1,5 +FLAGS (\\Deleted)\r\n")
        made.say(b"d EXPUNGE\r\n")
        self.assertIn(b"* SORT 4 6 3 2\r\n", made.say(sort % b"ALL"))
        thread = b"e UID THREAD REFS UTF-8 %b\r\n"
        for _ in range(2):
            self.assertIn(b"* THREAD (6)(2)(3)(4)\r\n", made.say(thread % b"ALL"))
        self.assertIn(b"* THREAD (6)(3)\r\n", made.say(thread % b"UID 3,6"))
        self.assertEqual(world.reported, [])


class SubjectTests(SynchronousTestCase):
    """Which subjects say that a message is a reply (RFC 5256 section 3)."""

    def test_threads(self) -> None:
        """Quoted, in a literal, and plain; an original is above its replies."""
        world = World()
        for subject in (
            b'Re: a "b"',
            b'a "b"',
            b"Re: caf\xe9",
            b"caf\xe9",
            b"Re: d",
            b"d",
            b"[x] e",
            b"e",
        ):
            world.put(b"Subject: %b\r\n\r\n" % subject)
        made = world.selected()
        self.assertIn(
            b"* THREAD (2 1)(4 3)(6 5)((7)(8))\r\n",
            made.say(b"a THREAD REFERENCES UTF-8 ALL\r\n"),
        )
