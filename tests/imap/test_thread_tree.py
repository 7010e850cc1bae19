"""Tests of threads, against the algorithm as RFC 5256 tells it."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.thread_tree import (
    ThreadColumns,
    Threads,
    by_references,
    by_subject,
    gathered,
    latest_last,
    written,
)


@dataclass(eq=False)
class Node:
    """A message, or a dummy, of the slow algorithm."""

    message: int | None = None
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    def is_below(self, other: "Node") -> bool:
        node: Node | None = self
        while node is not None:
            if node is other:
                return True
            node = node.parent
        return False

    def put_below(self, parent: "Node | None") -> None:
        if self.parent is not None:
            self.parent.children.remove(self)
        self.parent = parent
        if parent is not None:
            parent.children.append(self)


class Slow:
    """REFERENCES, step by step as in RFC 5256 section 3."""

    def __init__(self, columns: ThreadColumns, replies: set[int]) -> None:
        self.columns = columns
        self.replies = replies
        self.nodes: dict[str, Node] = {}
        self.all: list[Node] = []

    def run(self, subjects: bool) -> list[Node]:
        self.link()
        heads = [
            node for node in [*self.all, *self.nodes.values()] if node.parent is None
        ]
        root = Node(children=list(dict.fromkeys(heads)))
        self.prune(root)
        self.sort(root)
        if subjects:
            self.gather(root)
            self.sort(root)
        return root.children

    def link(self) -> None:
        for message, name in enumerate(self.columns.message_ids):
            node = Node(message)
            self.all.append(node)
            if name and name not in self.nodes:
                self.nodes[name] = node
        for message, references in enumerate(self.columns.references):
            last = None
            for name in references:
                node = self.nodes.setdefault(name, Node())
                if last and node.parent is None and not last.is_below(node):
                    node.put_below(last)
                last = node
            mine = self.all[message]
            mine.put_below(None)
            if last is not None and not last.is_below(mine):
                mine.put_below(last)

    def prune(self, root: Node) -> None:
        def kept(node: Node, top: bool) -> list[Node]:
            below = [one for child in node.children for one in kept(child, False)]
            if node.message is not None or (top and len(below) > 1):
                node.children = below
                return [node]
            return below

        root.children = [one for head in root.children for one in kept(head, True)]

    def first(self, node: Node) -> int:
        return node.children[0].message if node.message is None else node.message  # type: ignore[return-value]

    def sort(self, node: Node) -> None:
        for child in node.children:
            self.sort(child)
        node.children.sort(
            key=lambda child: (self.columns.sent[self.first(child)], self.first(child))
        )

    def gather(self, root: Node) -> None:
        table: dict[str, Node] = {}

        def subject(node: Node) -> str:
            return self.columns.subjects[self.first(node)]

        def is_reply(node: Node) -> bool:
            return node.message in self.replies

        for head in root.children:
            if not subject(head):
                continue
            known = table.setdefault(subject(head), head)
            if known.message is not None and (
                head.message is None or (is_reply(known) and not is_reply(head))
            ):
                table[subject(head)] = head
        for head in list(root.children):
            text = subject(head)
            if not text or table[text] is head:
                continue
            known = table[text]
            root.children.remove(head)
            if known.message is None:
                known.children += head.children if head.message is None else [head]
            elif is_reply(head) and not is_reply(known):
                known.children.append(head)
            else:
                table[text] = Node(children=[known, head])
                root.children[root.children.index(known)] = table[text]


def slowly_written(nodes: list[Node]) -> bytes:
    """Write threads with recursion."""

    def inner(node: Node) -> bytes:
        if node.message is None:
            return b"".join(map(outer, node.children))
        text = b"%d" % (node.message + 1)
        if len(node.children) == 1:
            return text + b" " + inner(node.children[0])
        if node.children:
            return text + b" " + b"".join(map(outer, node.children))
        return text

    def outer(node: Node) -> bytes:
        return b"(%b)" % inner(node)

    return b"".join(map(outer, nodes))


_NAMES = ("", "a", "b", "c", "d", "e", "f", "x", "y", "z")
_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(_NAMES[:7]),
        st.lists(st.sampled_from(_NAMES[1:]), max_size=4),
        st.integers(0, 5),
        st.sampled_from(("", "S", "T")),
        st.booleans(),
    ),
    max_size=9,
)


def columns_of(messages: list[Any]) -> ThreadColumns:
    """Return the columns of some messages."""
    return ThreadColumns(
        [row[2] for row in messages],
        [row[3] for row in messages],
        [row[0] for row in messages],
        [row[1] for row in messages],
    )


class ReferencesTests(SynchronousTestCase):
    """REFERENCES and REFS."""

    @settings(max_examples=500, deadline=None)
    @given(_MESSAGES)
    def test_as_the_standard_says(self, messages: list[Any]) -> None:
        """Loops, doubles, missing messages, truncated references."""
        columns = columns_of(messages)
        replies = {place for place, row in enumerate(messages) if row[4]}
        numbers = range(1, len(messages) + 1)
        quick = by_references(columns)
        self.assertEqual(
            written(quick, numbers), slowly_written(Slow(columns, replies).run(False))
        )
        quick = gathered(quick, columns, replies.__contains__)
        self.assertEqual(
            written(quick, numbers), slowly_written(Slow(columns, replies).run(True))
        )

    @settings(max_examples=100, deadline=None)
    @given(_MESSAGES)
    def test_all_are_there(self, messages: list[Any]) -> None:
        """Every message is in just one place, in all orders."""
        columns = columns_of(messages)
        numbers = range(1, len(messages) + 1)
        for threads in (
            by_references(columns),
            by_subject(columns),
            latest_last(by_references(columns), [row[2] for row in messages]),
        ):
            text = written(threads, numbers)
            found = text.replace(b"(", b" ").replace(b")", b" ").split()
            self.assertEqual(sorted(map(int, found)), list(numbers))

    def test_latest_last(self) -> None:
        """A thread goes where its latest message came (REFS)."""
        threads = Threads([0, 1, 9], {0: [2], 9: [3, 4]})
        found = latest_last(threads, [1, 5, 7, 2, 3])
        self.assertEqual(found.heads, [9, 1, 0])

    def test_deep_and_broad(self) -> None:
        """As deep as there are messages, and as many branches."""
        count = 20_000
        names = [f"{place}" for place in range(count)]
        chain = ThreadColumns(
            range(count), (), names, [(), *([name] for name in names[:-1])]
        )
        text = written(by_references(chain), range(count))
        self.assertEqual(text, b"(%b)" % b" ".join(b"%d" % n for n in range(count)))
        fan = ThreadColumns(range(count), (), names, [(), *([["0"]] * (count - 1))])
        self.assertEqual(len(by_references(fan).children[0]), count - 1)

    def test_branches_in_branches(self) -> None:
        """Parentheses nested as deep as the thread forks."""
        count = 5000
        names = [f"{place}" for place in range(2 * count)]
        references: list[list[str]] = [[]]
        for place in range(1, 2 * count):
            references.append([f"{(place - 1) // 2 * 2}"])
        columns = ThreadColumns(range(2 * count), (), names, references)
        text = written(by_references(columns), range(2 * count))
        self.assertEqual(text.count(b"("), text.count(b")"))
        self.assertGreater(text.count(b"("), count)

    def test_many_steps(self) -> None:
        """Looking for loops ends, whatever mailbox somebody has made."""
        count = 3000
        names = [f"{place}" for place in range(count)]
        # Each refers to the next, then to the chain's far end.
        references = [[f"{place + 1}", "0"] for place in range(count)]
        columns = ThreadColumns(range(count), (), names, references)
        text = written(by_references(columns), range(count))
        self.assertEqual(
            len(text.replace(b"(", b" ").replace(b")", b" ").split()), count
        )


class SubjectTests(SynchronousTestCase):
    """ORDEREDSUBJECT."""

    def test_order(self) -> None:
        """By the date of the first message; all others are its children."""
        columns = ThreadColumns([5, 1, 3, 2, 1], ["A", "B", "A", "A", ""])
        self.assertEqual(written(by_subject(columns), range(1, 6)), b"(2)(5)(4 (3)(1))")
