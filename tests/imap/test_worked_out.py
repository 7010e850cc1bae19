"""Tests of answers that are kept while there is room."""

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.worked_out import WorkedOut
from tests.imap.world import World


class Mailbox:
    """Something that can be held weakly."""


class WorkedOutTests(SynchronousTestCase):
    """Answers by mailbox and question."""

    def setUp(self) -> None:
        """Keep about a hundred numbers."""
        self.kept = WorkedOut(100 * 120)
        self.one: Any = Mailbox()
        self.two: Any = Mailbox()

    def test_kept(self) -> None:
        """Of each mailbox, for each question, the last answer."""
        self.assertIsNone(self.kept.get(self.one, "a"))
        self.kept.put(self.one, "a", "x", 3)
        self.kept.put(self.one, "b", "y", 3)
        self.kept.put(self.one, "a", "z", 4)
        self.assertEqual(self.kept.get(self.one, "a"), "z")
        self.assertEqual(self.kept.get(self.one, "b"), "y")
        self.assertIsNone(self.kept.get(self.two, "a"))

    def test_bounded(self) -> None:
        """The one used longest ago goes; one that is too large is not kept."""
        self.kept.put(self.one, "a", "x", 39)
        self.kept.put(self.one, "b", "y", 39)
        self.kept.get(self.one, "a")
        self.kept.put(self.two, "c", "z", 39)
        self.assertIsNone(self.kept.get(self.one, "b"))
        self.assertIsNotNone(self.kept.get(self.one, "a"))
        self.kept.put(self.one, "a", "x", 50)
        self.assertIsNone(self.kept.get(self.one, "a"))
        self.assertIsNotNone(self.kept.get(self.two, "c"))

    def test_column(self) -> None:
        """Values come one after another, and are there for who asks later."""
        column = self.kept.column(self.one, "a", 3)
        column.add([1, 3], [b"x", None])
        self.assertEqual(column.missing([1, 2, 3, 4]), [2, 4])
        again = self.kept.column(self.one, "a", 3)
        self.assertEqual(again.of([3, 1]), [None, b"x"])
        self.assertEqual(self.kept.column(self.two, "a", 3).missing([1]), [1])

    def test_column_too_large(self) -> None:
        """One that outgrows its share is let go of; who has it goes on."""
        self.kept.put(self.two, "b", "y", 30)
        column = self.kept.column(self.one, "a", 3)
        for uid in range(1, 9):
            column.add([uid], [b"x" * 1000])
        self.assertEqual(len(column.of(range(1, 9))), 8)
        self.assertEqual(self.kept.column(self.one, "a", 3).missing([1]), [1])
        self.assertEqual(self.kept.get(self.two, "b"), "y")

    def test_column_of_messages_that_are_gone(self) -> None:
        """What has many more values than there are messages begins anew."""
        kept = WorkedOut()
        uids = range(1, 2000)
        column = kept.column(self.one, "a", len(uids))
        column.add(uids, list(uids))
        self.assertIs(kept.column(self.one, "a", 500), column)
        self.assertEqual(kept.column(self.one, "a", 400).missing([1]), [1])

    def test_mailbox_gone(self) -> None:
        """What is about a mailbox that nobody has leaves its room to others."""
        self.kept.put(self.one, "a", "x", 39)
        self.kept.put(self.two, "b", "y", 39)
        self.one = None
        gc.collect()
        self.kept.put(self.two, "c", "z", 39)
        self.assertEqual(self.kept.get(self.two, "b"), "y")

    def test_another_mailbox_at_the_same_place(self) -> None:
        """An answer is never given for a mailbox that came after."""
        self.kept.put(self.one, "a", "x", 3)
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

    def test_fetched_again(self) -> None:
        """By another session, after messages have come and gone."""
        world = World(3)
        one = world.selected()
        fetch = b"a FETCH 1:* (UID ENVELOPE RFC822.SIZE)\r\n"
        first = one.say(fetch)
        self.assertEqual(one.say(fetch), first)
        self.assertEqual(world.selected().say(fetch), first)
        world.put(b"Subject: another\r\n\r\n")
        one.say(b"b STORE 1 +FLAGS (\\Deleted)\r\n")
        one.say(b"c EXPUNGE\r\n")
        told = world.selected().say(fetch)
        self.assertIn(b'* 3 FETCH (UID 4 ENVELOPE (NIL "another" ', told)
        self.assertNotIn(b"UID 1 ", told)
        self.assertEqual(one.say(fetch), told)
        # The same message under another number, and its flags as they are now.
        row = first.split(b"\r\n")[1]
        self.assertTrue(row.startswith(b"* 2 FETCH (UID 2 "))
        self.assertIn(row.replace(b"* 2 ", b"* 1 "), told)
        one.say(b"d STORE 1 +FLAGS (\\Seen)\r\n")
        fetch = b"e FETCH 1 (FLAGS UID ENVELOPE)\r\n"
        self.assertIn(
            b"* 1 FETCH (FLAGS (\\Seen) UID 2 ENV", world.selected().say(fetch)
        )
        one.say(b"f STORE 1 -FLAGS (\\Seen)\r\n")
        self.assertIn(b"* 1 FETCH (FLAGS () UID 2 ENV", world.selected().say(fetch))
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
