"""Sessions that really overlap: the store's threads run while others send.

What each command does is not foretold (``test_model.py`` does that for commands
one after the other); what every client is told must fit together all the same.

Source: RFC 3501 sections 2.3.1.2, 5.5 and 7.4.1.
"""

import os
import re
import shutil
import tempfile
from collections import deque
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.server import IMAPServer
from mailframe.interfaces.plugin import Host
from mailframe.limits import IMAPLimits
from mailframe.model.mailbox import INBOX, mailbox_name
from mailframe.storage.content import MemoryIntake
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.testing.mailbox_contract import new
from mailframe.testing.transcript import Conversation, FakeConnection
from tests.hand_reactor import HandReactor
from tests.imap.reference import fetch_items, numbers, responses
from tests.imap.world import Door

SESSIONS = 4
STORMS = int(os.environ.get("MAILFRAME_STORMS", "6"))
"""How many storms, of ``COMMANDS`` commands each; hundreds were run."""
COMMANDS = 150

_NUMBERED = re.compile(rb"\* ([0-9]+) (EXISTS|EXPUNGE|FETCH)(.*)", re.DOTALL)


class Client:
    """Believes what it is told; complains when it does not fit together.

    Attributes:
        rows: UIDs by message number, as far as it knows them.
        sent: Tags and commands that are not answered.
    """

    def __init__(self, conversation: Conversation, tokens: dict[int, bytes]) -> None:
        """Begin before SELECT.

        Args:
            conversation: After the login.
            tokens: What is in the Subject of the message with a UID; shared.
        """
        self.conversation = conversation
        self.tokens = tokens
        self.rows: list[int | None] = []
        self.sent: deque[tuple[bytes, bytes]] = deque()
        self.qresync = False
        self._count = 0

    def say(self, command: bytes) -> None:
        """Send a command."""
        self._count += 1
        tag = b"t%d" % self._count
        self.sent.append((tag, command))
        self.conversation.feed(b"%b %b\r\n" % (tag, command))

    def listen(self) -> None:
        """Take what was said."""
        for line in responses(self.conversation.heard()):
            if self.sent and line.startswith(self.sent[0][0] + b" "):
                assert b"SERVERBUG" not in line, line
                self.sent.popleft()
            elif found := _NUMBERED.fullmatch(line):
                self._numbered(int(found[1]), found[2], found[3])
            elif line.startswith(b"* VANISHED "):
                self._may_expunge()
                for uid in numbers(line[11:]):
                    # Of a message whose UID it never asked for, it knows nothing.
                    known = uid if uid in self.rows else None
                    self.rows.remove(known)

    def _numbered(self, number: int, kind: bytes, rest: bytes) -> None:
        if kind == b"EXISTS":
            assert number >= len(self.rows), "EXISTS shrank"
            self.rows += [None] * (number - len(self.rows))
            return
        assert 1 <= number <= len(self.rows), (number, kind, len(self.rows))
        if kind == b"EXPUNGE":
            self._may_expunge()
            del self.rows[number - 1]
            return
        items = fetch_items(rest)
        uid = items.get("UID")
        if uid is None:
            return
        known = self.rows[number - 1]
        assert known in (None, uid), f"{number} was UID {known}, now is {uid}"
        if not self.qresync:
            self.rows[number - 1] = uid
        if "TOKEN" in items:
            token = self.tokens.setdefault(uid, items["TOKEN"])
            assert token == items["TOKEN"], f"UID {uid}: another's data"
        told = [one for one in self.rows if one is not None]
        assert told == sorted(set(told)), f"UIDs not ascending: {self.rows}"

    def _may_expunge(self) -> None:
        if self.sent:
            command = self.sent[0][1]
            assert not command.startswith((b"FETCH", b"STORE", b"SEARCH")), command


