"""Feed random and mutated input to the SMTP grammar and to sessions.

Started by hand::

    python -m tests.fuzz.smtp_million --inputs 1000000 --seconds 180

Whatever comes in, the grammar raises BadSyntax and nothing else, nothing is
reported as our own bug, every reply is a reply, and nothing is sent once a
session is over. The seed is printed; the same seed gives the same run.
"""

import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.internet.task import Clock

from mailframe.errors import BadSyntax
from mailframe.limits import SMTPLimits
from mailframe.smtp import grammar
from mailframe.smtp.options import SMTPOptions
from mailframe.testing.transcript import FAKE_TLS, FakeConnection
from tests.fuzz import million
from tests.smtp.world import Library, World

GRAMMAR: Sequence[Callable[[str], object]] = (
    grammar.helo,
    grammar.reverse_path,
    grammar.forward_path,
    grammar.parameters,
    grammar.mailbox,
    grammar.xtext,
    grammar.printable,
    grammar.domain,
)

ARGUMENTS = (
    "FROM:<a@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb",
    "TO:<@relay.example,@other:user+tag@xn--bcher-kva.example> NOTIFY=SUCCESS,DELAY",
    'FROM:<"quoted \\" string"@[IPv6:2001:db8::1]> BY=120;RT MT-PRIORITY=-3',
    "TO:<postmaster> ORCPT=utf-8;\\x{E4}@b.example",
    "FROM:<> HOLDUNTIL=2023-11-15T22:13:20Z AUTH=e+3Dmc2@example.com REQUIRETLS",
    "to: <ä@bücher.example>",
    "[192.0.2.1]",
    "mail.example.org",
)

LINES = (
    b"EHLO client.example\r\n",
    b"LHLO client.example\r\n",
    b"HELO client.example\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<a@b.example> BODY=BINARYMIME RET=FULL ENVID=QQ+2B\r\n",
    b"MAIL FROM:<> SIZE=100 BODY=8BITMIME SMTPUTF8 BY=5;N MT-PRIORITY=3\r\n",
    b"MAIL FROM:<alice@example.org> HOLDFOR=60 REQUIRETLS AUTH=<>\r\n",
    b"MAIL FROM:<a@b.example> HOLDUNTIL=2023-11-15T22:13:20Z\r\n",
    b"RCPT TO:<c@example.org>\r\n",
    b"RCPT TO:<full@example.org> NOTIFY=NEVER ORCPT=rfc822;c@example.org\r\n",
    b"RCPT TO:<c@example.org> ORCPT=utf-8;\\x{E4}@b NOTIFY=SUCCESS,DELAY\r\n",
    b"RCPT TO:<nobody@example.org>\r\n",
    b"DATA\r\nSubject: x\r\n\r\n..\r\nbody\r\n.\r\n",
    b"DATA\r\n",
    b"\r\n.\r\n",
    b"BDAT 10\r\n0123456\r\n\r",
    b"BDAT 5 LAST\r\nabc\r\n",
    b"BDAT 0 LAST\r\n",
    b"BURL imap://imap.example.org/head LAST\r\n",
    b"BURL imap://imap.example.org/head\r\n",
    b"BURL imap://imap.example.org/empty\r\n",
    b"BURL imap://imap.example.org/bare\r\n",
    b"BURL imap://imap.example.org/gone LAST\r\n",
    b"BDAT 0\r\n",
    b"BDAT 7\r\nQUIT\r\n\n",
    b"BDAT 99999999999999999999 LAST\r\n",
    b"DATA\r\n" + b"endless\r\n" * 300,
    b"RSET\r\n",
    b"NOOP x\r\n",
    b"VRFY alice\r\n",
    b"EXPN alice\r\n",
    b"ETRN @example.org\r\n",
    b"HELP\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH CRAM-MD5\r\n",
    b"*\r\n",
    b"AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n",
    b"XCLIENT ADDR=192.0.2.9 NAME=[UNAVAILABLE]\r\n",
    b"XFORWARD ADDR=192.0.2.9 HELO=a+20b\r\n",
    b"QUIT\r\n",
)

LOGIN = b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"
MAIL = tuple(line for line in LINES if line.startswith(b"MAIL"))
RCPT = tuple(line for line in LINES if line.startswith(b"RCPT"))
CONTENT = tuple(
    line for line in LINES if line[:4] in (b"DATA", b"BDAT", b"BURL", b"\r\n.\r")
)

