"""What the runs of hostile IMAP input have in common: words, sessions, and rules.

Whatever comes in, nothing is reported as our own bug, every octet that is sent
belongs to a response, each response is one of the grammar's, a session that is over
says nothing, and no command gets two answers.
"""

import re
from collections.abc import Callable, Sequence

from mailframe.errors import BadSyntax, MailError
from mailframe.imap import (
    capabilities,
    cursor,
    fetch_items,
    grammar,
    search,
    search_return,
    section,
    sequence,
)
from mailframe.imap.commands import authenticated, select, store
from mailframe.imap.commands import list as listing
from mailframe.limits import IMAPLimits
from mailframe.model.mailbox import mailbox_name
from mailframe.testing.transcript import FAKE_TLS, FakeConnection
from tests.imap.response_grammar import Watch
from tests.imap.world import World, done

COMMANDS: Sequence[bytes] = (
    b"CAPABILITY",
    b"NOOP",
    b"LOGIN alice secret",
    b"LOGIN {5+}\r\nalice {6+}\r\nsecret",
    b"AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==",
    b"AUTHENTICATE PLAIN\r\nAGFsaWNlAHNlY3JldA==",
    b"AUTHENTICATE PLAIN\r\n*",
    b"STARTTLS",
    b"ENABLE IMAP4rev2 CONDSTORE QRESYNC UIDONLY UTF8=ACCEPT",
    b"ENABLE QRESYNC",
    b'ID ("name" "x" "version" NIL)',
    b"NAMESPACE",
    b"SELECT INBOX",
    b"EXAMINE INBOX (CONDSTORE)",
    b"SELECT INBOX (QRESYNC (7 3 1:4 (1:3 1:3)))",
    b"UNSELECT",
    b"CLOSE",
    b"CREATE box/in/box (USE (\\Sent))",
    b"DELETE box/in/box",
    b"RENAME box INBOX.x",
    b'SUBSCRIBE "&AOQ-"',
    b"UNSUBSCRIBE box",
    b'LIST "" "*"',
    b'LIST (SUBSCRIBED RECURSIVEMATCH) "" (% box/*) RETURN (CHILDREN SPECIAL-USE '
    b"STATUS (MESSAGES UNSEEN SIZE))",
    b"LSUB ref %",
    b"STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT SIZE HIGHESTMODSEQ)",
    b'APPEND INBOX (\\Seen Later) "17-Jul-1996 02:44:25 -0700" {14+}\r\n'
    b"Subject: x\r\n\r\n",
    b"APPEND box {5}\r\nhello",
    b"APPEND INBOX ~{4+}\r\na\0b\n {3+}\r\nx\r\n",
    b'APPEND INBOX CATENATE (TEXT {2+}\r\nx\n URL "/INBOX/;UID=1/;SECTION=TEXT")',
    b"REPLACE 1 INBOX {2+}\r\nhi",
    b"UID REPLACE 3 INBOX (\\Draft) {2+}\r\nhi",
    b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY)",
    b'FETCH 1,2:3 (BODY.PEEK[HEADER.FIELDS.NOT (Subject "To")]<0.20> BODY[1.MIME])',
    b"FETCH * (BINARY.PEEK[1]<1.3> BINARY.SIZE[1] PREVIEW (LAZY) RFC822.HEADER)",
    b"UID FETCH 1:4 (FLAGS EMAILID THREADID SAVEDATE MODSEQ) (CHANGEDSINCE 1 VANISHED)",
    b"FETCH 1 ALL",
    b"UID FETCH $ FULL",
    b"STORE 1:2 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Deleted Later)",
    b"UID STORE 1:* -FLAGS \\Seen Other",
    b"SEARCH RETURN (ALL COUNT MIN MAX SAVE) CHARSET UTF-8 OR "
    b"(SUBJECT {2+}\r\n\xc3\xa4 NOT 1:2) SINCE 1-Feb-1994 LARGER 10",
    b'UID SEARCH RETURN (PARTIAL -1:-10) HEADER X "" KEYWORD Later UID 1:* YOUNGER 5',
    b'SEARCH BODY x TEXT y FUZZY (FROM z) MODSEQ "/flags/\\\\seen" all 2 $',
    b"SORT (REVERSE DATE SUBJECT DISPLAYFROM) UTF-8 ALL",
    b"UID SORT RETURN (COUNT UPDATE) (ARRIVAL) US-ASCII UNDELETED",
    b"THREAD REFERENCES UTF-8 ALL",
    b"UID THREAD ORDEREDSUBJECT UTF-8 NOT SEEN",
    b"ESEARCH IN (mailboxes INBOX subtree box) RETURN (COUNT) FLAGGED",
    b'CANCELUPDATE "a1"',
    b"COPY 1:* box",
    b"UID COPY 1 INBOX",
    b"MOVE 1 box",
    b"UID MOVE 2:* INBOX",
    b"EXPUNGE",
    b"UID EXPUNGE 1:3",
    b"CHECK",
    b"IDLE\r\nDONE",
    b"IDLE",
    b"DONE",
    b'GETQUOTA ""',
    b"GETQUOTAROOT INBOX",
    b'SETQUOTA "" (STORAGE 10)',
    b"GETMETADATA (MAXSIZE 10 DEPTH 1) INBOX (/private/comment /shared)",
    b"SETMETADATA INBOX (/private/comment {2+}\r\nhi)",
    b"NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) "
    b"(personal (MailboxName MessageNew MessageExpunge SubscriptionChange))",
    b"NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (subtree (box INBOX) "
    b"(MessageExpunge MessageNew FlagChange MailboxMetadataChange))",
    b"NOTIFY NONE",
    b"GETACL INBOX",
    b"SETACL INBOX bob +lr",
    b"MYRIGHTS INBOX",
    b"LISTRIGHTS INBOX bob",
    b"LANGUAGE de",
    b'GENURLAUTH "imap://alice@x/INBOX/;uid=1;urlauth=anonymous" INTERNAL',
    b"RESETKEY",
    b"RESETKEY INBOX INTERNAL",
    b"URLFETCH (imap://alice@x/INBOX/;uid=4/;section=1.1;urlauth=authuser:internal:"
    b"01d6dbc38c3ff67c6a1a9bd8cd9e90f6 BODYPARTSTRUCTURE BINARY)",
    b"APPEND box CATENATE (URL /INBOX;UIDVALIDITY=7/;UID=4/;PARTIAL=2.3 URL {6+}\r\n"
    b";UID=1 TEXT ~{1+}\r\nx)",
    b"UID SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER])) UNSEEN",
    b"UIDBATCHES 10",
    b"UNAUTHENTICATE",
    b"LOGOUT",
)