class StormTests(SynchronousTestCase):
    """Message numbers are never wrong."""

    def setUp(self) -> None:
        """Start a store."""
        self.directory = tempfile.mkdtemp(prefix="mailframe-storm-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.reactor = HandReactor()
        self.realm = MaildirRealm(
            f"{self.directory}/mail/%d/%n",
            Host(f"{self.directory}/state", ("example.org",), self.reactor),
        )
        self.realm.begin()
        self.addCleanup(self.stop)
        self.account = self.reactor.result(self.realm.account("alice@example.org"))
        self.reactor.result(self.account.create(mailbox_name("other")))
        self.reported: list[BaseException] = []

    def stop(self) -> None:
        """Stop the store."""
        self.account = None
        self.reactor.result(self.realm.finish())

    def connect(self) -> Conversation:
        """Return a session that has logged in."""
        server = IMAPServer(
            Door(self.account),
            limits=IMAPLimits(errors=10**9),
            intake=MemoryIntake(10**6),
            report=self.reported.append,
            now=lambda: 0.0,
        )
        conversation = Conversation(server, FakeConnection(trusted=True))
        conversation.say(b"z LOGIN alice secret\r\n")
        return conversation

    def command(self, random: Random, token: int) -> bytes:
        """Return some command."""
        number = random.randint(1, 12)
        some = b"%d:%d" % tuple(sorted((number, random.randint(1, 12))))
        text = b"Subject: token%d\r\n\r\nx\r\n" % token
        header = b"(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        return random.choice(
            (
                *(b"FETCH %d %b" % (number, header), b"UID FETCH 1:* %b" % header),
                *(b"FETCH %b %b" % (some, header), b"FETCH %d (UID BODY[])" % number),
                b"STORE %b +FLAGS (\\Deleted)" % some,
                b"STORE %b -FLAGS.SILENT (\\Deleted \\Seen)" % some,
                b"UID STORE 1:* +FLAGS.SILENT (\\Flagged)",
                *(b"EXPUNGE", b"EXPUNGE", b"SEARCH UNDELETED", b"NOOP", b"NOOP"),
                *(b"APPEND INBOX {%d+}\r\n%b" % (len(text), text),) * 4,
                *(b"MOVE %b other" % some, b"COPY %b other" % some),
                *(b"UID SEARCH ALL", b"CHECK", b"STATUS INBOX (MESSAGES)"),
            )
        )

    def go_on(self, random: Random, clients: list[Client]) -> bool:
        """Let something happen, maybe not everything; tell whether it did."""
        did = self.reactor.turn(random.choice((0.0, 0.0, 0.05)))
        for client in random.sample(clients, random.randint(1, SESSIONS)):
            did = client.conversation.settle() or did
            client.listen()
        return did

    def storm(self, seed: int) -> None:
        """Let all sessions send at once, then see that all know the truth."""
        random = Random(seed)
        self.reactor.result(self.account.append(INBOX, [new(0)] * 3))
        tokens: dict[int, bytes] = {}
        clients = [Client(self.connect(), tokens) for _ in range(SESSIONS)]
        for client in clients:
            if random.random() < 0.3:
                client.qresync = True
                client.say(b"ENABLE QRESYNC")
            client.say(b"SELECT INBOX")
        for token in range(COMMANDS):
            client = random.choice(clients)
            client.say(self.command(random, seed * COMMANDS + token))
            for _ in range(random.randint(0, 3)):
                self.go_on(random, clients)
        for client in clients:
            client.say(b"NOOP")
        self.finish(random, clients)
        # Nobody changes anything any more: now everybody is told everything.
        for client in clients:
            client.say(b"NOOP")
            client.qresync = False
            client.say(b"FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        self.finish(random, clients)
        mailbox = self.reactor.result(self.account.open(INBOX))
        listing = self.reactor.result(mailbox.changes(0)).listing
        mailbox.close()
        for client in clients:
            self.assertEqual(client.rows, list(listing.uids))
            client.conversation.lose()
        self.assertEqual(self.reported, [])

    def finish(self, random: Random, clients: list[Client]) -> None:
        """Go on until everything is answered."""
        while any(client.sent for client in clients):
            waiting = any(client.conversation.waiting for client in clients)
            if not self.go_on(random, clients) and waiting:
                self.reactor.wait()
        while self.reactor.turn():
            for client in clients:
                client.conversation.settle()

    def test_storms(self) -> None:
        """Fetching, storing, appending, moving and expunging at once."""
        for seed in range(STORMS):
            self.storm(seed)
