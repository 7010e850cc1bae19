"""The model test's rules about mailboxes, and about nothing in particular."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from mailframe.model.mailbox import mailbox_name
from tests.imap.model_sessions import (
    ENABLED,
    SESSIONS,
    Client,
    Kept,
    Sessions,
    names,
    rarely,
    who,
)
from tests.imap.reference import DELETED, SEEN, Box, Heard, Replica


class MailboxRules(Sessions):
    """Mailboxes come, go and are selected."""

    @initialize(enables=st.tuples(*[st.sampled_from(ENABLED)] * SESSIONS))
    def begin(self, enables: tuple[str, ...]) -> None:
        """Log in all sessions; put some mail into two mailboxes."""
        self.clients = [self.connect(enable) for enable in enables]
        for name in ("INBOX", "A"):
            if name not in self.mail.boxes:
                self.result(self.account.create(mailbox_name(name)))
                self.mail.boxes[name] = Box()
            for number in range(8):
                self.put(name, {DELETED} if number % 3 == 1 else ())
        self.settle()
        self.audit()
        for number, name in enumerate(("INBOX", "INBOX", "A")):
            self.do_select(number, name, False)

    @rule(number=who, name=names, examine=rarely)
    def select(self, number: int, name: str, examine: bool) -> None:
        """SELECT or EXAMINE."""
        self.do_select(number, name, examine)

    def do_select(self, number: int, name: str, examine: bool) -> None:
        """Select a mailbox, and check all that is told of it."""
        client = self.free(number)
        if client is None:
            return
        kept = client.kept.get(name)
        had = client.replica is not None
        box = self.mail.boxes.get(name)
        self.leave(client)
        parameter = ""
        if kept is None or box is None or kept.validity != box.validity:
            kept = None
        else:
            parameter = f" (QRESYNC ({kept.validity} {kept.highest}))"
        word = "EXAMINE" if examine else "SELECT"
        said = self.say(client, f'{word} "{name}"{parameter}')
        if box is not None:
            enabled = client.enabled
            client.name = name
            client.listener.replica = Replica(box, examine, enabled)
        heard = self.take(client, said)
        assert ("CLOSED" in heard.codes) == had
        if box is None:
            assert (heard.result, heard.code) == ("NO", "NONEXISTENT")
            return
        assert heard.code == ("READ-ONLY" if examine else "READ-WRITE")
        assert int(heard.codes["UIDVALIDITY"]) == box.validity
        assert int(heard.codes["UIDNEXT"]) == box.next
        if "CONDSTORE" in client.enabled:
            assert int(heard.codes["HIGHESTMODSEQ"]) == box.highest
        if not {"IMAP4REV2", "UIDONLY"} & client.enabled:
            unseen = [
                row
                for row, letter in enumerate(box.letters.values(), 1)
                if SEEN not in letter.flags
            ]
            told = heard.codes.get("UNSEEN")
            assert told == (b"%d" % unseen[0] if unseen else None)
        if kept is not None:
            try:
                self.resynchronized(kept, box, heard, client)
            except AssertionError as problem:
                self.fail(problem)

    def resynchronized(
        self, kept: Kept, box: Box, heard: Heard, client: Client
    ) -> None:
        """Check that a client which was away knows everything again.

        Source: RFC 7162 section 3.2.5.1.
        """
        assert not set(heard.earlier) & set(box.letters), "VANISHED, but there"
        left = [uid for uid in kept.rows if uid not in heard.earlier]
        there = [uid for uid in kept.rows if uid in box.letters]
        assert left == there, f"it believes {left} are there, not {there}"
        replica = client.replica
        assert replica is not None
        for uid, letter in box.letters.items():
            if uid in kept.rows and uid not in heard.fetched:
                assert kept.flags.get(uid, letter.flags) == letter.flags, uid
            elif uid not in kept.rows:
                assert uid in heard.fetched, f"not told of UID {uid}"

    @rule(number=who, word=st.sampled_from(("CLOSE", "UNSELECT")), now=rarely)
    def close(self, number: int, word: str, now: bool) -> None:
        """Leave a mailbox; CLOSE expunges, and says nothing of it."""
        chosen = self.selected(number) if now else None
        if chosen is None:
            return
        client, replica = chosen
        said = self.say(client, word)
        box = replica.box
        if word == "CLOSE" and not replica.read_only and not box.dead:
            box.remove([u for u, one in box.letters.items() if DELETED in one.flags])
        self.leave(client)
        assert self.take(client, said).result == "OK"

    @rule(name=names, number=who, now=rarely)
    def create(self, number: int, name: str, now: bool) -> None:
        """CREATE: UIDVALIDITY is one this name never had."""
        client = self.free(number)
        if client is None or not now:
            return
        said = self.say(client, f'CREATE "{name}"')
        exists = name in self.mail.boxes
        if not exists:
            self.mail.boxes[name] = Box()
        heard = self.take(client, said)
        assert heard.result == ("NO" if exists else "OK")
        if not exists:
            used = self.used.setdefault(name, set())
            assert self.mail.boxes[name].validity not in used
            used.add(self.mail.boxes[name].validity)

    @rule(name=names, number=who, now=rarely)
    def delete(self, number: int, name: str, now: bool) -> None:
        """DELETE, whoever has it selected."""
        client = self.free(number)
        if client is None or not now:
            return
        said = self.say(client, f'DELETE "{name}"')
        box = self.mail.boxes.get(name) if name != "INBOX" else None
        if box is not None:
            self.used.setdefault(name, set()).add(box.validity)
            box.dead = True
            del self.mail.boxes[name]
        heard = self.take(client, said)
        assert heard.result == ("NO" if box is None else "OK")

    @rule(name=names, to=names, number=who, now=rarely)
    def rename(self, number: int, name: str, to: str, now: bool) -> None:
        """RENAME, whoever has it selected; that of INBOX moves its messages."""
        client = self.free(number)
        if client is None or not now:
            return
        boxes = self.mail.boxes
        inferior = [one for one in boxes if one.startswith(name + "/")]
        moving = [one for one in (name, *inferior) if one in boxes]
        if name == "INBOX":
            moving = [name]
        renamed = {one: to + one[len(name) :] for one in moving}
        bad = (
            not moving
            or (name != "INBOX" and to.startswith(name + "/"))
            or any(new in boxes for new in renamed.values())
        )
        said = self.say(client, f'RENAME "{name}" "{to}"')
        if not bad and name == "INBOX":
            boxes[to] = Box()
            for uid, letter in list(boxes[name].letters.items()):
                boxes[to].add(letter.token, letter.flags)
                boxes[name].remove([uid])
        elif not bad:
            for old, new in renamed.items():
                self.used.setdefault(old, set()).add(boxes[old].validity)
                boxes[new] = boxes.pop(old)
        assert self.take(client, said).result == ("NO" if bad else "OK")

    @rule(name=names, number=who)
    def status(self, number: int, name: str) -> None:
        """STATUS."""
        client = self.free(number)
        if client is None:
            return
        items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED"
        if "CONDSTORE" in client.enabled:
            items += " HIGHESTMODSEQ"
        said = self.say(client, f'STATUS "{name}" ({items})')
        heard = self.take(client, said)
        box = self.mail.boxes.get(name)
        if box is None:
            assert heard.result == "NO"
            return
        told = heard.status[name]
        flags = [one.flags for one in box.letters.values()]
        assert told["MESSAGES"] == len(flags)
        assert told["UIDNEXT"] == box.next
        assert told["UIDVALIDITY"] == box.validity
        assert told["UNSEEN"] == sum(SEEN not in one for one in flags)
        assert told["DELETED"] == sum(DELETED in one for one in flags)
        assert told.get("HIGHESTMODSEQ", box.highest) == box.highest

    # Nothing in particular.

    @rule(number=who, word=st.sampled_from(("NOOP", "NOOP", "CHECK")))
    def noop(self, number: int, word: str) -> None:
        """NOOP and CHECK tell everything."""
        client = self.free(number)
        if client is not None:
            heard = self.take(client, self.say(client, word))
            allowed = word == "NOOP" or client.replica is not None
            assert heard.result == ("OK" if allowed else "BAD")

    @rule(number=who)
    def idle(self, number: int) -> None:
        """Begin to idle, or be DONE."""
        client = self.clients[number]
        if client.idling:
            client.tag, client.idling = client.idling, b""
            client.listener.command = ""
            client.conversation.feed(b"DONE\r\n")
            self.settle()
            assert self.take(client, client.conversation.heard()).result == "OK"
            return
        said = self.say(client, "IDLE")
        assert said.startswith(b"+ ")
        client.idling = client.tag
        client.listener.take(said, tag=b"", expunges=True)
        if client.replica is not None and not client.replica.box.dead:
            client.replica.settled()

    @rule(number=who, enable=st.sampled_from(ENABLED), now=rarely)
    def reconnect(self, number: int, enable: str, now: bool) -> None:
        """LOGOUT, and another client comes."""
        if not now:
            return
        client = self.clients[number]
        kept = client.kept
        if client.idling:
            client.conversation.lose()
        else:
            self.leave(client)
            assert b"* BYE" in self.say(client, "LOGOUT")
        self.settle()
        self.clients[number] = self.connect(enable)
        if "QRESYNC" in enable:
            self.clients[number].kept = kept
