"""The model test's sessions: how they are driven, and what is always true.

Rules are in ``model_mailboxes.py`` and ``model_messages.py``, stores in
``test_model.py``.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, NoReturn

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from mailframe.imap.server import IMAPServer
from mailframe.interfaces.mailbox import NewMessage
from mailframe.limits import IMAPLimits
from mailframe.memory_content import MemoryContent
from mailframe.model.flag import FlagChange
from mailframe.model.mailbox import mailbox_name
from mailframe.model.uid_set import UIDSet
from mailframe.storage.content import MemoryIntake
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.imap.reference import DELETED, SEEN, Box, Heard, Listener, Mail, Replica
from tests.imap.world import Door

NAMES = ("INBOX", "A", "B", "A/x")
FLAGS = (SEEN, DELETED, DELETED, "\\Flagged", "\\Answered", "Later")
ENABLED = (
    *("", "IMAP4rev2", "CONDSTORE", "QRESYNC", "UIDONLY", "IMAP4rev2 CONDSTORE"),
    *("IMAP4rev2 QRESYNC", "QRESYNC UIDONLY", "IMAP4rev2 QRESYNC UIDONLY"),
)
SESSIONS = 3
OUT_OF_RANGE, LAST = 30, 29
"""Picks that stand for a number beyond the mailbox, and for ``*``."""

who = st.integers(0, SESSIONS - 1)
names = st.sampled_from(("INBOX", "INBOX", "A", "A", *NAMES))
rarely = st.integers(0, 3).map(lambda number: not number)
flag_sets = st.frozensets(st.sampled_from(FLAGS), max_size=3)
picks = st.lists(st.integers(0, 30), min_size=1, max_size=4)
ways = st.booleans()
meddling = st.sampled_from((0, 0, 0, 0, *range(1, 25)))
"""What happens by another way just before a command: a message and what of it."""


@dataclass(frozen=True)
class Asked:
    """What every command about messages has.

    Attributes:
        number: Of the session.
        by_uid: Whether it is the form with UID.
        picked: Stand for messages; see ``Sessions.named``.
        span: Whether the first two are the ends of a range.
        meddling: As above.
    """

    number: int
    by_uid: bool
    picked: list[int]
    span: bool
    meddling: int

    @property
    def uid(self) -> str:
        """What stands before the command's name."""
        return "UID " if self.by_uid else ""


def asks(
    by_uid: st.SearchStrategy[bool] = ways, *, one: bool = False
) -> st.SearchStrategy[Asked]:
    """Return what makes those; with ``one`` for a command about one message."""
    return st.builds(
        Asked,
        number=who,
        by_uid=by_uid,
        picked=picks.map(lambda picked: picked[:1]) if one else picks,
        span=ways,
        meddling=meddling,
    )


@dataclass
class Kept:
    """What a client keeps of a mailbox for the next time.

    Source: RFC 7162 section 3.2.5.
    """

    name: str
    validity: int
    highest: int
    rows: list[int]
    flags: dict[int, frozenset[str]]


class Client:
    """One session and what its client knows."""

    def __init__(self, conversation: Conversation) -> None:
        """Begin before the login."""
        self.conversation = conversation
        self.enabled: set[str] = set()
        self.listener = Listener(self.enabled)
        self.idling = b""
        self.kept: dict[str, Kept] = {}
        self.name = ""
        self.saved: set[int] | None = set()
        self.tags = count(1)
        self.tag = b""

    @property
    def replica(self) -> Replica | None:
        """The selected mailbox."""
        return self.listener.replica

    @property
    def by_uid(self) -> bool:
        """Whether message numbers may not be used."""
        return "UIDONLY" in self.enabled


