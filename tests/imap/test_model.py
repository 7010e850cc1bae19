"""Several sessions on one account against a reference: every response is checked.

Rules are drawn by hypothesis; each does one command in one of three sessions, or
what another program would do, and compares what all sessions hear with
:mod:`tests.imap.reference`. The suite draws a few; ``MAILFRAME_MODEL_STEPS=20000``
in the environment has it go on for as many commands in each store.

Source: RFC 3501 section 7.4, RFC 7162 section 3, RFC 9051 section 7.5.
"""

import os
import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from mailframe.interfaces.plugin import Host
from mailframe.storage.maildir.names import file_name
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.storage.memory import MemoryAccount
from tests.hand_reactor import HandReactor
from tests.imap.model_looking import LookingRules
from tests.imap.model_sessions import Asked, Sessions, names, ways
from tests.imap.reference import DELETED


class MemorySessions(LookingRules):
    """Over the reference store."""

    def __init__(self) -> None:
        """Make the account."""
        super().__init__()
        self.account = MemoryAccount("alice@example.org", uid_validity=7)

    def result(self, coroutine: Any) -> Any:
        """Run a coroutine that never waits."""
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it waits")

    def settle(self) -> None:
        """Let sessions that were woken say something."""
        while any([client.conversation.settle() for client in self.clients]):
            pass


class MaildirSessions(LookingRules):
    """Over Maildirs, their threads included."""

    def __init__(self) -> None:
        """Start the store."""
        super().__init__()
        self.directory = tempfile.mkdtemp(prefix="mailframe-model-")
        self.reactor = HandReactor()
        self.moments = count(10**18, 10**7)
        self.realm = MaildirRealm(
            f"{self.directory}/mail/%d/%n",
            Host(f"{self.directory}/state", ("example.org",), self.reactor),
        )
        self.realm.begin()
        self.account = self.result(self.realm.account("alice@example.org"))

    def result(self, coroutine: Any) -> Any:
        """Wait for the store's threads."""
        return self.reactor.result(coroutine)

    def settle(self) -> None:
        """Go on until no session waits and nothing is due."""
        while True:
            did = self.reactor.turn()
            for client in self.clients:
                did = client.conversation.settle() or did
            if did:
                continue
            if any(client.conversation.waiting for client in self.clients):
                self.reactor.wait()
            else:
                return

    @rule()
    def tidy(self) -> None:
        """Time passes: file names follow the index."""
        self.reactor.turn(1.0)
        self.result(self.account.finish())
        self.settle()
        self.audit()
        self.take_idle()

    def place(self, name: str) -> Path:
        """Return the directory of a mailbox."""
        top = Path(self.directory) / "mail/example.org/alice"
        return top if name == "INBOX" else top / ("." + name.replace("/", "."))

    def noticed(self, name: str, what: str) -> None:
        """Have the store find what another program did; everybody hears of it.

        The directories get a time they never had: two changes within one tick of
        the file system would need a clock that goes on.
        """
        self.said.append(f"{name}: {what}")
        for one in ("cur", "new"):
            moment = next(self.moments)
            os.utime(self.place(name) / one, ns=(moment, moment))
        self.settle()
        self.audit()
        self.settle()
        self.take_idle()

    @rule(name=names)
    def deliver_file(self, name: str) -> None:
        """Another program puts a message into ``new``."""
        if name not in self.mail.boxes:
            return
        number = next(self.tokens)
        token = b"token%d" % number
        file = self.place(name) / "tmp" / f"1000000000.{number}.elsewhere"
        file.write_bytes(b"Subject: %b\n\nbody\n" % token)
        file.rename(self.place(name) / "new" / file.name)
        self.mail.boxes[name].add(token, ())
        self.noticed(name, f"{token!r} came")

    @rule(name=names, pick=st.integers(0, 30), remove=ways)
    def change_file(self, name: str, pick: int, remove: bool) -> None:
        """Another program removes a message, or flags it in its name."""
        box = self.mail.boxes.get(name)
        if box is None or not box.letters:
            return
        self.result(self.account.finish())
        uid = list(box.letters)[pick % len(box.letters)]
        letter = box.letters[uid]
        files = [*self.place(name).glob("cur/*"), *self.place(name).glob("new/*")]
        # A copy has the same octets.
        file = next(one for one in files if file_name(one.name).uid == uid)
        assert file.read_bytes().startswith(b"Subject: %b" % letter.token)
        if remove:
            file.unlink()
            box.remove([uid])
        else:
            base, _, letters = file.name.partition(":2,")
            letters = "".join(sorted({*letters, "F"}))
            file.rename(self.place(name) / "cur" / f"{base}:2,{letters}")
            letter.turn(letter.flags | {"\\Flagged"})
        self.noticed(name, f"UID {uid} changed, removed: {remove}")

    def teardown(self) -> None:
        """Stop the store."""
        try:
            super().teardown()
            self.account = None
            self.result(self.realm.finish())
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


class ModelTests(SynchronousTestCase):
    """What is told is true, in every session, in both stores."""

    STEPS: ClassVar[int] = int(os.environ.get("MAILFRAME_MODEL_STEPS", "0"))

    def run_machine(self, machine: type[LookingRules], examples: int) -> None:
        """Draw and run rules."""
        steps = 50
        wanted = max(self.STEPS, 0)
        Sessions.steps = 0
        while True:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=max(examples, min(wanted // steps, 200)),
                    stateful_step_count=steps,
                    deadline=None,
                    database=None,
                    derandomize=not wanted,
                    suppress_health_check=list(HealthCheck),
                    phases=(Phase.generate,),
                    report_multiple_bugs=False,
                ),
            )
            if Sessions.steps >= wanted:
                break
        if wanted:
            print(f"{machine.__name__}: {Sessions.steps} steps")

    def told_without_modseq(self, machine: LookingRules, *, held: bool) -> None:
        """Tell a client of a message, and let that go while the client is away.

        Args:
            machine: To be begun.
            held: Whether the client comes back with the mod-sequence from before
                an expunge that it was not told of.
        """
        expunging = Asked(1, by_uid=False, picked=[1], span=False, meddling=0)
        try:
            machine.begin(("QRESYNC", "", ""))
            if held:
                machine.expunge(asked=expunging)
            machine.append(
                number=1, name="INBOX", flags=frozenset((DELETED,)), several=1
            )
            machine.fetch(
                asked=Asked(0, by_uid=False, picked=[0], span=False, meddling=0),
                what="(FLAGS MODSEQ)" if held else "FLAGS",
                since=None,
                vanished=False,
            )
            known = machine.clients[0].replica
            assert known is not None
            self.assertEqual(known.rows, list(range(1, 10)))
            machine.close(number=0, word="UNSELECT", now=True)
            machine.expunge(asked=expunging)
            # This finds what the client believes to be there.
            machine.do_select(0, "INBOX", False)
        finally:
            machine.teardown()

    def test_told_without_modseq(self) -> None:
        """What EXISTS told of is told to have vanished (RFC 7162 section 3.2.5.1)."""
        for held in (False, True):
            self.told_without_modseq(MemorySessions(), held=held)
            self.told_without_modseq(MaildirSessions(), held=held)

    def test_memory(self) -> None:
        """The reference store."""
        self.run_machine(MemorySessions, 60)

    def test_maildir(self) -> None:
        """Maildirs."""
        self.run_machine(MaildirSessions, 12)
