"""Tests of :mod:`mailframe.mime.summary`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.mime.structure import structure
from mailframe.mime.summary import REFERENCES, summarise, wire_answers
from mailframe.mime.wire import body_and_structure, envelope
from tests.mime.octets import messages, read_list

MESSAGE = (
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
    b"From: John Doe <JDoe@machine.example>\r\n"
    b"To: Mary Smith <Mary@example.net>, x@y\r\n"
    b"Cc: Friends: first@z;\r\n"
    b"Subject: Re: Saying Hello\r\n"
    b"Message-ID: <1234@local.machine.example>\r\n"
    b"In-Reply-To: <3@example.net>\r\n"
    b"References: <1@example.net>\r\n <2@example.net> junk <3@example.net>\r\n"
    b"\r\n"
    b"This is a message just to say hello.\r\n"
)


class SummaryTests(SynchronousTestCase):
    """What is kept about a message, as the model documents it."""

    def test_fields(self) -> None:
        """Each field is what it is said to be."""
        found = summarise(MESSAGE)
        for name, answer in wire_answers(MESSAGE).items():
            self.assertEqual(answer, getattr(found, name))
        root = structure(MESSAGE)
        self.assertEqual(found.envelope, envelope(root.fields))
        self.assertEqual((found.body, found.body_structure), body_and_structure(root))
        self.assertEqual(found.sent, 880127706)
        self.assertEqual(found.subject, "Saying Hello")
        self.assertEqual(
            (found.sort_from, found.sort_to, found.sort_cc), ("jdoe", "mary", "friends")
        )
        self.assertEqual(found.message_id, "1234@local.machine.example")
        self.assertEqual(
            found.references, ("1@example.net", "2@example.net", "3@example.net")
        )
        self.assertEqual(found.preview, "This is a message just to say hello.")

    def test_nothing(self) -> None:
        """A message without anything has empty answers."""
        found = summarise(b"")
        self.assertEqual(
            (found.sent, found.subject, found.sort_from, found.message_id),
            (None, "", "", ""),
        )
        self.assertEqual((found.references, found.preview), ((), ""))

    def test_in_reply_to(self) -> None:
        """Without usable References the first of In-Reply-To counts."""
        for header in (b"", b"References: none\r\n"):
            found = summarise(header + b"In-Reply-To: <a@b> <c@d>\r\n\r\n")
            self.assertEqual(found.references, ("a@b",))

    def test_quoted_message_id(self) -> None:
        """Quotes do not make a different Message-ID (RFC 5256 section 3)."""
        found = summarise(b'Message-ID: <"01KF8JCEOCBS0045PS"@xxx.yyy.com>\r\n\r\n')
        self.assertEqual(found.message_id, "01KF8JCEOCBS0045PS@xxx.yyy.com")

    def test_lenient_message_id(self) -> None:
        """One without angle brackets is kept; a list without address sorts first."""
        found = summarise(b"Message-ID: a@b\r\nTo: ,\r\nFrom: \xc3\x89@x\r\n\r\n")
        self.assertEqual((found.message_id, found.sort_to), ("a@b", ""))
        self.assertEqual(found.sort_from, "\xe9")

    def test_many_references(self) -> None:
        """The latest references are kept."""
        value = b" ".join(b"<%d@x>" % number for number in range(5000))
        found = summarise(b"References: " + value + b"\r\n\r\n")
        self.assertEqual(len(found.references), REFERENCES)
        self.assertEqual(found.references[-1], "4999@x")

    def test_many_parts(self) -> None:
        """The deepest and widest messages are summarised as others are."""
        wide = (
            b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n" * 20_000
        )
        deep = b"Content-Type: message/rfc822\r\n\r\n" * 1000
        for octets in (wide, deep, wide + deep, b"\r\n--b" * 10_000):
            read_list(summarise(octets).body)

    @given(messages)
    @settings(max_examples=100)
    def test_any_octets(self, octets: bytes) -> None:
        """Any message has a summary, and its texts can be written."""
        found = summarise(octets)
        for text in (
            *(found.subject, found.sort_from, found.sort_to, found.sort_cc),
            *(found.message_id, found.preview, *found.references),
        ):
            text.encode()

    @given(st.binary(max_size=300))
    @settings(max_examples=100)
    def test_any_octets_at_all(self, octets: bytes) -> None:
        """Octets that are nothing like mail have one, too."""
        read_list(summarise(octets).body_structure)
