"""Tests of FETCH over mail in memory."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax, MessageGone, TemporaryFailure, TooLarge
from mailframe.imap import fetch, fetch_items
from mailframe.imap.cursor import Cursor
from mailframe.imap.fetch import BrokenLiteral, parse_fetch, run_fetch
from mailframe.imap.fetch_items import ColumnItem
from mailframe.model.flag import DELETED, SEEN, FlagChange, FlagSet, intern_flags
from mailframe.model.mailbox import Listing
from mailframe.model.uid_set import UIDSet
from tests.imap.message_context import ALL_UIDS, FakeContext, ViewTestCase
from tests.imap.test_section import EXAMPLE, PLAIN

_SEEN: FlagSet = frozenset((SEEN,))


class Passing:
    """A mailbox that lets a test change what some methods do."""

    def __init__(self, mailbox: Any, **changed: Any) -> None:
        self._mailbox = mailbox
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        if name in self._changed:
            return self._changed[name]
        return getattr(self._mailbox, name)


class FetchTestCase(ViewTestCase):
    """What all these tests do."""

    def fetch(
        self,
        context: FakeContext,
        items: bytes,
        *,
        uids: UIDSet = ALL_UIDS,
        by_uid: bool = False,
    ) -> bytes:
        """Run a FETCH that must be complete; return the responses."""
        request = parse_fetch(Cursor(items), by_uid)
        before = len(context.output)
        self.assertTrue(self.wait(run_fetch(context, request, uids, by_uid)))
        return context.output[before:]


class ParseFetchTests(SynchronousTestCase):
    """RFC 9051 section 9 (fetch)."""

    def names(self, octets: bytes, by_uid: bool = False) -> list[bytes]:
        """Return the names of what is asked for."""
        cursor = Cursor(octets)
        request = parse_fetch(cursor, by_uid)
        cursor.end()
        items: tuple[Any, ...] = (*request.columns, *request.contents)
        return [item.name for item in items]

    def test_macros(self) -> None:
        """Stand for several items."""
        fast = [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"]
        self.assertEqual(self.names(b"fast"), fast)
        self.assertEqual(self.names(b"ALL"), [*fast, b"ENVELOPE"])
        self.assertEqual(self.names(b"FULL"), [*fast, b"ENVELOPE", b"BODY"])

    def test_uid_fetch_has_uid(self) -> None:
        """Whether or not it is asked for (RFC 9051 section 6.4.9)."""
        self.assertEqual(self.names(b"FLAGS", True), [b"UID", b"FLAGS"])
        self.assertEqual(self.names(b"(FLAGS UID)", True), [b"UID", b"FLAGS"])

    def test_every_item(self) -> None:
        """Each item of RFC 3501 section 6.4.5, in any case."""
        self.assertEqual(
            self.names(
                b"(envelope bodystructure body internaldate uid rfc822.size flags"
                b" rfc822 rfc822.header rfc822.text body[] body.peek[1]<2.3>)"
            ),
            [
                *(b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"INTERNALDATE", b"UID"),
                *(b"RFC822.SIZE", b"FLAGS", b"RFC822", b"RFC822.HEADER"),
                *(b"RFC822.TEXT", b"BODY[]", b"BODY[1]<2>"),
            ],
        )

    def test_twice_is_once(self) -> None:
        """The same item is answered once."""
        self.assertEqual(
            self.names(b"(FLAGS flags BODY[] body[])"), [b"FLAGS", b"BODY[]"]
        )

    def test_bad(self) -> None:
        """Unknown items, macros in a list, and what is half written."""
        for octets in (
            *(b"", b"()", b"(FLAGS", b"FLAGS)", b"(FLAGS  UID)", b"FLAGS UID"),
            *(b"(ALL)", b"FOO", b"BODY.PEEK", b"BODY[", b"BODY[]<0.0>", b"RFC822[]"),
            *(b"FLAGS (CHANGEDSINCE 0)", b"UID[]"),
        ):
            self.assertRaises(BadSyntax, parse_fetch, Cursor(octets), False)

    def test_position(self) -> None:
        """An error is placed in the whole command."""
        cursor = Cursor(b"a FETCH 1 (FLAGS FOO)", 10)
        error = self.assertRaises(BadSyntax, parse_fetch, cursor, False)
        self.assertEqual(error.position, 17)

    def test_cached(self) -> None:
        """The same octets give the same request, up to 200 of them."""
        octets = b"(FLAGS BODY.PEEK[HEADER.FIELDS (FROM)])"
        self.assertIs(
            parse_fetch(Cursor(octets), True), parse_fetch(Cursor(octets), True)
        )
        long = b"BODY[HEADER.FIELDS (%b)]" % (b"a" * 200)
        first, second = (parse_fetch(Cursor(long), True) for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(hash(first), hash(second))
        self.assertIsNot(first, second)

    def test_many_items(self) -> None:
        """More than any client asks for are refused."""
        items = b" ".join(b"BODY[%d]" % number for number in range(1, 1002))
        self.assertRaises(TooLarge, parse_fetch, Cursor(b"(%b)" % items), False)

    def test_an_extension_adds_an_item_and_a_modifier(self) -> None:
        """By a row in a table."""
        item = ColumnItem(b"TWICE", b"TWICE %d", lambda rows: [2] * len(rows.indices))
        self.patch(fetch_items, "FETCH_ITEMS", {b"TWICE": lambda cursor: item})
        self.patch(
            fetch_items,
            "FETCH_MODIFIERS",
            {b"MARK": lambda cursor: cursor.expect(b" 1")},
        )
        request = parse_fetch(Cursor(b"TWICE (MARK 1)"), False)
        self.assertEqual(request.columns, (item,))
        self.assertEqual(request.modifiers, ((b"MARK", None),))
        for octets in (b"TWICE (FOO)", b"TWICE (MARK 1 MARK 1)", b"TWICE (MARK 1"):
            self.assertRaises(BadSyntax, parse_fetch, Cursor(octets), False)


class ColumnTests(FetchTestCase):
    """What is answered without the messages."""

    def test_fast(self) -> None:
        """Flags, internal date, size."""
        context = self.context(
            [PLAIN, EXAMPLE], [_SEEN, frozenset(("$Fwd",))], [0, 837596665]
        )
        self.assertEqual(
            self.fetch(context, b"FAST"),
            b'* 1 FETCH (FLAGS (\\Seen) INTERNALDATE "01-Jan-1970 00:00:00 +0000"'
            b" RFC822.SIZE %d)\r\n"
            b'* 2 FETCH (FLAGS ($Fwd) INTERNALDATE "17-Jul-1996 09:44:25 +0000"'
            b" RFC822.SIZE %d)\r\n" % (len(PLAIN), len(EXAMPLE)),
        )

    def test_kept_answers(self) -> None:
        """ENVELOPE, BODY and BODYSTRUCTURE are the summary's octets."""
        context = self.context([PLAIN])
        _, (envelope,), (body,), (structure,) = self.wait(
            context.mailbox.summaries(ALL_UIDS, ("envelope", "body", "body_structure"))
        )
        self.assertEqual(
            self.fetch(context, b"(ENVELOPE BODY BODYSTRUCTURE)", by_uid=True),
            b"* 1 FETCH (UID 1 ENVELOPE %b BODY %b BODYSTRUCTURE %b)\r\n"
            % (envelope, body, structure),
        )

    def test_recent(self) -> None:
        """Is the session's, not the mailbox's."""
        context = self.context([PLAIN, PLAIN], [_SEEN, _SEEN])
        context.recent = UIDSet.of([2])
        self.assertEqual(
            self.fetch(context, b"FLAGS"),
            b"* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS (\\Seen \\Recent))\r\n",
        )

    def test_numbers_with_gaps(self) -> None:
        """A message number is the row in the view."""
        context = self.context([PLAIN] * 6)
        keep = [0, 2, 5]
        now: Any = context.listing
        context.listing = Listing(
            now.highest_modseq,
            now.uid_next,
            *(
                [column[row] for row in keep]
                for column in (now.uids, now.flags, now.modseqs, now.dates, now.sizes)
            ),
        )
        self.assertEqual(
            self.fetch(context, b"UID", uids=UIDSet.of([3, 6])),
            b"* 2 FETCH (UID 3)\r\n* 3 FETCH (UID 6)\r\n",
        )

    def test_nothing_asked(self) -> None:
        """No messages, no responses."""
        context = self.context([PLAIN])
        self.assertEqual(self.fetch(context, b"UID", uids=UIDSet.of([9])), b"")
        self.assertEqual(self.fetch(self.context([]), b"(UID BODY[])"), b"")

    def test_gone_messages_are_passed_over(self) -> None:
        """What another session expunged has no ENVELOPE, and is told."""
        context = self.context([PLAIN] * 3)
        only = UIDSet.of([2])
        self.wait(context.mailbox.store(only, FlagChange.ADD, frozenset((DELETED,))))
        self.wait(context.mailbox.expunge(only))
        for items in (b"(UID BODY)", b"(UID RFC822.HEADER)", b"(UID BODY.PEEK[])"):
            request = parse_fetch(Cursor(items), False)
            before = len(context.output)
            self.assertFalse(self.wait(run_fetch(context, request, ALL_UIDS, False)))
            output = context.output[before:]
            self.assertIn(b"* 1 FETCH (UID 1 ", output)
            self.assertIn(b"* 3 FETCH (UID 3 ", output)
            self.assertNotIn(b"* 2 FETCH", output)

    def test_all_summaries_and_content_items_of_what_is_gone(self) -> None:
        """Columns and content of a message go together."""
        context = self.context([PLAIN] * 2)
        self.wait(
            context.mailbox.store(ALL_UIDS, FlagChange.ADD, frozenset((DELETED,)))
        )
        self.wait(context.mailbox.expunge())
        for items in (b"(BODY RFC822.HEADER)", b"(BODY BODY.PEEK[1])"):
            request = parse_fetch(Cursor(items), False)
            self.assertFalse(self.wait(run_fetch(context, request, ALL_UIDS, False)))
        self.assertEqual(context.output, b"")

    def test_many_messages_in_chunks(self) -> None:
        """Put in chunks, asking now and then whether the client keeps up."""
        count = 20_000
        flags = intern_flags(_SEEN)
        uids = list(range(10, 10 * count + 10, 10))
        context = FakeContext(
            self.context([]).mailbox,
            Listing(1, 1, uids, [flags] * count, uids, uids, uids),
        )
        output = self.fetch(context, b"FLAGS", by_uid=True)
        self.assertEqual(
            output,
            b"".join(
                b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (uid // 10, uid)
                for uid in uids
            ),
        )
        self.assertLess(max(map(len, context.pieces)), 400_000)
        self.assertGreaterEqual(context.pauses, 2)
        for some in (uids[::2], [*uids[:9:2], *uids[100:9000], *uids[9500::3]]):
            self.assertEqual(
                self.fetch(context, b"UID", uids=UIDSet.of(some)),
                b"".join(b"* %d FETCH (UID %d)\r\n" % (uid // 10, uid) for uid in some),
            )

    def test_scattered_and_adjacent_messages(self) -> None:
        """However they lie, each is answered once and in order."""
        uids = list(range(1, 10_001))
        none = [intern_flags(frozenset())] * len(uids)
        listing = Listing(1, 1, uids, none, uids, uids, uids)
        context = FakeContext(self.context([]).mailbox, listing)
        some = [*uids[:9:2], *uids[100:5000], *uids[6000:9000:3], *uids[9100:]]
        self.assertEqual(
            self.fetch(context, b"UID", uids=UIDSet.of(some)),
            b"".join(b"* %d FETCH (UID %d)\r\n" % (uid, uid) for uid in some),
        )

    def test_slow_client(self) -> None:
        """What pause returns is waited for."""
        waited = []

        class Slow(FakeContext):
            def pause(self) -> Any:
                async def wait() -> None:
                    waited.append(1)

                return wait()

        count = 20_000
        uids = list(range(1, count + 1))
        none = [intern_flags(frozenset())] * count
        listing = Listing(1, 1, uids, none, uids, uids, uids)
        context = Slow(self.context([]).mailbox, listing)
        self.fetch(context, b"(UID FLAGS)")
        self.assertGreaterEqual(len(waited), 2)


class ContentTests(FetchTestCase):
    """What is cut out of the messages."""

    def test_sections(self) -> None:
        """Literals, in the order asked for, after the columns."""
        context = self.context([PLAIN], [_SEEN])
        self.assertEqual(
            self.fetch(context, b"(BODY[1] UID BODY[HEADER.FIELDS (To)])"),
            b"* 1 FETCH (UID 1 BODY[1] {6}\r\nbody\r\n"
            b" BODY[HEADER.FIELDS (TO)] {9}\r\nTo: z\r\n\r\n)\r\n",
        )

    def test_rfc822(self) -> None:
        """The same octets under other names."""
        context = self.context([PLAIN], [_SEEN])
        header, text = PLAIN[:-6], b"body\r\n"
        self.assertEqual(
            self.fetch(context, b"(RFC822 RFC822.HEADER RFC822.TEXT)"),
            b"* 1 FETCH (RFC822 {%d}\r\n%b RFC822.HEADER {%d}\r\n%b"
            b" RFC822.TEXT {6}\r\n%b)\r\n"
            % (len(PLAIN), PLAIN, len(header), header, text),
        )

    def test_header_only(self) -> None:
        """Headers are answered without reading messages."""
        context = self.context([PLAIN, EXAMPLE], [_SEEN, _SEEN])
        context.mailbox = Passing(context.mailbox, load=None, open_content=None)
        self.assertEqual(
            self.fetch(context, b"BODY.PEEK[HEADER.FIELDS (Subject)]", by_uid=True),
            b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {14}\r\n"
            b"Subject: a\r\n\r\n)\r\n"
            b"* 2 FETCH (UID 2 BODY[HEADER.FIELDS (SUBJECT)] {18}\r\n"
            b"Subject: outer\r\n\r\n)\r\n",
        )

    def test_partial(self) -> None:
        """RFC 3501 section 6.4.5: cut at the end, empty beyond it."""
        context = self.context([PLAIN], [_SEEN])
        for asked, answered in (
            (b"BODY[]<0.2048>", b"BODY[]<0> {%d}\r\n%b" % (len(PLAIN), PLAIN)),
            (b"BODY[TEXT]<1.2>", b"BODY[TEXT]<1> {2}\r\nod"),
            (b"BODY[TEXT]<6.1>", b'BODY[TEXT]<6> ""'),
            (b"BODY[TEXT]<999.1>", b'BODY[TEXT]<999> ""'),
            (b"BODY[HEADER]<0.5>", b"BODY[HEADER]<0> {5}\r\nSubje"),
            (
                b"BODY[HEADER.FIELDS (TO)]<4.100>",
                b"BODY[HEADER.FIELDS (TO)]<4> {5}\r\nz\r\n\r\n",
            ),
            (b"BODY[7]<0.1>", b"BODY[7]<0> NIL"),
        ):
            self.assertEqual(
                self.fetch(context, asked), b"* 1 FETCH (%b)\r\n" % answered
            )

    def test_no_such_part(self) -> None:
        """Is NIL, and the other items are answered."""
        context = self.context([PLAIN], [_SEEN])
        self.assertEqual(
            self.fetch(context, b"(BODY[2] BODY[1.HEADER] BODY[1])"),
            b"* 1 FETCH (BODY[2] NIL BODY[1.HEADER] NIL BODY[1] {6}\r\nbody\r\n)\r\n",
        )

    def test_nested_message(self) -> None:
        """A message inside a message has a header and a text."""
        context = self.context([EXAMPLE])
        output = self.fetch(context, b"(BODY.PEEK[4.2.HEADER.FIELDS (subject)])")
        self.assertIn(b"{21}\r\nSubject: four.two\r\n\r\n)", output)

    def test_field_name_with_a_percent_sign(self) -> None:
        """What a client names is never a format."""
        context = self.context([PLAIN], [_SEEN])
        self.assertEqual(
            self.fetch(context, b'(UID BODY[HEADER.FIELDS ("%d%s")])'),
            b'* 1 FETCH (UID 1 BODY[HEADER.FIELDS ("%D%S")] {2}\r\n\r\n)\r\n',
        )

    def test_nul(self) -> None:
        """A literal may not have it; the count stays true."""
        context = self.context([b"\r\na\0b"])
        self.assertEqual(
            self.fetch(context, b"BODY.PEEK[TEXT]"),
            b"* 1 FETCH (BODY[TEXT] {3}\r\na\x80b)\r\n",
        )

    def test_messages_are_loaded_some_at_once(self) -> None:
        """Never more than about a megabyte."""
        loads: list[int] = []
        context = self.context([PLAIN + b"a" * 300_000] * 7)
        load = context.mailbox.load

        async def counted(uids: UIDSet, most: int) -> Mapping[int, bytes]:
            found: Mapping[int, bytes] = await load(uids, most)
            loads.append(len(found))
            return found

        context.mailbox = Passing(context.mailbox, load=counted)
        output = self.fetch(context, b"BODY.PEEK[]")
        self.assertEqual(output.count(b" FETCH ("), 7)
        self.assertEqual(loads, [3, 3, 1])


class SeenTests(FetchTestCase):
    """RFC 3501 section 6.4.5: \\Seen is implicitly set."""

    def test_set_and_told(self) -> None:
        """Once, for all messages; the new flags come with the answer."""
        stores: list[UIDSet] = []
        context = self.context([PLAIN] * 3, [frozenset(), _SEEN, frozenset(("a",))])
        store = context.mailbox.store

        async def counted(uids: UIDSet, *arguments: Any) -> Any:
            stores.append(uids)
            return await store(uids, *arguments)

        context.mailbox = Passing(context.mailbox, store=counted)
        text = b"BODY[TEXT] {6}\r\nbody\r\n)\r\n"
        self.assertEqual(
            self.fetch(context, b"BODY[TEXT]"),
            b"* 1 FETCH (FLAGS (\\Seen) %b* 2 FETCH (%b* 3 FETCH (FLAGS (\\Seen a) %b"
            % (text, text, text),
        )
        self.assertEqual(stores, [UIDSet.of([1, 3])])
        self.assertEqual(self.fetch(context, b"BODY[TEXT]").count(b"FLAGS"), 0)

    def test_flags_asked_for_are_the_new_ones(self) -> None:
        """And told once."""
        context = self.context([PLAIN])
        self.assertEqual(
            self.fetch(context, b"(BODY[TEXT] FLAGS)"),
            b"* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {6}\r\nbody\r\n)\r\n",
        )

    def test_what_does_not_set_it(self) -> None:
        """BODY.PEEK, RFC822.HEADER, and everything in a read-only mailbox."""
        context = self.context([PLAIN])
        self.fetch(context, b"(BODY.PEEK[] RFC822.HEADER BODYSTRUCTURE)")
        context.read_only = True
        self.fetch(context, b"(BODY[] RFC822 RFC822.TEXT)")
        self.wait(context.refresh())
        self.assertEqual(list(context.listing.flags), [frozenset()])

    def test_what_sets_it(self) -> None:
        """BODY[...] even of a header, RFC822 and RFC822.TEXT."""
        for item in (b"BODY[HEADER]", b"RFC822", b"RFC822.TEXT", b"BODY[9]"):
            context = self.context([PLAIN])
            self.fetch(context, item)
            self.assertEqual(list(context.listing.flags), [_SEEN], item)


class LargeTests(FetchTestCase):
    """Messages too large to be loaded."""

    BODY = b"0123456789abcde\n" * 80_000
    MESSAGE = (
        b"Subject: large\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\nsmall\r\n--x\r\nContent-Type: application/x\r\n\r\n"
        + BODY.replace(b"\n", b"\0")
        + b"\r\n--x--\r\n"
    )

    def test_the_same_octets_as_a_small_one(self) -> None:
        """Only how they are read differs."""
        context = self.context([PLAIN, self.MESSAGE, PLAIN])
        header, _, text = self.MESSAGE.partition(b"\r\n\r\n")
        for asked, answer in (
            (b"[]", self.MESSAGE),
            (b"[HEADER]", header + b"\r\n\r\n"),
            (b"[TEXT]", text),
            (b"[1]", b"small"),
            (b"[2]", self.BODY.replace(b"\n", b"\0")),
            (b"[2]<16.40>", self.BODY.replace(b"\n", b"\0")[16:56]),
            (b"[HEADER.FIELDS (SUBJECT)]", b"Subject: large\r\n\r\n"),
        ):
            output = self.fetch(
                context,
                b"(UID BODY.PEEK%b BODY.PEEK[9] BODY.PEEK[1]<9.1>)" % asked,
                uids=UIDSet.of([2]),
            )
            name = b"BODY" + asked.partition(b".40")[0].partition(b"\0")[0]
            name += b">" if b"<" in name else b""
            self.assertEqual(
                output,
                b'* 2 FETCH (UID 2 %b {%d}\r\n%b BODY[9] NIL BODY[1]<9> "")\r\n'
                % (name, len(answer), answer.replace(b"\0", b"\x80")),
            )

    def test_in_pieces(self) -> None:
        """Never put whole, and the client is waited for between."""
        context = self.context([self.MESSAGE])
        self.fetch(context, b"BODY.PEEK[]")
        self.assertLess(max(map(len, context.pieces)), 400_000)
        self.assertGreaterEqual(context.pauses, len(self.MESSAGE) // 400_000)

    def test_gone_before(self) -> None:
        """Nothing is put for it, the others are answered."""
        context = self.context([PLAIN, self.MESSAGE, PLAIN])

        async def gone(uid: int) -> Any:
            raise MessageGone(str(uid))

        async def no_headers(uids: UIDSet) -> Any:
            return [], []

        mailbox = context.mailbox
        for changed in ({"open_content": gone}, {"headers": no_headers}):
            context.mailbox = Passing(mailbox, **changed)
            context.pieces.clear()
            request = parse_fetch(Cursor(b"(UID BODY.PEEK[TEXT])"), False)
            self.assertFalse(self.wait(run_fetch(context, request, ALL_UIDS, False)))
            self.assertEqual(context.output.count(b"FETCH (UID"), 2)
            self.assertNotIn(b"UID 2", context.output)

    def test_gone_in_the_middle(self) -> None:
        """The literal cannot be ended, so the connection must be."""
        for failure in (MessageGone("2"), TemporaryFailure("disk"), None):
            context = self.context([self.MESSAGE])
            content = self.wait(context.mailbox.open_content(1))
            closed: list[bool] = []

            async def read(
                start: int, stop: int, content: Any = content, failure: Any = failure
            ) -> bytes:
                if start < 500_000:
                    found: bytes = await content.read(start, stop)
                    return found
                if failure is not None:
                    raise failure
                return b"short"

            failing = Passing(content, read=read, close=partial(closed.append, True))

            async def open_content(uid: int, failing: Any = failing) -> Any:
                return failing

            context.mailbox = Passing(context.mailbox, open_content=open_content)
            request = parse_fetch(Cursor(b"BODY.PEEK[]"), False)
            error = self.assertRaises(
                BrokenLiteral,
                self.wait,
                run_fetch(context, request, ALL_UIDS, False),
            )
            self.assertIsNotNone(error.__cause__)
            self.assertEqual(closed, [True])

    def test_a_part_asked_for_piece_by_piece(self) -> None:
        """The message is taken apart once, not for every piece."""
        context = self.context([self.MESSAGE])
        content = self.wait(context.mailbox.open_content(1))
        reads: list[int] = []

        async def read(start: int, stop: int) -> bytes:
            reads.append(stop - start)
            found: bytes = await content.read(start, stop)
            return found

        kept: Any = Passing(content, read=read)
        kept.octets = None

        async def open_content(uid: int) -> Any:
            return kept

        context.mailbox = Passing(context.mailbox, open_content=open_content)
        self.fetch(context, b"BODY.PEEK[2]<0.1000>")
        self.assertGreater(sum(reads), len(self.MESSAGE))
        reads.clear()
        for start in range(10):
            self.fetch(context, b"BODY.PEEK[2]<%d.1000>" % (1000 * start))
        self.assertEqual(sum(reads), 10_000)

    def test_structures_are_forgotten(self) -> None:
        """Those of the last few messages are kept, if a mailbox can be a key."""

        class Slotted(Passing):
            __slots__ = ("_changed", "_mailbox")
            __hash__ = None  # type: ignore[assignment]

        context = self.context([self.MESSAGE] * 9)
        plain = context.mailbox
        for mailbox in (plain, Slotted(plain)):
            context.mailbox = mailbox
            output = self.fetch(context, b"BODY.PEEK[1]")
            self.assertEqual(output.count(b"{5}\r\nsmall)"), 9)
        self.assertEqual(list(fetch._structures[plain]), list(range(2, 10)))
