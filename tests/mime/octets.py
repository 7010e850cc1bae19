"""What the tests of this room share: hostile messages, and a reader of lists."""

import re
from typing import Any

from hypothesis import strategies as st

PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\x00",
    b"\xe9",
    b"\xc3\xa9",
    b"--b\r\n",
    b"--b--\r\n",
    b"--b--",
    b"\r\n--c\r\n",
    b"\r\n--b2",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
    b'Content-Type: multipart/digest; boundary="c"\r\n\r\n',
    b"Content-Type: multipart/alternative\r\n\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=utf-7; name*0*=utf-8''%e9; name*1=x\r\n",
    b"Content-Type: text/plain; charset=",
    b'Content-Type: /;;="\\\r\n',
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E9=\r\n=4",
    b'Content-Disposition: attachment; filename="a\\"b"\r\n',
    b"Content-Language: de, fr\r\nContent-MD5: x\r\nContent-Location: y\r\n",
    b"From: a <b@c>, d: e@f;\r\n",
    b'To: (x "<@a,@b:c@d>, ;:',
    b"Subject: Re: [a] =?utf-8?q?=E9?= =?x?b?w?= [fwd: x] (fwd)\r\n",
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n",
    b"Date: 99 Xyz 0000 99:99 +9999\r\n",
    b'Message-ID: <a@b>\r\nReferences: <c> <"d"@e>\r\n',
    b"<style><!--<p>&#xd800;&amp;</style>hello",
    b"w6k=w",
)

messages = st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=40).map(
    b"".join
)

_TOKEN = re.compile(
    rb"(?P<open>\()|(?P<close>\))|(?P<space> )|(?P<nil>NIL)|(?P<number>[0-9]+)"
    rb'|"(?P<quoted>(?:[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\["\\])*)"'
    rb"|\{(?P<literal>[0-9]+)\}\r\n"
)


def read_list(octets: bytes) -> Any:
    """Return an IMAP list as nested Python lists; fail on any other octets."""
    stack: list[list[Any]] = [[]]
    position = 0
    while position < len(octets):
        token = _TOKEN.match(octets, position)
        if token is None:
            raise AssertionError((octets, position))
        position = token.end()
        kind = token.lastgroup
        if kind == "open":
            stack.append([])
        elif kind == "close":
            done = stack.pop()
            stack[-1].append(done)
        elif kind == "nil":
            stack[-1].append(None)
        elif kind == "number":
            stack[-1].append(int(token["number"]))
        elif kind == "quoted":
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", token["quoted"]))
        elif kind == "literal":
            size = int(token["literal"])
            literal = octets[position : position + size]
            if len(literal) != size or b"\x00" in literal:
                raise AssertionError((octets, position))
            stack[-1].append(literal)
            position += size
    (whole,) = stack
    (value,) = whole
    return value
