"""The model test's rules that look at messages: FETCH and SEARCH."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.imap.model_messages import MessageRules
from tests.imap.model_sessions import FLAGS, Asked, asks, ways, who
from tests.imap.reference import SEEN, Replica, ranges

Test = Callable[[int, frozenset[str]], bool]


class LookingRules(MessageRules):
    """What is answered is true, and of the messages that were meant."""

    @rule(
        asked=asks(),
        what=st.sampled_from(
            (
                *("FLAGS", "(UID FLAGS)", "(FLAGS MODSEQ)", "BODY[]", "FAST"),
                "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
            )
        ),
        since=st.one_of(st.none(), st.none(), st.integers(-4, 0)),
        vanished=ways,
    )
    def fetch(self, asked: Asked, what: str, since: int | None, vanished: bool) -> None:
        """FETCH, with CHANGEDSINCE and VANISHED or without."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, some, meant = chosen
        box, by_uid = replica.box, asked.by_uid
        condition = None
        modifier = ""
        if since is not None and what != "BODY[]":
            # What the session was not told of yet would not get \\Seen.
            condition = max(box.highest + since, 1)
            modifier = f" (CHANGEDSINCE {condition})"
            if vanished and by_uid and "QRESYNC" in client.enabled:
                modifier = f" (CHANGEDSINCE {condition} VANISHED)"
        text = f"{asked.uid}FETCH {some} {what}{modifier}"
        said = self.say(client, text)
        if (client.by_uid and not by_uid) or meant is None:
            assert self.take(client, said, expunges=by_uid).result == "BAD"
            return
        if "MODSEQ" in what or condition is not None:
            client.enabled.add("CONDSTORE")
        live = [uid for uid in meant if uid in box.letters]
        before = dict(box.modseqs)
        if condition is not None:
            live = [uid for uid in live if before[uid] > condition]
        if what == "BODY[]" and not replica.read_only and not box.dead:
            for uid in live:
                letter = box.letters[uid]
                letter.turn(letter.flags | {SEEN})
        heard = self.take(client, said, expunges=by_uid)
        if box.dead:
            assert heard.result in ("OK", "NO")
            return
        ghosts = any(uid not in box.letters for uid in meant)
        assert heard.result == "OK" or (ghosts and not by_uid), said
        assert set(live) <= set(heard.fetched), f"{live} not answered: {said!r}"
        if "BODY" in what and condition is None:
            assert set(live) <= set(heard.tokens)
        assert not set(heard.earlier) & set(box.letters), "VANISHED, but there"

    @rule(
        asked=asks(),
        kind=st.integers(0, 9),
        flag=st.sampled_from(FLAGS),
        returns=st.sampled_from(
            ("", "", "(ALL)", "(MIN MAX COUNT)", "(SAVE)", "(SAVE COUNT)", "()")
        ),
    )
    def search(self, asked: Asked, kind: int, flag: str, returns: str) -> None:
        """SEARCH by flags, sets, text and mod-sequence."""
        chosen = self.chosen(asked)
        if chosen is None:
            return
        client, replica, _, _ = chosen
        box, by_uid = replica.box, asked.by_uid
        program, test = self.program(replica, asked.picked, kind, flag)
        option = f"RETURN {returns} " if returns else ""
        with_numbers = kind == 5
        said = self.say(client, f"{asked.uid}SEARCH {option}{program}")
        heard = self.take(client, said, expunges=by_uid and not with_numbers)
        if client.by_uid and (not by_uid or with_numbers):
            assert (heard.result, heard.code) == ("BAD", "UIDREQUIRED")
            return
        if box.dead:
            assert heard.result in ("OK", "NO")
            client.saved = None
            return
        assert heard.result == "OK", said
        if kind == 9:
            client.enabled.add("CONDSTORE")
        # What others were told is done can be found, and nothing else.
        letters = box.letters.items()
        expected = [uid for uid, letter in letters if test(uid, letter.flags)]
        if "SAVE" in returns:
            client.saved = set(expected)
        if "(SAVE)" in returns:
            assert heard.found is None
            return
        if not by_uid:
            expected = [replica.rows.index(uid) + 1 for uid in expected]
        if "COUNT" not in returns:
            assert heard.found == expected, f"{expected}: {said!r}"
            return
        assert int(heard.esearch["COUNT"]) == len(expected)
        if "MIN" in returns:
            ends = {"MIN": expected[0], "MAX": expected[-1]} if expected else {}
            told = {one: int(heard.esearch[one]) for one in heard.esearch}
            assert {**ends, "COUNT": len(expected)} == {
                name: value for name, value in told.items() if name != "MODSEQ"
            }

    def program(
        self, replica: Replica, picked: list[int], kind: int, flag: str
    ) -> tuple[str, Test]:
        """Return a search program and what it means."""
        key = flag[1:].upper() if flag.startswith("\\") else f"KEYWORD {flag}"
        box = replica.box
        if kind == 0:
            return "ALL", lambda uid, flags: True
        if kind in (1, 2):
            return key, lambda uid, flags: flag in flags
        if kind == 3:
            return f"NOT {key}", lambda uid, flags: flag not in flags
        if kind == 4:
            uids = [1 + pick for pick in picked]
            return f"UID {ranges(uids)}", lambda uid, flags: uid in uids
        if kind == 5:
            inside = [1 + pick % max(len(replica.rows), 1) for pick in picked]
            rows = replica.rows
            return ranges(inside), lambda uid, flags: rows.index(uid) + 1 in inside
        if kind == 6:
            return f"OR {key} SEEN", lambda uid, flags: bool({flag, SEEN} & flags)
        if kind == 7:
            return (
                f"UNSEEN {key}",
                lambda uid, flags: flag in flags - {SEEN} and (SEEN not in flags),
            )
        if kind == 8:
            token = f"token{picked[0]}"
            return (
                f"SUBJECT {token} ALL",
                lambda uid, flags: token in box.ever[uid].token.decode(),
            )
        least = max(box.highest - picked[0] % 4, 1)
        return f"MODSEQ {least}", lambda uid, flags: box.modseqs[uid] >= least

    @rule(number=who, by_uid=ways)
    def fetch_saved(self, number: int, by_uid: bool) -> None:
        """``$`` names what was found and is there (RFC 5182 section 2.1)."""
        chosen = self.selected(number)
        if chosen is None or (chosen[0].by_uid and not by_uid):
            return
        client, replica = chosen
        said = self.say(client, f"{'UID ' if by_uid else ''}FETCH $ (UID FLAGS)")
        heard = self.take(client, said, expunges=by_uid)
        if replica.box.dead:
            return
        assert heard.result == "OK" or not by_uid, said
        if client.saved is not None:
            live = {uid for uid in client.saved if uid in replica.box.letters}
            assert live <= set(heard.fetched)
