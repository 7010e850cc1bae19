"""Tests of :mod:`mailframe.auth.ldap.template`."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter
from ldap3.protocol.convert import prepare_filter_for_sending
from ldap3.utils.dn import parse_dn
from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.ldap.template import dn_template, escaped, filter_template


class EscapeTests(SynchronousTestCase):
    """A value stays a value."""

    def test_examples(self) -> None:
        """The examples of RFC 4515 section 4, and what a DN must not have."""
        for text, wanted in (
            ("Parens R Us (for all)", r"Parens\20R\20Us\20\28for\20all\29"),
            ("*", r"\2a"),
            ("C:\\MyFile", r"C\3a\5cMyFile"),
            ("\0\0\0\4", r"\00\00\00\04"),
            ("Lu\u010di\u0107", r"Lu\c4\8di\c4\87"),
            ('a,b+c"d;e<f>g=h#i', r"a\2cb\2bc\22d\3be\3cf\3eg\3dh\23i"),
            ("Alice.O-Neill_2@example.org", "Alice.O-Neill_2@example.org"),
        ):
            self.assertEqual(escaped(text), wanted)

    @settings(max_examples=100, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_only_plain_characters(self, text: str) -> None:
        """Nothing comes out that a filter or DN gives a meaning, and all of it."""
        found = escaped(text)
        allowed = set(string.ascii_letters + string.digits + "-_.@\\")
        self.assertLessEqual(set(found), allowed)
        octets = bytearray()
        while found:
            if found[0] == "\\":
                octets.append(int(found[1:3], 16))
                found = found[3:]
            else:
                octets.append(ord(found[0]))
                found = found[1:]
        self.assertEqual(octets.decode(), text)

    @settings(max_examples=100, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def test_structure_stays(self, text: str) -> None:
        """Whatever the name, the filter has two tests, and the DN two parts."""
        template = filter_template("(&(uid={local})(mail={user}))", ("user", "local"))
        filled = template.fill({"user": text, "local": text})
        [root] = parse_filter(filled, None, False, True, None, False).elements
        self.assertEqual(
            [
                prepare_filter_for_sending(one.assertion["value"])
                for one in root.elements
            ],
            [text.encode()] * 2,
        )
        dn = dn_template("uid={local},dc=example", ("local",)).fill({"local": text})
        self.assertEqual([part[0] for part in parse_dn(dn)], ["uid", "dc"])


class TemplateTests(SynchronousTestCase):
    """A template that cannot work is refused when it is read."""

    def test_unknown_hole(self) -> None:
        """A hole nobody fills is named."""
        with self.assertRaisesRegex(ValueError, r"has \{usr\}; there are only \{user"):
            filter_template("(uid={usr})", ("user", "local"))
        with self.assertRaisesRegex(ValueError, r"has \{\}"):
            dn_template("uid={},dc=x", ("user",))

    def test_not_a_filter(self) -> None:
        """Neither is what is no filter or no DN."""
        for text in ("", "uid={user}", "((uid={user})", "(uid)", "(&)", "()"):
            with self.assertRaisesRegex(ValueError, "is not a filter"):
                filter_template(text, ("user",))
        for text in ("alice", "uid=", "=x", "uid={user},,dc=x"):
            with self.assertRaisesRegex(ValueError, "is not a DN"):
                dn_template(text, ("user",))

    def test_names(self) -> None:
        """What a template asks for is known."""
        template = filter_template("(uid={local})", ("user", "local"))
        self.assertEqual(template.names, {"local"})

    def test_empty_dn(self) -> None:
        """The root is a DN."""
        self.assertEqual(dn_template("").fill({}), "")
