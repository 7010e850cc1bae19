"""Tests of SORT, and of results that are kept true."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import TemporaryFailure
from mailframe.imap.cursor import Cursor
from mailframe.imap.extensions import sort_display
from mailframe.imap.search_run import Found
from mailframe.imap.sequence import set_in_order
from mailframe.imap.sort_keys import read_columns, sort_order
from mailframe.mime.summary import summarise
from mailframe.mime.text import casemap
from mailframe.model.flag import DELETED, FlagChange
from mailframe.model.uid_set import UIDSet
from mailframe.testing.transcript import Conversation
from tests.imap.message_context import ALL_UIDS, ViewTestCase
from tests.imap.test_fetch import Passing
from tests.imap.world import World

_SUBJECTS = ("", "a", "Re: a", "B", "ä", "=?utf-8?q?=C3=A4?=", "[x] b (fwd)")
_FROM = ("", "ann@b.c", "Zed <zed@b.c>", '"ann" <x@y>', "=?utf-8?q?=C3=84da?= <q@b.c>")
_DATES = ("", "1 Feb 1994 12:00:00 +0000", "31 Jan 1994 20:00:00 -0800", "never")
_KEYS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO")


def _message(subject: str, sender: str, date: str, size: int) -> bytes:
    fields = {"Subject": subject, "From": sender, "To": sender, "Date": date}
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    return ("\r\n".join([*lines, "", "x" * size]) + "\r\n").encode()


class OrderTests(ViewTestCase):
    """RFC 5256 section 3."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(_SUBJECTS),
                st.sampled_from(_FROM),
                st.sampled_from(_DATES),
                st.integers(0, 3),
                st.integers(0, 3),
            ),
            min_size=1,
            max_size=8,
        ),
        st.lists(
            st.tuples(st.sampled_from(_KEYS), st.booleans()), min_size=1, max_size=3
        ),
    )
    def test_against_tuples(self, rows: list[Any], criteria: list[Any]) -> None:
        """Sorted key by key is sorted by all of them; what is equal stays."""
        messages = [_message(*row[:4]) for row in rows]
        context = self.context(messages, dates=[row[4] for row in rows])
        written = " ".join(
            f"REVERSE {name}" if reverse else name for name, reverse in criteria
        )
        order = sort_order(Cursor(f"({written})".encode()))
        found = self.wait(order.arrange(context, Found(ALL_UIDS, {})))
        wanted = list(range(1, len(rows) + 1))
        kept = [summarise(octets) for octets in messages]
        for name, reverse in reversed(criteria):
            values = {
                "ARRIVAL": [row[4] for row in rows],
                "CC": [casemap(one.sort_cc) for one in kept],
                "DATE": [
                    row[4] if one.sent is None else one.sent
                    for row, one in zip(rows, kept, strict=True)
                ],
                "FROM": [casemap(one.sort_from) for one in kept],
                "SIZE": [len(octets) for octets in messages],
                "SUBJECT": [casemap(one.subject) for one in kept],
                "TO": [casemap(one.sort_to) for one in kept],
            }[name]
            wanted.sort(key=lambda uid, of=values: of[uid - 1], reverse=reverse)  # type: ignore[misc]
        self.assertEqual(found, wanted)

    def test_gone_and_waiting(self) -> None:
        """What vanishes meanwhile is left out; others have their turn."""
        context = self.context([_message("a", "", "", n) for n in range(5)])
        waited: list[int] = []

        async def wait() -> None:
            waited.append(1)

        context.pause = wait  # type: ignore[method-assign]
        deleted = frozenset((DELETED,))
        self.wait(context.mailbox.store(UIDSet.of([2, 3]), FlagChange.ADD, deleted))
        self.wait(context.mailbox.expunge())
        order = sort_order(Cursor(b"(SUBJECT REVERSE SIZE)"))
        found = self.wait(order.arrange(context, Found(ALL_UIDS, {})))
        self.assertEqual(found, [5, 4, 1])
        self.assertEqual(waited, [1])
        columns = self.wait(read_columns(context, ALL_UIDS, ()))
        self.assertEqual(columns.uids, [1, 2, 3, 4, 5])


