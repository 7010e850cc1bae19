"""Mail as it must be, and what one client knows of it, in the plainest form.

:class:`Mail` is what the server holds; :class:`Replica` is a client that believes
every response and complains about each that cannot be true. Both are for the
model test (``test_model.py``).

Source: RFC 3501, RFC 7162, RFC 9051, RFC 9586 as cited.
"""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

SEEN, DELETED = "\\Seen", "\\Deleted"

_TOKEN = re.compile(rb"Subject: (token[0-9]+)")
_NUMBERED = re.compile(rb"\* ([0-9]+) (EXISTS|RECENT|EXPUNGE|FETCH|UIDFETCH)(.*)", re.S)
_CODE = re.compile(rb"\* OK \[([A-Z]+) ?([^\]]*)\]")
_SET = re.compile(r"([0-9]+)(?::([0-9]+))?")


def numbers(text: bytes) -> list[int]:
    """Return the numbers of a set, in the order written."""
    found: list[int] = []
    for low, high in _SET.findall(text.decode()):
        found += range(int(low), int(high or low) + 1)
    return found


def ranges(found: Sequence[int]) -> str:
    """Return numbers as a set."""
    return ",".join(map(str, found))


@dataclass(slots=True, eq=False)
class Letter:
    """A message.

    Attributes:
        token: What is in its Subject, and in no other's.
        flags: As they are.
        ever: As they ever were.
    """

    token: bytes
    flags: frozenset[str]
    ever: set[frozenset[str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Remember the first flags."""
        self.ever.add(self.flags)

    def turn(self, flags: frozenset[str]) -> None:
        """Change the flags."""
        self.flags = flags
        self.ever.add(flags)


class Box:
    """A mailbox.

    Attributes:
        letters: What is in it, by UID.
        ever: What was ever in it.
        next: UIDNEXT.
        validity: UIDVALIDITY, 0 until it was told.
        dead: Whether it was deleted.
        modseqs: As last seen, by UID.
        highest: HIGHESTMODSEQ as last seen.
        claimed: What was told to be recent in a session that claims.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.letters: dict[int, Letter] = {}
        self.ever: dict[int, Letter] = {}
        self.next = 1
        self.validity = 0
        self.dead = False
        self.modseqs: dict[int, int] = {}
        self.flags: dict[int, frozenset[str]] = {}
        self.highest = 0
        self.claimed: dict[int, object] = {}

    def add(self, token: bytes, flags: Iterable[str]) -> int:
        """Put in a message; return its UID."""
        uid = self.next
        self.next += 1
        self.letters[uid] = self.ever[uid] = Letter(token, frozenset(flags))
        return uid

    def remove(self, uids: Iterable[int]) -> None:
        """Take messages out."""
        for uid in uids:
            del self.letters[uid]

    def audit(self, listing: Any, validity: int) -> None:
        """Hold it against what the store says; the clock only goes forward.

        Source: RFC 9051 section 2.3.1, RFC 7162 section 3.1.
        """
        assert not self.validity or validity == self.validity, "UIDVALIDITY changed"
        self.validity = validity
        assert list(listing.uids) == list(self.letters), (
            f"{list(listing.uids)} != {list(self.letters)}"
        )
        assert listing.uid_next == self.next, "UIDNEXT"
        assert listing.highest_modseq >= self.highest, "HIGHESTMODSEQ fell"
        for uid, flags, modseq in zip(
            listing.uids, listing.flags, listing.modseqs, strict=True
        ):
            assert flags == self.letters[uid].flags, f"flags of {uid}"
            assert modseq <= listing.highest_modseq
            if flags != self.flags.get(uid):
                assert modseq > self.highest, f"{uid} changed at an old time"
            else:
                assert modseq >= self.modseqs[uid], f"MODSEQ of {uid} fell"
            self.flags[uid], self.modseqs[uid] = flags, modseq
        self.highest = listing.highest_modseq


class Mail:
    """All mailboxes of an account.

    Attributes:
        boxes: By name.
    """

    def __init__(self) -> None:
        """Begin with INBOX."""
        self.boxes: dict[str, Box] = {"INBOX": Box()}
        self._messages: dict[tuple[str, int, int], bytes] = {}

    def live(self, name: str) -> "Box | None":
        """Return the mailbox of this name."""
        return self.boxes.get(name)

    def remember(self) -> None:
        """Check that name, UIDVALIDITY and UID never mean another message.

        Source: RFC 9051 section 2.3.1.1.
        """
        for name, box in self.boxes.items():
            for uid, letter in box.letters.items():
                key = (name, box.validity, uid)
                known = self._messages.setdefault(key, letter.token)
                assert known == letter.token, f"{key} was another message"


@dataclass(slots=True)
class Heard:
    """What one answer said, besides what every client acts upon.

    Attributes:
        fetched: UIDs of FETCH responses.
        found: Of SEARCH and ESEARCH, as UIDs; ``None`` without one.
        esearch: Items of ESEARCH.
        status: Items of STATUS by mailbox.
        codes: Of untagged OK responses.
        result: ``OK``, ``NO`` or ``BAD``; empty without a tagged response.
        code: Of the tagged response.
        earlier: UIDs of VANISHED (EARLIER).
        expunged: Whether an expunge was told.
    """

    fetched: list[int] = field(default_factory=list)
    tokens: dict[int, bytes] = field(default_factory=dict)
    found: list[int] | None = None
    esearch: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, dict[str, int]] = field(default_factory=dict)
    codes: dict[str, bytes] = field(default_factory=dict)
    result: str = ""
    code: str = ""
    argument: bytes = b""
    earlier: list[int] = field(default_factory=list)
    expunged: bool = False


class Replica:
    """What a client knows of the mailbox it selected.

    Attributes:
        box: The mailbox.
        read_only: Whether EXAMINE opened it.
        rows: UIDs by message number.
        flags: As the client knows them, by UID.
        modseqs: The same.
        recent: Messages that were told to be recent.
        highest: What the client may resynchronize from.
    """

    def __init__(self, box: Box, read_only: bool, enabled: Set[str]) -> None:
        """Begin with nothing told."""
        self.box = box
        self.read_only = read_only
        self.enabled = enabled
        self.rows: list[int] = []
        self.flags: dict[int, frozenset[str]] = {}
        self.modseqs: dict[int, int] = {}
        self.recent: set[int] = set()
        self.recents: int | None = None
        self.highest = 0

    def live(self) -> list[int]:
        """Return the UIDs told of that still are there."""
        return [uid for uid in self.rows if uid in self.box.letters]

    def exists(self, count: int) -> None:
        """Take ``EXISTS``: it never shrinks (RFC 3501 section 7.3.1)."""
        assert count >= len(self.rows), "EXISTS shrank"
        last = self.rows[-1] if self.rows else 0
        new = [uid for uid in self.box.letters if uid > last]
        # Of a deleted mailbox an older state may be told.
        self.rows += new[: count - len(self.rows)] if self.box.dead else new
        assert len(self.rows) == count, f"EXISTS {count}, not {len(self.rows)}"

    def gone(self, uid: int) -> None:
        """Take the expunge of a message."""
        assert uid not in self.box.letters, f"UID {uid} is not gone"
        assert uid in self.rows, f"UID {uid} was never told of"
        self.rows.remove(uid)
        self.flags.pop(uid, None)
        self.modseqs.pop(uid, None)
        self.recent.discard(uid)

    def fetched(self, uid: int, items: dict[str, Any], heard: Heard) -> None:
        """Take a FETCH response: it is never about another message."""
        letter = self.box.ever[uid]
        assert items.get("UID", uid) == uid, f"UID {items} is not {uid}"
        heard.fetched.append(uid)
        if "TOKEN" in items:
            assert items["TOKEN"] == letter.token, f"another's data: {items}"
            heard.tokens[uid] = items["TOKEN"]
        if "MODSEQ" in items:
            told = items["MODSEQ"]
            assert told >= self.modseqs.get(uid, 0), "MODSEQ fell"
            assert told <= self.box.modseqs.get(uid, told)
            self.modseqs[uid] = told
        if "FLAGS" not in items:
            return
        told_flags = frozenset(items["FLAGS"])
        if "\\Recent" in told_flags:
            assert "IMAP4REV2" not in self.enabled, "\\Recent in IMAP4rev2"
            if not self.read_only:
                owner = self.box.claimed.setdefault(uid, self)
                assert owner is self, f"UID {uid} recent in two sessions"
            self.recent.add(uid)
        told_flags -= {"\\Recent"}
        assert told_flags in letter.ever, f"{told_flags} never were its flags"
        self.flags[uid] = told_flags

    def settled(self) -> None:
        """Check that nothing is kept from the client (after NOOP)."""
        box = self.box
        assert self.rows == list(box.letters), f"{self.rows} != {list(box.letters)}"
        self.true()

    def true(self) -> None:
        """Check what the client believes of the messages that are there."""
        letters = self.box.letters
        for uid, flags in self.flags.items():
            assert uid not in letters or flags == letters[uid].flags, (
                f"it believes {flags} of {uid}, not {letters[uid].flags}"
            )
        if "CONDSTORE" in self.enabled:
            for uid, modseq in self.modseqs.items():
                assert uid not in letters or modseq == self.box.modseqs[uid], (
                    f"it believes MODSEQ {modseq} of {uid}, not {self.box.modseqs[uid]}"
                )


def responses(octets: bytes) -> list[bytes]:
    """Cut what a server said into responses, literals in them."""
    found, start = [], 0
    at = 0
    while at < len(octets):
        end = octets.index(b"\r\n", at)
        literal = re.search(rb"\{([0-9]+)\}\Z", octets[at:end])
        if literal:
            at = end + 2 + int(literal[1])
            continue
        found.append(octets[start:end])
        start = at = end + 2
    return found


def fetch_items(octets: bytes) -> dict[str, Any]:
    """Return the items of a FETCH response that the model uses."""
    items: dict[str, Any] = {}
    if found := re.search(rb"\bUID ([0-9]+)", octets):
        items["UID"] = int(found[1])
    if found := re.search(rb"FLAGS \(([^)]*)\)", octets):
        items["FLAGS"] = found[1].decode().split()
    if found := re.search(rb"MODSEQ \(([0-9]+)\)", octets):
        items["MODSEQ"] = int(found[1])
    if found := _TOKEN.search(octets):
        items["TOKEN"] = found[1]
    return items


class Listener:
    """Takes what a session says, for a replica or none.

    Args of each call say what the command that runs allows.
    """

    def __init__(self, enabled: Set[str]) -> None:
        """Begin without a mailbox."""
        self.enabled = enabled
        self.command = ""
        self.replica: Replica | None = None

    def take(self, octets: bytes, *, tag: bytes, expunges: bool) -> Heard:
        """Take what was said.

        Args:
            octets: Said.
            tag: Of the command; empty when there is none.
            expunges: Whether expunges may be told now
                (RFC 3501 section 7.4.1, RFC 7162 section 3.2.10.2).
        """
        heard = Heard()
        pending = 0
        for line in responses(octets):
            assert not heard.result, f"said after the end: {line!r}"
            if tag and line.startswith(tag + b" "):
                self._end(line[len(tag) + 1 :], heard)
            elif line.startswith(b"+ "):
                continue
            else:
                assert line.startswith(b"* "), line
                pending = max(pending, self._untagged(line, heard, tag, expunges))
        replica = self.replica
        if replica is not None:
            code = heard.argument if heard.code == "HIGHESTMODSEQ" else b""
            code = code or heard.codes.get("HIGHESTMODSEQ", b"")
            if code:
                replica.highest = int(code)
            elif pending:
                replica.highest = max(replica.highest, pending)
        return heard

    def _needs_uid(self) -> bool:
        """Tell whether a FETCH response must have the UID.

        Source: RFC 3501 section 6.4.8, RFC 9051 section 7.5.2.
        """
        if self.command.startswith("UID "):
            return True
        return "IMAP4REV2" in self.enabled and not self.command.startswith("FETCH ")

    def _end(self, line: bytes, heard: Heard) -> None:
        heard.result = line.split(b" ")[0].decode()
        assert heard.result in ("OK", "NO", "BAD"), line
        if found := re.search(rb"^[A-Z]+ \[([A-Z-]+) ?([^\]]*)\]", line):
            heard.code, heard.argument = found[1].decode(), found[2]

    def _untagged(self, line: bytes, heard: Heard, tag: bytes, expunges: bool) -> int:
        """Take one response; return the mod-sequence in it, if any."""
        numbered = _NUMBERED.fullmatch(line)
        by_uid = "UIDONLY" in self.enabled
        replica = self.replica
        if numbered is not None:
            assert replica is not None, f"without a mailbox: {line!r}"
            number, kind, rest = int(numbered[1]), numbered[2], numbered[3]
            if kind == b"EXISTS":
                replica.exists(number)
            elif kind == b"RECENT":
                assert "IMAP4REV2" not in self.enabled, "RECENT in IMAP4rev2"
                assert number <= len(replica.rows)
                replica.recents = number
            elif kind == b"EXPUNGE":
                assert expunges, "EXPUNGE may not be told now"
                assert not by_uid and "QRESYNC" not in self.enabled
                assert 1 <= number <= len(replica.rows), line
                replica.gone(replica.rows[number - 1])
                heard.expunged = True
            else:
                assert (kind == b"UIDFETCH") == by_uid, line
                if not by_uid:
                    assert 1 <= number <= len(replica.rows), line
                    number = replica.rows[number - 1]
                assert number in replica.rows, f"UIDFETCH {number} never told of"
                items = fetch_items(rest)
                if not by_uid and self._needs_uid():
                    assert "UID" in items, f"no UID: {line!r}"
                replica.fetched(number, items, heard)
                return int(items.get("MODSEQ", 0))
            return 0
        if found := _CODE.match(line):
            heard.codes[found[1].decode()] = found[2]
        elif line.startswith(b"* VANISHED (EARLIER) "):
            heard.earlier += numbers(line[21:])
        elif line.startswith(b"* VANISHED "):
            assert expunges, "VANISHED may not be told now"
            assert by_uid or "QRESYNC" in self.enabled
            assert replica is not None
            for uid in numbers(line[11:]):
                replica.gone(uid)
            heard.expunged = True
        elif line.startswith(b"* SEARCH"):
            assert "IMAP4REV2" not in self.enabled, "SEARCH in IMAP4rev2"
            heard.found = numbers(re.sub(rb"\(.*\)", b"", line[8:]))
        elif line.startswith(b"* ESEARCH"):
            self._esearch(line, heard, tag)
        elif found := re.fullmatch(rb"\* STATUS (\S+) \((.*)\)", line):
            words = found[2].decode().split()
            heard.status[found[1].decode()] = {
                name: int(value)
                for name, value in zip(words[::2], words[1::2], strict=True)
            }
        else:
            known = (b"* FLAGS ", b"* ENABLED", b"* LIST ", b"* CAPABILITY ")
            assert line.startswith(known) or line.startswith(b"* OK "), line
        return 0

    def _esearch(self, line: bytes, heard: Heard, tag: bytes) -> None:
        words = line.decode().split(" ")
        assert words[2:4] == ["(TAG", f'"{tag.decode()}")'], line
        rest = words[4:]
        if rest[:1] == ["UID"]:
            del rest[0]
        pairs = zip(rest[::2], rest[1::2], strict=True)
        heard.esearch = {name: value.encode() for name, value in pairs}
        if "ALL" in heard.esearch:
            heard.found = numbers(heard.esearch["ALL"])
        else:
            heard.found = []
