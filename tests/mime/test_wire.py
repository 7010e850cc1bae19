"""Tests of :mod:`mailframe.mime.wire`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.structure import structure
from mailframe.mime.wire import body_and_structure, envelope, nstring, string
from tests.mime.octets import messages, read_list

# The message of RFC 3501 section 8, its body made up to the size given there.
SAMPLE = (
    b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
    b"From: Terry Gray <gray@cac.washington.edu>\r\n"
    b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
    b"To: imap@cac.washington.edu\r\n"
    b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
    b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
    b"\r\n" + b"x" * (3028 - 2 * 92) + b"\r\n" * 92
)

SAMPLE_ENVELOPE = (
    b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"'
    b' "IMAP4rev1 WG mtg summary and minutes"'
    b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
    b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
    b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
    b' ((NIL NIL "imap" "cac.washington.edu"))'
    b' ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
    b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL'
    b' "<B27397-0100000@cac.washington.edu>")'
)

# The two-part message of RFC 3501 section 7.4.2.
TWO_PARTS = (
    b"Content-Type: MULTIPART/MIXED; BOUNDARY=x\r\n\r\n--x\r\n"
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
    + b"x" * (1152 - 2 * 23)
    + b"\r\n" * 23
    + b"\r\n--x\r\n"
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=cc.diff\r\n"
    b"Content-ID: <960723163407.20117h@cac.washington.edu>\r\n"
    b"Content-Description: Compiler diff\r\n"
    b"Content-Transfer-Encoding: BASE64\r\n\r\n"
    + b"x" * (4554 - 2 * 73)
    + b"\r\n" * 73
    + b"\r\n--x--\r\n"
)


def envelope_of(header: bytes) -> bytes:
    """Return the ENVELOPE for a header."""
    return envelope(structure(header).fields)


def extended(octets: bytes) -> bytes:
    """Return the BODYSTRUCTURE of a message."""
    return body_and_structure(structure(octets))[1]


class StringTests(SynchronousTestCase):
    """RFC 9051 section 4.3: strings no octet can break."""

    def test_quoted(self) -> None:
        """Most octets go in quotes, the special ones with a backslash."""
        self.assertEqual(string(b"a b\t"), b'"a b\t"')
        self.assertEqual(string(b'a"\\'), b'"a\\"\\\\"')
        self.assertEqual(string(b""), b'""')

    def test_literal(self) -> None:
        """Octets that quotes cannot have go in a literal, NUL nowhere."""
        self.assertEqual(string(b"a\r\nb"), b"{4}\r\na\r\nb")
        self.assertEqual(string(b"\xe9\x00"), b"{1}\r\n\xe9")

    def test_nil(self) -> None:
        """What is not there is NIL, what is empty is not."""
        self.assertEqual(nstring(None), b"NIL")
        self.assertEqual(nstring(b""), b'""')

    @given(st.binary())
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """A string read again is what it was, but for NUL."""
        self.assertEqual(read_list(string(octets)), octets.replace(b"\x00", b""))


class EnvelopeTests(SynchronousTestCase):
    """RFC 9051 section 7.5.2: ENVELOPE."""

    def test_sample(self) -> None:
        """The message of RFC 3501 section 8 has the envelope given there."""
        self.assertEqual(envelope_of(SAMPLE), SAMPLE_ENVELOPE)

    def test_nothing(self) -> None:
        """Missing fields are NIL."""
        self.assertEqual(envelope_of(b""), b"(" + b"NIL " * 9 + b"NIL)")

    def test_empty_fields(self) -> None:
        """Empty text is an empty string, empty lists are NIL."""
        header = b"Date:\r\nSubject: \r\nTo:\r\nIn-Reply-To:\r\nMessage-ID:\r\n"
        self.assertEqual(envelope_of(header), b'("" "" NIL NIL NIL NIL NIL NIL "" "")')

    def test_sender_and_reply_to(self) -> None:
        """Their own addresses are given; empty ones are as From."""
        header = b"From: a@b\r\nSender: c@d\r\nReply-To: \r\n"
        self.assertEqual(
            read_list(envelope_of(header))[2:5],
            [
                [[None, None, b"a", b"b"]],
                [[None, None, b"c", b"d"]],
                [[None, None, b"a", b"b"]],
            ],
        )

    def test_lenient_fields_twice(self) -> None:
        """Addresses of several fields are taken together, of texts the first."""
        header = b"To: a@b\r\nTo: c@d\r\nSubject: 1\r\nSubject: 2\r\n"
        found = read_list(envelope_of(header))
        self.assertEqual(found[1], b"1")
        self.assertEqual([row[2] for row in found[5]], [b"a", b"c"])

    def test_group(self) -> None:
        """A group is marked at both ends."""
        self.assertEqual(
            envelope_of(b"Bcc: G: a@b;\r\n"),
            b"(NIL NIL NIL NIL NIL NIL NIL"
            b' ((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)) NIL NIL)',
        )


class BodyTests(SynchronousTestCase):
    """RFC 9051 section 7.5.2: BODY and BODYSTRUCTURE."""

    def test_sample(self) -> None:
        """The message of RFC 3501 section 8 has the body given there."""
        body, _ = body_and_structure(structure(SAMPLE))
        self.assertEqual(
            body.upper(),
            b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92)',
        )

    def test_two_parts(self) -> None:
        """The example of RFC 3501 section 7.4.2 comes out."""
        body, _ = body_and_structure(structure(TWO_PARTS))
        expected = (
            b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152'
            b' 23)("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff")'
            b' "<960723163407.20117h@cac.washington.edu>" "Compiler diff"'
            b' "BASE64" 4554 73) "MIXED")'
        )
        self.assertEqual(body.lower(), expected.lower())

    def test_extension_data(self) -> None:
        """MD5, disposition, language and location are in BODYSTRUCTURE only."""
        octets = (
            b"Content-Type: image/gif\r\nContent-MD5: Q2h\r\n"
            b'Content-Disposition: ATTACHMENT; filename="a b.gif"; size=3\r\n'
            b"Content-Language: de, fr,\r\nContent-Location: x/y\r\n\r\nabc"
        )
        body, extended = body_and_structure(structure(octets))
        self.assertEqual(body, b'("image" "gif" NIL NIL NIL "7bit" 3)')
        self.assertEqual(
            extended,
            b'("image" "gif" NIL NIL NIL "7bit" 3 "Q2h" ("ATTACHMENT"'
            b' ("filename" "a b.gif" "size" "3")) ("de" "fr") "x/y")',
        )

    def test_extension_data_of_multipart(self) -> None:
        """A multipart has its parameters there, and no MD5."""
        octets = (
            b"Content-Type: multipart/mixed; boundary=x\r\nContent-MD5: Q2h\r\n"
            b"Content-Disposition: inline\r\nContent-Language: en\r\n\r\n--x--\r\n"
        )
        self.assertEqual(
            extended(octets),
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL'
            b' NIL) "mixed" ("boundary" "x") ("inline" NIL) "en" NIL)',
        )

    def test_empty_extension_data(self) -> None:
        """Empty fields are as missing ones where a list is wanted."""
        octets = b"Content-Disposition: ;a=b\r\nContent-Language: ,\r\n\r\n"
        self.assertEqual(read_list(extended(octets))[-3:], [None, None, None])

    def test_message(self) -> None:
        """A message part has the envelope, body and lines of what is in it."""
        inner = b"Subject: in\r\n\r\nx\r\n"
        octets = b"Content-Type: message/rfc822\r\n\r\n" + inner
        body, extended = body_and_structure(structure(octets))
        expected = (
            b'("message" "rfc822" NIL NIL NIL "7bit" %d %b'
            b' ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1%%b) 3%%b)'
        ) % (len(inner), envelope_of(inner))
        self.assertEqual(body, expected % (b"", b""))
        self.assertEqual(extended, expected % ((b" NIL NIL NIL NIL",) * 2))

    def test_extended_parameters(self) -> None:
        """Continued parameters are whole, those beyond ASCII in one UTF-8 piece."""
        octets = (
            b"Content-Type: text/plain; a*0=x; a*1=y; b*=iso-8859-1''%E9%20;"
            b" c*=us-ascii'en'%41; d=\xc3\xa9\r\n\r\n"
        )
        self.assertEqual(
            read_list(extended(octets))[2],
            [
                *(b"a", b"xy", b"b*", b"utf-8''%C3%A9%20"),
                *(b"c", b"A", b"d*", b"utf-8''%C3%A9"),
            ],
        )

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any message gives lists, of one shape with the tree of parts."""
        root = structure(octets)
        body, extended = body_and_structure(root)
        waiting = [(read_list(body), root), (read_list(extended), root)]
        while waiting:
            found, part = waiting.pop()
            count = len(part.children)
            if part.is_multipart:
                waiting += zip(found[:count], part.children, strict=True)
                self.assertEqual(found[count], part.content_type[10:])
                continue
            self.assertEqual(found[0] + b"/" + found[1], part.content_type)
            self.assertEqual(found[6], part.size)
            if part.is_message:
                self.assertEqual(len(found[7]), 10)
                waiting.append((found[8], part.children[0]))
                self.assertEqual(found[9], part.lines)
            elif part.content_type.startswith(b"text/"):
                self.assertEqual(found[7], part.lines)
        self.assertEqual(len(read_list(envelope(root.fields))), 10)
