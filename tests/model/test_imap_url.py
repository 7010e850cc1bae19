"""IMAP URLs (RFC 5092)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import BadSyntax
from mailframe.model.imap_url import IMAPURL, Access, encoded, imap_url

TOKEN = "91354a473744909de610943775f92038"

text = st.text(st.characters(codec="utf-8"), min_size=1)
numbers = st.integers(1, 2**32 - 1)
access = st.one_of(
    st.builds(Access, st.sampled_from(["submit+", "user+"]), text),
    st.sampled_from([Access("authuser"), Access("anonymous")]),
)
urls = st.builds(
    IMAPURL,
    uid=numbers,
    mailbox=text,
    uid_validity=st.none() | numbers,
    section=st.just(b"") | text.map(str.encode),
    first=st.integers(0, 2**63 - 1),
    count=st.none() | st.integers(1, 2**63 - 1),
    user=st.none() | text,
    host=st.sampled_from(["", "example.org", "[2001:db8::1]", "192.0.2.1"]),
    port=st.none() | st.integers(0, 65535),
    access=st.none() | access,
)


def written(url: IMAPURL) -> str:
    """Return a URL that means the same."""
    parts = []
    if url.host:
        user = "" if url.user is None else f"{encoded(url.user)}@"
        port = "" if url.port is None else f":{url.port}"
        parts.append(f"imap://{user}{url.host}{port}")
    assert url.mailbox is not None
    parts.append("/" + encoded(url.mailbox))
    if url.uid_validity is not None:
        parts.append(f";UIDVALIDITY={url.uid_validity}")
    parts.append(f"/;UID={url.uid}")
    if url.section:
        parts.append(f"/;SECTION={encoded(url.section.decode())}")
    if url.first or url.count is not None:
        parts.append(f"/;PARTIAL={url.first}")
        parts.append("" if url.count is None else f".{url.count}")
    if url.access is not None:
        parts.append(f";URLAUTH={url.access.kind}{encoded(url.access.user)}")
    return "".join(parts)


class RoundTripTests(SynchronousTestCase):
    """What is written is read."""

    @given(urls, st.booleans())
    def test_read(self, url: IMAPURL, with_token: bool) -> None:
        """Each component comes back decoded; the rump is as it was written."""
        octets = rump = written(url)
        expected = {
            name: getattr(url, name)
            for name in (
                *("uid", "mailbox", "uid_validity", "section", "first", "count"),
                "access",
            )
        }
        expected.update(user=None, port=None)
        if url.host:
            expected.update(user=url.user, host=url.host, port=url.port)
        if url.access is not None and with_token:
            octets += f":internal:{TOKEN}"
            expected.update(mechanism="INTERNAL", token=TOKEN)
        self.assertEqual(imap_url(octets), IMAPURL(**expected, rump=rump))

    @given(
        st.text(st.sampled_from("imap:/;UID=1@a%2eSECTION.PARTIALURLAUTH+x"))
        | st.text().map("imap://a/b/;UID=1".__add__)
    )
    def test_anything(self, octets: str) -> None:
        """Whatever comes is read or refused."""
        try:
            self.assertTrue(imap_url(octets).uid)
        except BadSyntax:
            pass


class ExampleTests(SynchronousTestCase):
    """The examples of RFC 5092, RFC 4467 and RFC 4469."""

    def test_partial(self) -> None:
        """Parameters are in capitals or not (RFC 5092 section 9)."""
        url = "imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024"
        for one in (url, url.replace("UID", "uid").replace("PARTIAL", "Partial")):
            found = imap_url(one)
            self.assertEqual(found.host, "minbari.example.org")
            self.assertEqual((found.mailbox, found.uid), ("gray-council", 20))
            self.assertEqual(found.uid_validity, 385759045)
            self.assertEqual((found.first, found.count), (0, 1024))

    def test_authenticated(self) -> None:
        """``;AUTH=`` is taken and means nothing here."""
        url = (
            "imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2"
        )
        found = imap_url(url)
        self.assertEqual((found.user, found.section), (None, b"1.2"))
        self.assertEqual(imap_url(url.replace(";AUTH", "john;AUTH")).user, "john")
        self.assertEqual(imap_url(url.replace("GSSAPI", "*")).uid, 20)

    def test_names(self) -> None:
        """Names are UTF-8, percent-encoded; an address can be a user."""
        found = imap_url(
            "imap://bester%40psycop@psicorp.example.org/~peter/"
            "%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97/;UID=1"
        )
        self.assertEqual(found.mailbox, "~peter/日本語/台北")
        self.assertEqual(found.user, "bester@psycop")

    def test_urlauth(self) -> None:
        """The token is cut off, and nothing else (RFC 4467 section 6)."""
        rump = "IMAP://joe@Example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
        found = imap_url(f"{rump}:internal:{TOKEN}")
        self.assertEqual(found.access, Access("submit+", "fred"))
        self.assertEqual((found.mechanism, found.token), ("INTERNAL", TOKEN))
        self.assertEqual((found.rump, found.host), (rump, "example.com"))
        found = imap_url(rump)
        self.assertEqual((found.mechanism, found.token), ("", ""))

    def test_expire(self) -> None:
        """A time is of any zone."""
        url = "imap://joe@example.com/INBOX/;uid=20;expire={};urlauth=anonymous"
        for when, seconds in (
            ("1994-11-05T13:15:30Z", 784041330.0),
            ("1994-11-05t08:15:30-05:00", 784041330.0),
            ("1994-11-05T13:15:30.25+00:00", 784041330.0),
            ("1990-12-31T23:59:60Z", 662687999.0),
        ):
            found = imap_url(url.format(when))
            self.assertEqual(found.access, Access("anonymous", "", seconds))
        for when in (
            *("1994-11-05", "1994-13-05T13:15:30Z", "1994-11-05T13:15:30"),
            *("1994-11-05T13:15:30+25:00", "0001-01-01T00:00:00+25:00", ""),
        ):
            self.assertRaises(BadSyntax, imap_url, url.format(when))

    def test_relative(self) -> None:
        """From the server on, or from the mailbox on (RFC 5092 section 7)."""
        found = imap_url("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER")
        self.assertEqual((found.host, found.mailbox), ("", "Drafts"))
        found = imap_url(";UID=20/;section=1.MIME")
        self.assertEqual((found.mailbox, found.section), (None, b"1.MIME"))
        self.assertEqual(imap_url("//example.com/a/;UID=1").host, "example.com")

    def test_no_message(self) -> None:
        """What is no message is refused, and what is no URL."""
        for wrong in (
            *("", "/", "imap://example.com", "imap://example.com/", "INBOX"),
            *("imap://example.com/INBOX", "imap://example.com/INBOX?SUBJECT%20x"),
            *("/;UID=20", "INBOX/;UID=20", "/INBOX;UID=20", "/INBOX/;UID=0"),
            *("/INBOX/;UID=4294967296", "/INBOX/;UID=1/;SECTION=", "/a/;UID=1;"),
            *("/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX/;UID=1/..", "/a b/;UID=1"),
            *("/%zz/;UID=1", "/%ff/;UID=1", "/é/;UID=1", "http://a/b/;UID=1"),
            *("imap:///a/;UID=1", "imap://a:b:c/d/;UID=1", "/a;b/;UID=1"),
            "imap://a/b/;UID=1;URLAUTH=submit",
            "imap://a/b/;UID=1;URLAUTH=user+",
            "imap://a/b/;UID=1;URLAUTH=anonymousx",
            f"imap://a/b/;UID=1;URLAUTH=anonymous:internal:{TOKEN[1:]}",
            f"imap://a/b/;UID=1;URLAUTH=anonymous:internal:{TOKEN}x",
            f"imap://a/b/;UID=1:internal:{TOKEN}",
            "imap://a/b/;UID=1;URLAUTH=anonymous;EXPIRE=1994-11-05T13:15:30Z",
            "/" + "a" * 9000 + "/;UID=1",
        ):
            self.assertRaises(BadSyntax, imap_url, wrong)