ODD: Sequence[bytes] = (
    *(b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3\xa4", b" ", b"  ", b"(", b")"),
    *(
        b"{",
        b"}",
        b"{0}\r\n",
        b"{0+}\r\n",
        b"{9999999999+}\r\n",
        b"{18446744073709551616}",
    ),
    *(b'"', b"\\", b"[", b"]", b"<", b">", b"*", b"%", b"$", b"~", b"~{1+}\r\nx", b"&"),
    *(b"0", b"4294967295", b"4294967296", b"18446744073709551615", b",", b":", b"."),
    *(b"NIL", b"UID ", b"NOT ", b"(" * 60, b"a" * 3000, b"BODY[", b"1." * 60),
)

LIMITS = IMAPLimits(
    line=4096,
    literal=2048,
    command=8192,
    message_size=4096,
    append_messages=5,
    errors=60,
    login_attempts=40,
    keywords=20,
)

GRAMMAR: Sequence[Callable[[cursor.Cursor], object]] = (
    *(one.parse for one in capabilities.COMMANDS.values()),
    *(grammar.astring, grammar.mailbox, grammar.flag_list, grammar.date_time),
    *(section.section, section.partial, sequence.sequence_set),
    *(search.parse_search, search_return.parse_returns, listing.parse_list),
    *(select.parse_select, store.parse_store, authenticated.parse_status),
    lambda at: fetch_items.parse_fetch(at, False),
)

_TAGGED = re.compile(rb"[^ ()]{1,5000} (?:OK|NO|BAD)[^\r\n]*\Z", re.S)
_LITERAL = re.compile(rb"\{([0-9]+)\}\Z")


def parse_with_everything(octets: bytes) -> None:
    """Give octets to every function that reads arguments."""
    for utf8 in (False, True):
        for function in GRAMMAR:
            try:
                function(cursor.Cursor(octets, 0, utf8))
            except (BadSyntax, MailError):
                pass


class Session:
    """One session, watched."""

    def __init__(
        self, *, tls: bool, trusted: bool, login: bool, grammar: bool = True
    ) -> None:
        """Connect; there are some messages.

        Args:
            tls: Whether there is TLS.
            trusted: Whether secrets may be sent without.
            login: Whether to log in.
            grammar: Whether to read each response by its grammar, which takes long
                for long ones.
        """
        self._watch = Watch() if grammar else None
        self.world = World(3, LIMITS)
        done(self.world.account.create(mailbox_name("box")))
        self.world.put(
            b"Subject: =?utf-8?q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n"
            b"\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n"
            b"\r\nx\r\n--b--\r\n"
        )
        self.server = self.world.server()
        self.server.connected(
            FakeConnection(
                tls=FAKE_TLS if tls else None, trusted=trusted, can_start_tls=not tls
            )
        )
        self._left = b""
        if login:
            self.feed(b"l LOGIN alice secret\r\n")

    @property
    def over(self) -> bool:
        """Whether the server wants the connection closed."""
        return self.server.closing

    def feed(self, octets: bytes) -> None:
        """Send octets, and check what comes back.

        Raises:
            AssertionError: It may not be.
        """
        over = self.server.closing
        self.server.receive(octets)
        said = self._driven()
        assert not (over and said), f"said something after the end: {said!r}"
        self._check(said)
        if self._watch is not None:
            wrong = list(self._watch.wrong(said))
            assert not wrong, f"not of the grammar: {wrong!r}"

    def close(self) -> None:
        """Lose the connection."""
        rest = self.server.lost()
        if rest is not None:
            done(rest)
        if self.world.reported:
            raise AssertionError("a bug of ours") from self.world.reported[0]

    def _driven(self) -> bytes:
        """Run what there is to run; return what the server said."""
        said = []
        while True:
            step = self.server.next_step()
            said.append(self.server.take_output())
            if step is not None:
                try:
                    step.send(None)
                except StopIteration:
                    continue
                raise AssertionError("a step waits that has nothing to wait for")
            if self.server.starting_tls:
                self.server.tls_started()
                continue
            break
        if self.world.reported:
            raise AssertionError("a bug of ours") from self.world.reported[0]
        return b"".join(said)

    def _check(self, said: bytes) -> None:
        """Check that octets are whole responses."""
        at = start = 0
        while at < len(said):
            end = said.find(b"\r\n", at)
            assert end >= 0, f"a response without its end: {said[start:]!r}"
            literal = _LITERAL.search(said, max(at, end - 25), end)
            if literal is not None:
                at = end + 2 + int(literal[1])
                assert at <= len(said), f"a literal without its end: {said[start:]!r}"
                continue
            line = said[start:end]
            good = line.startswith((b"* ", b"+ ")) or _TAGGED.match(line)
            assert good, f"not a response: {line!r}"
            start = at = end + 2
