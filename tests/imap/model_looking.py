"""The model test's rules that look at messages: FETCH and SEARCH."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.imap.model_messages import MessageRules
from tests.imap.model_sessions import FLAGS, meddling, picks, ways, who
from tests.imap.reference import SEEN, Heard, Replica, ranges

Test = Callable[[int, frozenset[str]], bool]


class LookingRules(MessageRules):
    """What is answered is true, and of the messages that were meant."""

    @rule(
        meddling=meddling,
        number=who,
        by_uid=ways,
        picked=picks,
        span=ways,
        what=st.sampled_from(
            (
                *("FLAGS", "(UID FLAGS)", "(FLAGS MODSEQ)", "BODY[]", "FAST"),
                "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
            )
        ),
        since=st.one_of(st.none(), st.none(), st.integers(-4, 0)),
        vanished=ways,
    )
    def fetch(
        self,
        number: int,
        by_uid: bool,
        picked: list[int],
        span: bool,
        what: str,
        since: int | None,
        vanished: bool,
        meddling: int,
    ) -> None:
        """FETCH, with CHANGEDSINCE and VANISHED or without."""
        chosen = self.selected(number, meddling)
        if chosen is None:
            return
        client, replica = chosen
        box = replica.box
        some, meant = self.named(replica, picked, by_uid, span)
        condition = None
        modifier = ""
        if since is not None:
            condition = max(box.highest + since, 1)
            modifier = f" (CHANGEDSINCE {condition})"
            if vanished and by_uid and "QRESYNC" in client.enabled:
                modifier = f" (CHANGEDSINCE {condition} VANISHED)"
        text = f"{'UID ' if by_uid else ''}FETCH {some} {what}{modifier}"
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
        meddling=meddling,
        number=who,
        by_uid=ways,
        picked=picks,
        kind=st.integers(0, 9),
        flag=st.sampled_from(FLAGS),
        returns=st.sampled_from(
            ("", "", "(ALL)", "(MIN MAX COUNT)", "(SAVE)", "(SAVE COUNT)", "()")
        ),
    )
    def search(
        self,
        number: int,
        by_uid: bool,
        picked: list[int],
        kind: int,
        flag: str,
        returns: str,
        meddling: int,
    ) -> None:
        """SEARCH by flags, sets, text and mod-sequence."""
        chosen = self.selected(number, meddling)
        if chosen is None:
            return
        client, replica = chosen
        box, rows, believed = replica.box, list(replica.rows), dict(replica.flags)
        program, test = self.program(replica, picked, kind, flag)
        option = f"RETURN {returns} " if returns else ""
        with_numbers = kind == 5
        text = f"{'UID ' if by_uid else ''}SEARCH {option}{program}"
        said = self.say(client, text)
        expunges = by_uid and not with_numbers
        heard = self.take(client, said, expunges=expunges, check=False)
        if client.by_uid and (not by_uid or with_numbers):
            assert (heard.result, heard.code) == ("BAD", "UIDREQUIRED")
            return
        if box.dead:
            assert heard.result in ("OK", "NO")
            client.saved = None
            return
        assert heard.result == "OK", said
        if kind == 9 and "CONDSTORE" not in client.enabled:
            client.enabled.add("CONDSTORE")
        # What changed since the client was told may be known to the search.
        sure, maybe = set(), set()
        for uid in rows:
            letter = box.ever[uid]
            known = believed.get(uid)
            looks = letter.ever if known is None else {known, letter.flags}
            answers = {test(uid, one) for one in looks}
            if uid in box.letters and answers == {True}:
                sure.add(uid)
            if True in answers:
                maybe.add(uid)
        if kind == 9:
            sure = set()
        if "SAVE" in returns:
            client.saved = sure if sure == maybe else None
        if "(SAVE)" in returns:
            assert heard.found is None
            return
        if "COUNT" in returns:
            if "MIN" in returns:
                self.extremes(heard, replica, by_uid, sure, maybe)
            assert len(sure) <= int(heard.esearch["COUNT"]) <= len(maybe)
            return
        assert heard.found is not None, said
        names_of = replica.rows if not expunges else rows
        found = heard.found if by_uid else [names_of[n - 1] for n in heard.found]
        assert found == sorted(set(found))
        assert sure <= set(found) <= maybe, f"{text}: {found}, not {sorted(sure)}"

    def extremes(
        self,
        heard: Heard,
        replica: Replica,
        by_uid: bool,
        sure: set[int],
        maybe: set[int],
    ) -> None:
        """Check MIN and MAX (RFC 4731 section 3.1)."""
        if not maybe:
            assert set(heard.esearch) == {"COUNT"}
        elif sure == maybe:
            ends = [min(sure), max(sure)]
            if not by_uid:
                ends = [replica.rows.index(uid) + 1 for uid in ends]
            assert [int(heard.esearch[one]) for one in ("MIN", "MAX")] == ends

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
            some, meant = self.named(replica, picked, True, False)
            return f"UID {some}", lambda uid, flags: uid in (meant or ())
        if kind == 5:
            inside = [1 + pick % max(len(replica.rows), 1) for pick in picked]
            chosen = {replica.rows[n - 1] for n in inside if n <= len(replica.rows)}
            return ranges(inside), lambda uid, flags: uid in chosen
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
        return f"MODSEQ {max(box.highest - picked[0] % 4, 1)}", lambda uid, flags: True

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