class DisplayTests(SynchronousTestCase):
    """RFC 5957 section 3: what each first address is sorted by."""

    def display(self, header: bytes) -> tuple[str, str]:
        envelope = summarise(header + b"\r\n\r\n").envelope
        return (
            sort_display._display(envelope, sort_display._FROM, 0),
            sort_display._display(envelope, sort_display._TO, sort_display._TO_PLACE),
        )

    def test_values(self) -> None:
        """Names, then addresses, then mailboxes, then nothing."""
        for value, wanted in (
            (b"Ann Smith <a@b.c>", "ANN SMITH"),
            (b'"Smith, \\"A\\"" <a@b.c>', 'SMITH, "A"'),
            (b"=?utf-8?q?=C3=84?= <a@b.c>", casemap("Ä")),
            (b"=?utf-8?q??= <a@b.c>", "A@B.C"),
            (b"a@b.c", "A@B.C"),
            (b"caf\xc3\xa9 <a@b.c>", casemap("café")),
            (b"group: ann@b.c;", "GROUP"),
            (b"", ""),
        ):
            self.assertEqual(self.display(b"From: " + value)[0], wanted, value)
            self.assertEqual(self.display(b"To: x@y, z\r\nFrom: " + value)[1], "X@Y")
            self.assertEqual(
                self.display(b"From: a\r\nSubject: \xe4\r\nTo: " + value)[1],
                wanted,
                value,
            )


class SetTests(SynchronousTestCase):
    """RFC 5267 section 3.2."""

    def test_in_order(self) -> None:
        """Ranges ascend; the order stays."""
        for numbers, wanted in (
            ([5], b"5"),
            ([3, 2, 1], b"3,2,1"),
            ([1, 2, 3, 9, 10, 4], b"1:3,9:10,4"),
            ([2, 2, 3], b"2,2:3"),
        ):
            self.assertEqual(set_in_order(numbers), wanted)


