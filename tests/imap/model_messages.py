"""The model test's rules about messages: they come, go and change."""

import re
from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.imap.model_mailboxes import MailboxRules
from tests.imap.model_sessions import Asked, asks, flag_sets, names, rarely, ways, who
from tests.imap.reference import DELETED, numbers


class MessageRules(MailboxRules):
    """Everything that is done to messages."""

    # Messages come and go.

    @rule(number=who, name=names, flags=flag_sets, several=st.integers(1, 2))
    def append(
        self, number: int, name: str, flags: frozenset[str], several: int
    ) -> None:
        """APPEND of one or two messages."""
        client = self.free(number)
        if client is None:
            return
        tokens = [b"token%d" % next(self.tokens) for _ in range(several)]
        text = f'APPEND "{name}"'
        for token in tokens:
            octets = f"Subject: {token.decode()}\r\n\r\nbody\r\n"
            text += f" ({' '.join(sorted(flags))}) {{{len(octets)}+}}\r\n{octets}"
        said = self.say(client, text)
        box = self.mail.boxes.get(name)
        if box is None:
            heard = self.take(client, said)
            assert (heard.result, heard.code) == ("NO", "TRYCREATE")
            return
        uids = [box.add(token, flags) for token in tokens]
        heard = self.take(client, said)
        assert heard.code == "APPENDUID"
        validity, told = heard.argument.split(b" ")
        assert int(validity) == box.validity
        assert numbers(told) == uids

    @rule(name=names, flags=flag_sets)
    def deliver(self, name: str, flags: frozenset[str]) -> None:
        """Mail comes by another way."""
        if name in self.mail.boxes:
            self.put(name, flags)
            self.settle()
            self.audit()
            self.take_idle()

    @rule(asked=asks(by_uid=rarely))
    def expunge(self, asked: Asked) -> None:
        """EXPUNGE and UID EXPUNGE."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, some, meant = chosen
        box = replica.box
        uids: Iterable[int] = list(box.letters)
        text = "EXPUNGE"
        if asked.by_uid:
            text, uids = f"UID EXPUNGE {some}", meant or ()
        said = self.say(client, text)
        if replica.read_only or box.dead:
            assert self.take(client, said).result == "NO"
            return
        letters = box.letters
        box.remove([u for u in uids if u in letters and DELETED in letters[u].flags])
        assert self.take(client, said).result == "OK"

    @rule(asked=asks(), to=names, move=ways)
    def copy(self, asked: Asked, to: str, move: bool) -> None:
        """COPY and MOVE."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, some, meant = chosen
        box, by_uid = replica.box, asked.by_uid
        word = "MOVE" if move else "COPY"
        said = self.say(client, f'{asked.uid}{word} {some} "{to}"')
        if client.by_uid and not by_uid:
            heard = self.take(client, said)
            assert (heard.result, heard.code) == ("BAD", "UIDREQUIRED")
            return
        target = self.mail.boxes.get(to)
        if meant is None or box.dead or target is None or (move and replica.read_only):
            assert self.take(client, said).result in ("NO", "BAD")
            return
        live = [uid for uid in meant if uid in box.letters]
        if not by_uid and len(live) < len(meant):
            heard = self.take(client, said)
            assert (heard.result, heard.code) == ("NO", "EXPUNGEISSUED")
            return
        copies = [
            target.add(box.letters[uid].token, box.letters[uid].flags) for uid in live
        ]
        if move:
            box.remove(live)
        heard = self.take(client, said)
        assert heard.result == "OK"
        argument = heard.codes.get("COPYUID") if move else heard.argument
        if not live:
            assert "COPYUID" not in (heard.code, *heard.codes)
            return
        assert argument, said
        validity, sources, uids = argument.split(b" ")
        assert int(validity) == target.validity
        assert (numbers(sources), numbers(uids)) == (live, copies)

    @rule(asked=asks(one=True), to=names, flags=flag_sets)
    def replace(self, asked: Asked, to: str, flags: frozenset[str]) -> None:
        """REPLACE and UID REPLACE: one goes, another comes, in one step."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, some, meant = chosen
        token = b"token%d" % next(self.tokens)
        octets = f"Subject: {token.decode()}\r\n\r\nbody\r\n"
        said = self.say(
            client,
            f'{asked.uid}REPLACE {some} "{to}" '
            f"({' '.join(sorted(flags))}) {{{len(octets)}+}}\r\n{octets}",
        )
        box, target = replica.box, self.mail.boxes.get(to)
        live = [uid for uid in meant or () if uid in box.letters]
        refused = replica.read_only or box.dead or target is None
        if (client.by_uid and not asked.by_uid) or refused or not live:
            assert self.take(client, said).result in ("NO", "BAD")
            return
        assert target is not None
        uid = target.add(token, flags)
        box.remove(live)
        heard = self.take(client, said)
        assert heard.result == "OK", said
        validity, told = heard.codes["APPENDUID"].split(b" ")
        assert (int(validity), numbers(told)) == (target.validity, [uid])

    # Flags.

    @rule(
        asked=asks(),
        sign=st.sampled_from(("", "+", "-")),
        flags=flag_sets,
        silent=ways,
        since=st.one_of(st.none(), st.none(), st.integers(-3, 1)),
    )
    def store(
        self,
        asked: Asked,
        sign: str,
        flags: frozenset[str],
        silent: bool,
        since: int | None,
    ) -> None:
        """STORE, on condition or not, silent or not."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, some, meant = chosen
        box, by_uid = replica.box, asked.by_uid
        condition = None
        if since is not None:
            condition = max(box.highest + since, 0)
            some += f" (UNCHANGEDSINCE {condition})"
        text = (
            f"{asked.uid}STORE {some} {sign}FLAGS"
            f"{'.SILENT' if silent else ''} ({' '.join(sorted(flags))})"
        )
        said = self.say(client, text)
        refused = client.by_uid and not by_uid
        if refused or meant is None or replica.read_only or box.dead:
            heard = self.take(client, said, expunges=by_uid)
            assert heard.result in ("NO", "BAD")
            return
        if condition is not None:
            client.enabled.add("CONDSTORE")

        def changed(before: frozenset[str]) -> frozenset[str]:
            if sign == "+":
                return before | flags
            return before - flags if sign == "-" else flags

        modified: set[int] = set()
        if found := re.search(rb"\[MODIFIED ([0-9:,]+)\]", said):
            told = numbers(found[1])
            modified = set(told if by_uid else (replica.rows[n - 1] for n in told))
        live = [uid for uid in meant if uid in box.letters]
        for uid in live:
            letter = box.letters[uid]
            late = condition is not None and box.modseqs[uid] > condition
            assert uid not in modified or late, f"UID {uid} was not modified"
            if uid in modified:
                continue
            if late:
                # Only what is as the client knew it (RFC 7162 section 3.1.12).
                assert sign and condition, f"UID {uid} was modified"
                known = [one & flags for one in letter.ever]
                assert letter.flags & flags in known
            letter.turn(changed(letter.flags))
            if silent and uid in replica.flags:
                replica.flags[uid] = changed(replica.flags[uid])
        whole = by_uid or len(live) == len(meant)
        if not whole:
            # The client cannot know what was done.
            for uid in meant:
                replica.flags.pop(uid, None)
                replica.modseqs.pop(uid, None)
        heard = self.take(client, said, expunges=by_uid)
        assert heard.result == ("OK" if whole else "NO"), said
        if condition is not None and whole:
            done = set(live) - modified
            assert done <= set(heard.fetched), "MODSEQ of what was stored is not told"
        if not silent and whole and condition is None:
            assert set(live) <= set(heard.fetched), "flags are not told"