ODD = (
    *(b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3\xa4", b"\xe2\x80\xa8", b" "),
    *(b"\t", b"<", b">", b'"', b"\\", b"=", b";", b":", b"@", b".", b"+", b",", b"-"),
    *(b"0", b"99999999999999999999", b"[", b"]", b"\\x{", b"}", b"a" * 600),
)

_REPLIES = re.compile(rb"(?:[2-5][0-9]{2}(?:[ -][\x20-\x7e]*)\r\n)*")


def mutated(chance: random.Random, octets: bytes) -> bytes:
    """Return ``octets`` with up to four changes."""
    for _ in range(chance.randrange(5)):
        octets = million.changed(chance, octets, ODD)
    return octets


def try_grammar(chance: random.Random) -> int:
    """Give one text to every function of the grammar; return how many inputs."""
    text = mutated(chance, chance.choice(ARGUMENTS).encode()).decode(errors="replace")
    if chance.randrange(4) == 0:
        text = (
            "".join(
                chr(chance.choice((64, 60, 127, 255, 0x2028, 0x1F600)))
                for _ in range(chance.randrange(20))
            )
            + text
        )
    for function in GRAMMAR:
        try:
            function(text)
        except BadSyntax:
            pass
    return 1


def drive(server: Any, world: Any) -> bytes:
    """Run what there is to run; return what the server said."""
    said = []
    while True:
        step = server.next_step()
        said.append(server.take_output())
        if step is not None:
            try:
                step.send(None)
            except StopIteration:
                continue
            raise AssertionError("a step waits that has nothing to wait for")
        if server.starting_tls:
            server.tls_started()
            continue
        break
    if world.reported:
        raise AssertionError("a bug of ours") from world.reported[0]
    return b"".join(said)


def conversation(chance: random.Random, service: str) -> Iterator[bytes]:
    """Yield what a client might say, one message after another."""
    yield b"LHLO x\r\n" if service == "lmtp" else b"EHLO x\r\n"
    if service == "submission":
        yield LOGIN
    while True:
        yield chance.choice(MAIL)
        for _ in range(chance.randrange(1, 4)):
            yield chance.choice(RCPT)
        yield chance.choice(CONTENT)
        for _ in range(chance.randrange(3)):
            yield chance.choice(CONTENT)
        if chance.randrange(2) == 0:
            yield b"RSET\r\n"


def try_session(chance: random.Random) -> int:
    """Hold one session; return how many inputs it had."""
    able = chance.randrange(2) == 0
    world = World(
        chance.choice(("smtp", "submission", "lmtp")),
        SMTPLimits(
            errors=60,
            text_line=200,
            message_size=2000,
            unwanted=500,
            command_line=300,
        ),
        SMTPOptions(
            normalize_newlines=chance.randrange(2) == 0,
            may_xclient=lambda client: able,
            may_xforward=lambda client: able,
            expand=able,
            hold_seconds=1000 * able,
            require_tls=able,
            content_by_url=Library() if able else None,
        ),
        able,
    )
    clock = Clock()
    world.now = clock.seconds
    tls = FAKE_TLS if chance.randrange(2) else None
    server = world.server()
    server.connected(
        FakeConnection(tls=tls, trusted=able, can_start_tls=chance.randrange(2) == 0)
    )
    inputs = 0
    plan = conversation(chance, world.service)
    for _ in range(chance.randrange(1, 40)):
        octets = chance.choice(LINES) if chance.randrange(12) == 0 else next(plan)
        if chance.randrange(8) == 0:
            octets = mutated(chance, octets)
        inputs += 1
        cut = chance.randrange(len(octets) + 1)
        for piece in (octets[:cut], octets[cut:]):
            over = server.closing
            clock.advance(chance.choice((0, 0, 0, 1, 100)))
            server.receive(piece)
            said = drive(server, world)
            if over and said:
                raise AssertionError("said something after the end")
            if not _REPLIES.fullmatch(said):
                raise AssertionError(f"not a reply: {said!r}")
        if server.closing:
            break
    server.lost()
    if world.reported:
        raise AssertionError("a bug of ours") from world.reported[0]
    return inputs


if __name__ == "__main__":
    sys.exit(million.run(sys.argv[1:], __doc__, texts=try_grammar, inputs=try_session))
