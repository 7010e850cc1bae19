"""Every question about every broken message: an answer, and the same in any store.

What the answers are is in ``tests/mime`` and, against Dovecot, in
``tests/clients/test_dovecot_mime.py``.
"""

import encodings.aliases
import time
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.limits import MIME_DEPTH, MIME_PARTS
from tests.fuzz.imap_world import Session
from tests.imap.world import World
from tests.mime.broken import BROKEN, random_message

QUESTIONS = (
    b"FETCH * (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE PREVIEW)",
    b"FETCH * (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY[2.1])",
    b"FETCH * (BODY.PEEK[HEADER.FIELDS (SUBJECT TO)] BODY.PEEK[1.MIME]<1.5>)",
    b"FETCH * (BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]<3.7> BODY.PEEK[1.HEADER])",
    b"FETCH * (BODY.PEEK[1.TEXT] BODY.PEEK[2.HEADER.FIELDS (FROM)] BODY.PEEK[]<2.9>)",
    b"FETCH * (BINARY.PEEK[1] BINARY.SIZE[1])",
    b"FETCH * (BINARY.PEEK[2.1]<0.3> BINARY.SIZE[1.1])",
    b"SEARCH OR SUBJECT x OR FROM x OR TO x OR CC x BCC x",
    b"SEARCH OR BODY x OR TEXT x OR HEADER X-Y z OR SENTON 7-Feb-1994 HEADER Date 1",
    b"SORT (SUBJECT FROM TO CC DATE SIZE) UTF-8 ALL",
    b"SORT (DISPLAYFROM DISPLAYTO) UTF-8 ALL",
    b"THREAD REFERENCES UTF-8 ALL",
    b"THREAD ORDEREDSUBJECT UTF-8 ALL",
)


def ask_everything(octets: bytes, grammar: bool = True) -> float:
    """Ask all questions about one message; return the seconds the slowest took."""
    session = Session(tls=True, trusted=True, login=True, grammar=grammar)
    session.world.put(octets)
    session.feed(b"s SELECT INBOX\r\n")
    slowest = 0.0
    for question in QUESTIONS:
        began = time.monotonic()
        session.feed(b"a %b\r\n" % question)
        slowest = max(slowest, time.monotonic() - began)
    session.close()
    return slowest


class EveryQuestionTests(SynchronousTestCase):
    """No message breaks a response or a session."""

    def test_broken(self) -> None:
        """Those made by hand."""
        for octets in BROKEN.values():
            ask_everything(octets)

    def test_random(self) -> None:
        """Parts in parts."""
        for number in range(100):
            ask_everything(random_message(Random(number)))

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.sampled_from(
                    (
                        *(b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"--b", b"--b--"),
                        *(b"Content-Type: multipart/mixed; boundary=b\r\n", b": "),
                        *(b"Content-Type: message/rfc822\r\n", b"Subject: ", b" \r\n"),
                        *(
                            b"=?utf-8?q?",
                            b"?=",
                            b"Content-Transfer-Encoding: base64\r\n",
                        ),
                        *(b"From: ", b"<", b">", b'"', b"(", b"@", b",", b";", b"="),
                    )
                ),
                st.binary(max_size=5),
            ),
            max_size=40,
        ).map(b"".join)
    )
    def test_any_octets(self, octets: bytes) -> None:
        """Octets that nearly are a message."""
        ask_everything(octets)


class BoundsTests(SynchronousTestCase):
    """What is large or deep costs no more than it is worth.

    The seconds are those of a slow and busy machine.
    """

    def _within(self, octets: bytes, seconds: float) -> None:
        self.assertLess(ask_everything(octets, grammar=False), seconds)

    def test_depth(self) -> None:
        """A thousand parts in parts; they are parts down to ``MIME_DEPTH``."""
        octets = b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(1000)
        )
        self._within(octets + b"\r\nx\r\n", 10.0)
        made = World()
        made.put(octets)
        heard = made.selected().say(b"a FETCH 1 BODYSTRUCTURE\r\n")
        self.assertEqual(heard.count(b'"mixed"'), MIME_DEPTH)

    def test_messages_in_messages(self) -> None:
        """A thousand messages in messages."""
        self._within(b"Content-Type: message/rfc822\r\n\r\n" * 1000, 10.0)

    def test_parts(self) -> None:
        """A hundred thousand parts; the last that counts has the rest in it."""
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        octets += b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n"
        world = World()
        world.put(octets)
        heard = world.selected().say(b"a FETCH 1 BODY\r\n")
        self.assertEqual(heard.count(b'"plain"'), MIME_PARTS - 1)
        self._within(octets, 20.0)

    def test_header_and_line(self) -> None:
        """Megabytes of header, of one field, and of one line."""
        self._within(b"X-Field: value\r\n" * 100_000 + b"\r\n", 20.0)
        self._within(b"Subject: " + b"word " * 400_000 + b"\r\n\r\nx\r\n", 20.0)
        self._within(b"To: " + b"a@b.c, " * 200_000 + b"\r\n\r\nx\r\n", 20.0)
        self._within(b"Subject: x\r\n\r\n" + b"x" * 4_000_000, 20.0)


class CharsetTests(SynchronousTestCase):
    """SEARCH finds what a reader would see."""

    def test_every_charset(self) -> None:
        """In encoded words and in text, whatever charset it is in."""
        world = World()
        charsets = []
        for charset in sorted(set(encodings.aliases.aliases.values())):
            try:
                word = "Straße".encode(charset)
                if word.decode(charset) != "Straße" or charset in ("utf_7", "punycode"):
                    continue
            except (LookupError, ValueError):
                continue
            name = charset.encode()
            encoded = b"".join(b"=%02X" % octet for octet in word)
            charsets.append(charset)
            world.put(
                b"Subject: =?%b?q?%b?=\r\nContent-Type: text/plain; charset=%b\r\n"
                b"Content-Transfer-Encoding: quoted-printable\r\n\r\n%b\r\n"
                % (name, encoded, name, encoded)
            )
        self.assertGreater(len(charsets), 30)
        made = world.selected()
        everything = list(range(1, len(charsets) + 1))
        for key in (b"SUBJECT", b"BODY", b"TEXT"):
            asked = "STRAßE".encode()
            heard = made.say(b"a SEARCH CHARSET UTF-8 %b {7+}\r\n%b\r\n" % (key, asked))
            found = list(map(int, heard.split(b"\r\n")[0].split()[2:]))
            missing = [charsets[n - 1] for n in everything if n not in found]
            self.assertEqual(missing, [], key)

    def test_unknown_charset(self) -> None:
        """A word in a charset nobody knows is looked for as it stands, or as UTF-8."""
        world = World()
        world.put(b"Subject: =?x-none?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n")
        made = world.selected()
        heard = made.say(b"a SEARCH CHARSET UTF-8 SUBJECT {4+}\r\ngr\xc3\xbc\r\n")
        self.assertIn(b"* SEARCH 1\r\n", heard)

    def test_casemap(self) -> None:
        """Letters compare by their title case, decomposed (RFC 5051 section 2)."""
        world = World()
        world.put("Subject: ΆΛΦΑ ǆ Å\r\n\r\nx\r\n".encode())
        made = world.selected()
        for text, found in (
            ("άλφα", True),
            ("Ǆ", True),
            ("A\u030a", True),
            ("αλφα", False),
        ):
            octets = text.encode()
            heard = made.say(
                b"a SEARCH CHARSET UTF-8 HEADER SUBJECT {%d+}\r\n%b\r\n"
                % (len(octets), octets)
            )
            self.assertEqual(heard.startswith(b"* SEARCH 1"), found, (text, heard))
