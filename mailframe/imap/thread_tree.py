"""Threads: which message is an answer to which.

All three algorithms work on columns, and none recurses: how deep a thread is,
is up to whoever writes the messages.

Source: RFC 5256 section 3 (THREAD), draft-ietf-morg-inthread (REFS).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_STEPS = 200
"""Steps towards the root for each message, on average, that looking for loops
may take. A mailbox made to take more gets links left out instead."""


@dataclass(frozen=True, slots=True)
class ThreadColumns:
    """What is known of the messages, in the order of the mailbox.

    Attributes:
        sent: Sent dates (RFC 5256 section 2.2).
        subjects: Base subjects as they compare.
        message_ids: Their Message-IDs, ``""`` without one.
        references: What each refers to, the oldest first.
    """

    sent: Sequence[int]
    subjects: Sequence[str] = ()
    message_ids: Sequence[str] = ()
    references: Sequence[Sequence[str]] = ()


@dataclass(slots=True)
class Threads:
    """Some threads.

    Attributes:
        heads: The first message of each, in order. A number that is no place
            of a message is a dummy: its children have no common parent here.
        children: Of each message or dummy that has any, in order.
    """

    heads: list[int] = field(default_factory=list)
    children: dict[int, list[int]] = field(default_factory=dict)

    def first(self, head: int, count: int) -> int:
        """Return the message that stands for a head: itself, or its first child.

        Args:
            head: One of ``heads``.
            count: How many messages there are.
        """
        return head if head < count else self.children[head][0]


def by_subject(columns: ThreadColumns) -> Threads:
    """Thread by ORDEREDSUBJECT.

    Source: RFC 5256 section 3 (ORDEREDSUBJECT).
    """
    sent, subjects = columns.sent, columns.subjects
    threads = Threads()
    heads: dict[str, int] = {}
    for message in sorted(range(len(sent)), key=sent.__getitem__):
        head = heads.setdefault(subjects[message], message)
        if head == message:
            threads.heads.append(message)
        else:
            threads.children.setdefault(head, []).append(message)
    return threads


def by_references(columns: ThreadColumns) -> Threads:
    """Thread by references alone; heads in order of their sent dates.

    Steps 1 to 4 and 6 of REFERENCES.

    Source: RFC 5256 section 3 (REFERENCES).
    """
    sent = columns.sent
    count = len(sent)
    tops, parents = _real_parents(_linked(columns), count)
    # Whoever comes later in this order is a later sibling everywhere.
    order = sorted(range(count), key=sent.__getitem__)
    orphans: dict[int, int] = {}
    for top in tops:
        if top >= 0:
            orphans[top] = orphans.get(top, 0) + 1
    threads = Threads()
    for message in order:
        parent, top = parents[message], tops[message]
        if parent >= 0:
            threads.children.setdefault(parent, []).append(message)
        elif top < 0 or orphans[top] == 1:
            # An only child takes the place of a dummy at the top.
            threads.heads.append(message)
        elif top in threads.children:
            threads.children[top].append(message)
        else:
            threads.children[top] = [message]
            threads.heads.append(top)
    return threads


def _linked(columns: ThreadColumns) -> list[int]:
    """Return the parent of each message and dummy, -1 for none (step 1)."""
    count = len(columns.sent)
    nodes: dict[str, int] = {}
    for message, name in enumerate(columns.message_ids):
        if name:
            nodes.setdefault(name, message)
    parents = [-1] * count
    has_children = bytearray(count)
    steps = _STEPS * count

    def is_below(node: int, other: int) -> bool:
        """Tell whether ``node`` is ``other``, or a descendant of it."""
        nonlocal steps
        if node == other:
            return True
        if not has_children[other]:
            return False
        while node >= 0:
            if node == other or steps <= 0:
                return True
            steps -= 1
            node = parents[node]
        return False

    for message, references in enumerate(columns.references):
        last = -1
        for name in references:
            node = nodes.get(name)
            if node is None:
                node = nodes[name] = len(parents)
                parents.append(-1)
                has_children.append(0)
            if last >= 0 and parents[node] < 0 and not is_below(last, node):
                parents[node] = last
                has_children[last] = 1
            last = node
        if parents[message] != last:
            parents[message] = -1
            if last >= 0 and not is_below(last, message):
                parents[message] = last
                has_children[last] = 1
    return parents


def _real_parents(parents: list[int], count: int) -> tuple[list[int], list[int]]:
    """Take the dummies out (steps 2 and 3).

    Returns:
        For each message the dummy at the top of its thread if no message is
        above it, and the message above it; -1 for none.
    """
    tops = [-1] * count
    real = [-1] * count
    # What is above each dummy: a message, or ~dummy for the topmost dummy.
    above: dict[int, int] = {}
    for message in range(count):
        parent = parents[message]
        if parent < count:
            real[message] = parent
            continue
        passed = []
        while parent >= count and parent not in above:
            passed.append(parent)
            parent = parents[parent]
        if parent >= count:
            end = above[parent]
        else:
            end = parent if parent >= 0 else ~passed[-1]
        for dummy in passed:
            above[dummy] = end
        if end >= 0:
            real[message] = end
        else:
            tops[message] = ~end
    return tops, real


def shared_subjects(threads: Threads, columns: ThreadColumns) -> list[int]:
    """Return the messages at the top whose subject others at the top have too.

    Of these :func:`gathered` must know whether they are replies.
    """
    count = len(columns.sent)
    by_text: dict[str, list[int]] = {}
    for head in threads.heads:
        subject = columns.subjects[threads.first(head, count)]
        if subject:
            by_text.setdefault(subject, []).append(head)
    return [
        head
        for heads in by_text.values()
        if len(heads) > 1
        for head in heads
        if head < count
    ]


def gathered(
    threads: Threads, columns: ThreadColumns, is_reply: Callable[[int], bool]
) -> Threads:
    """Put threads of one subject together: step 5 of REFERENCES, and step 6.

    Args:
        threads: As :func:`by_references` has made them; changed.
        columns: Of the same messages.
        is_reply: Tells whether a message's own subject says that it is a reply
            or forwarded.

    Source: RFC 5256 section 3 (REFERENCES).
    """
    sent, subjects = columns.sent, columns.subjects
    count = len(sent)
    children = threads.children

    def subject_of(head: int) -> str:
        return subjects[threads.first(head, count)]

    table: dict[str, int] = {}
    for head in threads.heads:
        subject = subject_of(head)
        kept = table.setdefault(subject, head)
        if (
            subject
            and kept != head
            and kept < count
            and (head >= count or (is_reply(kept) and not is_reply(head)))
        ):
            table[subject] = head
    next_dummy = first_dummy = max([count, *(head + 1 for head in threads.heads)])
    moved: set[int] = set()
    grown: set[int] = set()
    for head in threads.heads:
        subject = subject_of(head)
        kept = table[subject]
        if not subject or kept == head:
            continue
        if kept >= count:
            # Both dummies, or a message that joins the children of one.
            children[kept] += children.pop(head) if head >= count else [head]
        elif is_reply(head) and not is_reply(kept):
            children.setdefault(kept, []).append(head)
        else:
            table[subject], children[next_dummy] = next_dummy, [kept, head]
            moved.add(kept)
            kept = next_dummy
            next_dummy += 1
        moved.add(head)
        grown.add(kept)

    def place(message: int) -> tuple[int, int]:
        return sent[message], message

    for node in grown:
        children[node].sort(key=place)
    heads = [head for head in threads.heads if head not in moved]
    heads += range(first_dummy, next_dummy)
    heads.sort(key=lambda head: place(threads.first(head, count)))
    return Threads(heads, children)


def latest_last(threads: Threads, arrived: Sequence[int]) -> Threads:
    """Order threads by the internal date of their latest message (REFS)."""
    latest = {}
    for head in threads.heads:
        waiting, newest = [head], None
        while waiting:
            node = waiting.pop()
            if node < len(arrived) and (newest is None or arrived[node] > newest):
                newest = arrived[node]
            waiting += threads.children.get(node, ())
        latest[head] = newest or 0
    return Threads(sorted(threads.heads, key=latest.__getitem__), threads.children)


def written(threads: Threads, numbers: Sequence[int]) -> bytes:
    """Return threads as ``*thread-list``.

    Args:
        threads: To be written.
        numbers: How the client knows each message.

    Source: RFC 5256 section 5 (thread-list).
    """
    count = len(numbers)
    children = threads.children
    parts: list[bytes] = []
    # None closes a parenthesis.
    waiting: list[int | None] = list(reversed(threads.heads))
    while waiting:
        node = waiting.pop()
        if node is None:
            parts.append(b")")
            continue
        parts.append(b"(")
        below: Sequence[int] = children.get(node, ())
        if node < count:
            parts.append(b"%d" % numbers[node])
            while len(below := children.get(node, ())) == 1:
                node = below[0]
                parts.append(b" %d" % numbers[node])
            if below:
                parts.append(b" ")
        waiting.append(None)
        waiting += reversed(list(below))
    return b"".join(parts)