class Mirror:
    """A client that keeps lists by what it is told."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.uids: list[int] = []
        self.lists: dict[bytes, tuple[bool, list[int]]] = {}

    def say(self, command: bytes) -> list[bytes]:
        lines = self.conversation.say(command + b"\r\n").split(b"\r\n")[:-1]
        for line in lines:
            self.hear(line)
        return lines

    def hear(self, line: bytes) -> None:
        words = line.split(b" ")
        if words[0] != b"*":
            return
        if words[2:3] == [b"EXPUNGE"]:
            number = int(words[1])
            self.uids.pop(number - 1)
            for tag, (by_uid, numbers) in self.lists.items():
                if not by_uid:
                    assert number not in numbers, (tag, line)
                    numbers[:] = [one - (one > number) for one in numbers]
        elif words[2:3] == [b"EXISTS"]:
            # The mailboxes of these tests never reuse or skip UIDs at the end.
            while len(self.uids) < int(words[1]):
                self.uids.append(0)
        elif line.startswith(b"* ESEARCH") and (b"ADDTO" in line or b"REMOVE" in line):
            self.change(line)

    def change(self, line: bytes) -> None:
        tag = line.split(b'"')[1]
        by_uid, numbers = self.lists[tag]
        assert (b" UID " in line) is by_uid
        pairs = line[line.rindex(b"(") + 1 : -1].split(b" ")
        for position, written in zip(pairs[::2], pairs[1::2], strict=True):
            found = expanded(written)
            place = int(position) - 1
            if b"REMOVEFROM" in line and place < 0:
                for one in found:
                    numbers.remove(one)
            elif b"REMOVEFROM" in line:
                assert numbers[place : place + len(found)] == found, (line, numbers)
                del numbers[place : place + len(found)]
            elif place < 0:
                numbers[:] = sorted(numbers + found)
            else:
                numbers[place:place] = found


def expanded(written: bytes) -> list[int]:
    """Return the numbers of a sequence-set."""
    found: list[int] = []
    for part in written.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


_CONTEXTS = (
    (b"c1", b"UID SEARCH RETURN (UPDATE ALL) UNSEEN", b"UID SEARCH UNSEEN"),
    (b"c2", b"SEARCH RETURN (UPDATE ALL) UNSEEN", b"SEARCH UNSEEN"),
    (
        b"c3",
        b"UID SORT RETURN (UPDATE ALL) (SUBJECT REVERSE ARRIVAL) UTF-8 UNFLAGGED",
        b"UID SORT (SUBJECT REVERSE ARRIVAL) UTF-8 UNFLAGGED",
    ),
    (
        b"c4",
        b"SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 OR UNSEEN SUBJECT b",
        b"SORT (REVERSE SUBJECT) UTF-8 OR UNSEEN SUBJECT b",
    ),
    (
        b"c5",
        b"SORT RETURN (UPDATE ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT letter",
        b"SORT (RELEVANCY) UTF-8 FUZZY SUBJECT letter",
    ),
)
_WORDS = ("apple", "bee", "letter", "lettre", "b", "ladder")
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(_WORDS)),
        st.tuples(
            st.sampled_from(("+FLAGS", "-FLAGS")),
            st.sampled_from(("\\Seen", "\\Flagged", "\\Deleted")),
            st.integers(1, 9),
            st.booleans(),
        ),
        st.tuples(st.just("expunge"), st.booleans()),
        st.tuples(st.just("noop")),
        st.tuples(st.just("fetch")),
    ),
    max_size=14,
)


class ContextTests(SynchronousTestCase):
    """RFC 5267 section 4.3."""

    @settings(max_examples=60, deadline=None)
    @given(_STEPS)
    def test_a_client_that_follows_knows_all(self, steps: list[Any]) -> None:
        """Whatever two sessions do, the lists are what a new search finds."""
        world = World()
        for word in ("letter", "apple", "bee", "b"):
            world.put(f"Subject: {word}\r\n\r\n".encode())
        mine, other = Mirror(world.selected()), world.selected()
        mine.uids = [0] * 4
        for tag, command, _ in _CONTEXTS:
            (line, _) = mine.say(tag + b" " + command)
            found = line.split(b" ALL ")
            numbers = expanded(found[1]) if len(found) > 1 else []
            mine.lists[tag] = (command.startswith(b"UID"), numbers)
        for step in steps:
            self.do(world, mine, other, step)
        mine.say(b"z NOOP")
        mine.say(b"z NOOP")
        for tag, _, command in _CONTEXTS:
            line = next(
                line for line in mine.say(b"y " + command) if line.startswith(b"* S")
            )
            wanted = [int(word) for word in line.split()[2:]]
            self.assertEqual(mine.lists[tag][1], wanted, tag)
        self.assertEqual(world.reported, [])

    def do(self, world: World, mine: Mirror, other: Conversation, step: Any) -> None:
        kind, *rest = step
        if kind == "append":
            world.put(f"Subject: {rest[0]}\r\n\r\n".encode())
        elif kind == "expunge":
            if rest[0]:
                mine.say(b"x EXPUNGE")
            else:
                other.say(b"x EXPUNGE\r\n")
        elif kind == "noop":
            mine.say(b"x NOOP")
        elif kind == "fetch":
            mine.say(b"x FETCH 1:* FLAGS")
        else:
            command = f"x UID STORE {rest[1]} {kind} ({rest[0]})".encode()
            if rest[2]:
                mine.say(command)
            else:
                other.say(command + b"\r\n")

    def test_trouble(self) -> None:
        """When the mailbox cannot be read the changes are told later."""
        world = World(3)
        made = world.selected()
        made.say(b"a SEARCH RETURN (UPDATE) SUBJECT number\r\n")
        view = made.server._session.selected  # type: ignore[attr-defined]
        mailbox = view.mailbox

        async def fails(*_: Any) -> Any:
            raise TemporaryFailure("not now")

        view.mailbox = Passing(mailbox, headers=fails)
        world.put(b"Subject: number 4\r\n\r\n")
        self.assertEqual(
            made.say(b"b NOOP\r\n"),
            b"* 4 EXISTS\r\n* 4 RECENT\r\nb OK NOOP completed\r\n",
        )
        view.mailbox = mailbox
        self.assertEqual(
            made.say(b"c NOOP\r\n"),
            b'* ESEARCH (TAG "a") ADDTO (0 4)\r\nc OK NOOP completed\r\n',
        )
        self.assertEqual(world.reported, [])

    def test_deleted_mailbox(self) -> None:
        """A context of a mailbox that is gone says nothing any more."""
        world = World()
        made, other = world.logged_in(), world.logged_in()
        other.say(b"a CREATE box\r\n")
        made.say(b"b SELECT box\r\n")
        made.say(b"c SEARCH RETURN (UPDATE) ALL\r\n")
        other.say(b"d DELETE box\r\n")
        self.assertEqual(made.say(b"e NOOP\r\n"), b"e OK NOOP completed\r\n")
        self.assertEqual(world.reported, [])

    def test_time_passes(self) -> None:
        """What depends on the time is looked at whenever the mailbox changes."""
        world = World(2)
        world.time = 1500.0
        made = world.selected()
        heard = made.say(b"a SEARCH RETURN (UPDATE ALL) YOUNGER 1000\r\n")
        self.assertIn(b"ALL 1:2\r\n", heard)
        world.time = 2500.0
        heard = made.say(b"b STORE 1 +FLAGS.SILENT (\\Seen)\r\n")
        self.assertIn(b'* ESEARCH (TAG "a") REMOVEFROM (0 1:2)\r\n', heard)