class Sessions(RuleBasedStateMachine):
    """Three sessions on an account of any store.

    Attributes:
        steps: Commands given, in all runs together.
    """

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        """Begin with an empty account and no session."""
        super().__init__()
        self.mail = Mail()
        self.tokens = count(1)
        self.reported: list[BaseException] = []
        self.clients: list[Client] = []
        self.account: Any = None
        self.limits = IMAPLimits(errors=10**9)
        self.used: dict[str, set[int]] = {}
        self.said: deque[str] = deque(maxlen=30)

    # What a store brings.

    def result(self, coroutine: Any) -> Any:
        """Run a coroutine of the store to its end."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let everything happen that happens by itself."""
        raise NotImplementedError

    # How sessions are driven.

    def connect(self, enable: str) -> Client:
        """Log in a new session."""
        server = IMAPServer(
            Door(self.account),
            hostname="mail.example.org",
            limits=self.limits,
            intake=MemoryIntake(10**6),
            report=self.reported.append,
            now=lambda: 0.0,
        )
        conversation = Conversation(server, FakeConnection(trusted=True))
        conversation.heard()
        client = Client(conversation)
        assert b"z OK" in self.say(client, "LOGIN alice secret", tag=b"z")
        if enable:
            self.say(client, f"ENABLE {enable}", tag=b"z")
            client.enabled.update(enable.upper().split())
            if "QRESYNC" in client.enabled:
                client.enabled.add("CONDSTORE")
        return client

    def say(self, client: Client, text: str, tag: bytes = b"") -> bytes:
        """Give a command; return what is said to it."""
        client.tag = tag or b"t%d" % next(client.tags)
        client.listener.command = text
        client.conversation.feed(client.tag + b" " + text.encode() + b"\r\n")
        self.settle()
        assert not client.conversation.waiting
        assert not self.reported, self.reported
        heard = client.conversation.heard()
        number = self.clients.index(client) if client in self.clients else "new"
        self.said.append(f"{number}: {text!r}\n   {heard!r}")
        return heard

    def fail(self, problem: AssertionError) -> NoReturn:
        """Raise it again with what was said before it."""
        raise AssertionError("\n".join([*self.said, str(problem)])) from problem

    def take(self, client: Client, said: bytes, *, expunges: bool = True) -> Heard:
        """Take what was said, when :attr:`mail` is as it is after the command."""
        Sessions.steps += 1
        self.audit()
        try:
            heard = client.listener.take(said, tag=client.tag, expunges=expunges)
            assert heard.result, f"no answer: {said!r}"
            replica = client.replica
            if replica is not None and heard.result == "OK" and not replica.box.dead:
                (replica.settled if expunges else replica.true)()
        except AssertionError as problem:
            self.fail(problem)
        self.take_idle()
        return heard

    def take_idle(self) -> None:
        """Take what those hear who idle; the others hear nothing unasked."""
        for client in self.clients:
            said = client.conversation.heard()
            if not client.idling:
                assert not said, f"unasked: {said!r}"
                continue
            client.listener.take(said, tag=b"", expunges=True)
            if client.replica is not None and not client.replica.box.dead:
                client.replica.settled()

    def audit(self) -> None:
        """Hold the reference against the store itself."""
        listed = [info.name for info in self.result(self.account.list_mailboxes())]
        assert sorted(listed) == sorted(self.mail.boxes), listed
        for name, box in self.mail.boxes.items():
            mailbox = self.result(self.account.open(mailbox_name(name)))
            listing = self.result(mailbox.changes(0)).listing
            box.audit(listing, mailbox.uid_validity)
            mailbox.close()
        self.mail.remember()

    def free(self, number: int) -> Client | None:
        """Return a session that can be given a command."""
        client = self.clients[number]
        return None if client.idling else client

    def meddle(self, box: Box, number: int) -> None:
        """Remove a message, flag it or deliver one, as another program does."""
        name = next((one for one, other in self.mail.boxes.items() if other is box), "")
        if not number or not box.letters or not name:
            return
        uid = list(box.letters)[number % len(box.letters)]
        self.said.append(f"meddling with {name}: {number % 3}, UID {uid}")
        if number % 3 == 0:
            self.put(name, ())
        else:
            letter, uids = box.letters[uid], UIDSet.of([uid])
            flags = frozenset((DELETED if number % 3 == 1 else FLAGS[number % 5],))
            mailbox = self.result(self.account.open(mailbox_name(name)))
            self.result(mailbox.store(uids, FlagChange.ADD, flags))
            letter.turn(letter.flags | flags)
            if number % 3 == 1:
                self.result(mailbox.expunge(uids))
                box.remove([uid])
            mailbox.close()
        self.settle()
        self.audit()
        self.take_idle()

    def selected(self, number: int, meddling: int = 0) -> tuple[Client, Replica] | None:
        """Return a session with a mailbox; see that others refuse."""
        client = self.free(number)
        if client is None:
            return None
        if client.replica is None:
            heard = self.take(client, self.say(client, "UID FETCH 1 FLAGS"))
            assert heard.result == "BAD"
            return None
        self.meddle(client.replica.box, meddling)
        return client, client.replica

    def chosen(
        self, asked: Asked
    ) -> tuple[Client, Replica, str, list[int] | None] | None:
        """Return session and mailbox, and the messages as :meth:`named` does."""
        found = self.selected(asked.number, asked.meddling)
        if found is None:
            return None
        client, replica = found
        some, meant = self.named(replica, asked.picked, asked.by_uid, asked.span)
        return client, replica, some, meant

    def named(
        self, replica: Replica, picked: list[int], by_uid: bool, span: bool
    ) -> tuple[str, list[int] | None]:
        """Return a set of messages as written, and which are meant.

        ``None`` for a set that names a number which is not there.
        """
        rows = replica.rows
        top = replica.box.next + 2 if by_uid else len(rows) + 1
        words = [
            "*" if pick == LAST else str(top if pick == OUT_OF_RANGE else pick % top)
            for pick in picked
        ]
        words = [word if word != "0" else "1" for word in words]
        last = (rows[-1] if by_uid else len(rows)) if rows else 0
        text = ",".join(words)
        values = [last if word == "*" else int(word) for word in words]
        pairs = [(value, value) for value in values]
        if span and len(words) > 1:
            text = f"{words[0]}:{words[1]}"
            pairs = [(min(values[:2]), max(values[:2]))]
        if by_uid:
            return text, [u for u in rows if any(a <= u <= b for a, b in pairs)]
        if not rows or any(b > len(rows) for _, b in pairs):
            return text, None
        return text, [
            uid
            for number, uid in enumerate(rows, 1)
            if any(a <= number <= b for a, b in pairs)
        ]

    def leave(self, client: Client) -> None:
        """Keep what the client knows, and forget that it has a mailbox."""
        replica, client.listener.replica = client.replica, None
        client.saved = set()
        if replica is not None and "QRESYNC" in client.enabled and replica.highest:
            client.kept[client.name] = Kept(
                client.name,
                replica.box.validity,
                replica.highest,
                list(replica.rows),
                dict(replica.flags),
            )

    def put(self, name: str, flags: Iterable[str]) -> bytes:
        """Store a message as another session or the delivery does."""
        token = b"token%d" % next(self.tokens)
        octets = b"Subject: %b\r\n\r\nbody\r\n" % token
        message = NewMessage(MemoryContent(octets), flags=frozenset(flags))
        self.result(self.account.append(mailbox_name(name), [message]))
        self.mail.boxes[name].add(token, flags)
        return token

    def teardown(self) -> None:
        """Close every session."""
        for client in self.clients:
            client.conversation.lose()
        self.settle()
