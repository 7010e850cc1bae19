"""URLAUTH: what the transcript does not show."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import (
    AccessRefused,
    MessageGone,
    NoSuchContent,
    TemporaryFailure,
    UntrustedServer,
)
from mailframe.imap.url_access import URLAccess
from mailframe.memory_content import MemoryContent
from mailframe.model.imap_url import imap_url
from mailframe.storage.content import whole
from tests.imap.test_powers import Plain
from tests.imap.world import World, done

URL = b"imap://alice@example.com/INBOX/;uid=1"
MESSAGE = b"Subject: x\r\nContent-Transfer-Encoding: x-odd\r\n\r\nSi vis pacem\r\n"


class URLAuthCase(SynchronousTestCase):
    """A user with a message."""

    def setUp(self) -> None:
        """Have a message."""
        self.world = World()
        self.world.put(MESSAGE)
        self.made = self.world.logged_in()

    def url(self, access: bytes, url: bytes = URL) -> bytes:
        heard = self.made.say(
            b"g GENURLAUTH %b;urlauth=%b INTERNAL\r\n" % (url, access)
        )
        return heard.split(b'"')[1]

    def access(self) -> URLAccess:
        found: URLAccess = self.made.server._session.url_access  # type: ignore[attr-defined]
        return found


class URLAuthTests(URLAuthCase):
    """RFC 4467 and RFC 5524."""

    def test_without_power(self) -> None:
        """An account that keeps no keys announces nothing."""
        self.world.door.account = Plain(self.world.account)
        made = self.world.logged_in()
        self.assertNotIn(b"URLAUTH", made.say(b"a CAPABILITY\r\n"))
        for command in (b"RESETKEY", b"GENURLAUTH %b;urlauth=anonymous INTERNAL" % URL):
            self.assertIn(b"b NO [CANNOT]", made.say(b"b %b\r\n" % command))

    def test_submitter(self) -> None:
        """A submission server fetches what is for it, whoever submits."""
        url = self.url(b"submit+fred")
        self.assertIn(b" NIL\r\n", self.made.say(b"a URLFETCH %b\r\n" % url))
        self.world.submitters = frozenset(("alice@example.org",))
        heard = self.world.logged_in().say(b"a URLFETCH %b\r\n" % url)
        self.assertIn(MESSAGE, heard)

    def test_anonymous_session(self) -> None:
        """An anonymous session is no ``authuser``."""
        access = self.access()
        for kind, allowed in ((b"authuser", False), (b"anonymous", True)):
            url = imap_url(self.url(kind).decode())
            found = access.may_fetch(url, "anonymous@example.org")
            self.assertEqual(found, allowed)
            self.assertTrue(access.may_fetch(url, "bob@example.org"))

    def test_unknown_encoding(self) -> None:
        """What cannot be decoded is NIL, and says why."""
        url = self.url(b"anonymous", URL + b"/;section=1")
        heard = self.made.say(b"a URLFETCH (%b BINARY)\r\n" % url)
        self.assertIn(b" NIL\r\n* NO [UNKNOWN-CTE]", heard)
        self.assertIn(b"a OK", heard)

    def test_no_part(self) -> None:
        """What is no part has no structure; it can be fetched."""
        url = self.url(b"anonymous", URL + b"/;section=TEXT")
        heard = self.made.say(b"a URLFETCH (%b BODYPARTSTRUCTURE BODY)\r\n" % url)
        self.assertIn(b" (BODY {14}\r\nSi vis", heard)
        self.assertNotIn(b"BODYPARTSTRUCTURE", heard)

    def test_selected_stays(self) -> None:
        """Nothing of the selected mailbox changes."""
        self.made.say(b"s SELECT INBOX\r\n")
        url = self.url(b"authuser")
        heard = self.made.say(b"a URLFETCH %b\r\nb FETCH 1 FLAGS\r\n" % url)
        self.assertIn(b"FLAGS (\\Recent)", heard)

    def test_renamed(self) -> None:
        """A URL does not follow its mailbox to another name; the key does."""
        self.made.say(b"a CREATE old\r\nb APPEND old {6+}\r\na: b\r\n\r\n")
        url = self.url(b"authuser", b"imap://alice@example.com/old/;uid=1")
        self.made.say(b"c RENAME old new\r\n")
        self.assertIn(b" NIL\r\n", self.made.say(b"d URLFETCH %b\r\n" % url))
        self.made.say(b"e RENAME new old\r\n")
        self.assertIn(b"a: b", self.made.say(b"d URLFETCH %b\r\n" % url))

    def test_cut_off(self) -> None:
        """A message that goes while it is sent ends the session."""
        url = self.url(b"authuser")
        opened = self.world.account.open

        class Going(MemoryContent):
            async def read(self, start: int, stop: int) -> bytes:
                raise MessageGone

        class Mailbox:
            def __init__(self, mailbox: Any) -> None:
                self._mailbox = mailbox

            def __getattr__(self, name: str) -> Any:
                return getattr(self._mailbox, name)

            async def open_content(self, uid: int) -> Any:
                return Going(MESSAGE)

        async def open_going(name: Any) -> Any:
            return Mailbox(await opened(name))

        self.world.account.open = open_going  # type: ignore[method-assign,assignment]
        heard = self.made.say(b"a URLFETCH %b\r\n" % url)
        self.assertTrue(heard.endswith(b"{%d}\r\n" % len(MESSAGE)), heard)
        self.assertTrue(self.made.closed)

    def test_trouble(self) -> None:
        """When a key cannot be read, the command is refused for now."""
        url = self.url(b"authuser")

        async def fail(*_: Any) -> Any:
            raise TemporaryFailure

        self.world.account.access_key = fail  # type: ignore[method-assign,assignment]
        heard = self.made.say(b"a URLFETCH %b\r\n" % url)
        self.assertIn(b"a NO [UNAVAILABLE]", heard)


class SubmissionTests(URLAuthCase):
    """What a submission server follows for its user (RFC 4468 section 3.3)."""

    def open(self, url: bytes, user: str = "alice@example.org") -> bytes:
        octets: bytes = done(whole(done(self.access().open(url.decode(), user))))
        return octets

    def refused(self, kind: type[Exception], *what: Any) -> None:
        self.assertRaises(kind, self.open, *what)

    def test_submitted(self) -> None:
        """A URL for submission is followed for whom it names only."""
        url = self.url(b"submit+alice")
        self.assertEqual(self.open(url), MESSAGE)
        self.assertEqual(self.open(url, "Alice@Example.org"), MESSAGE)
        self.refused(AccessRefused, url, "bob@example.org")
        self.refused(NoSuchContent, url[:-1] + b"x")
        self.refused(NoSuchContent, url + b"x")
        last = b"1" if url.endswith(b"0") else b"0"
        self.refused(AccessRefused, url[:-1] + last)

    def test_others(self) -> None:
        """A URL for one user's own session is not for submission; others are."""
        self.refused(AccessRefused, self.url(b"user+alice"))
        for kind in (b"authuser", b"anonymous"):
            self.assertEqual(self.open(self.url(kind), "bob@example.org"), MESSAGE)

    def test_without_token(self) -> None:
        """Without a token, only into the user's own mail on our own server."""
        url = b"imap://alice@mail.example.org/INBOX/;UID=1"
        self.assertEqual(self.open(url), MESSAGE)
        self.assertEqual(self.open(url + b"/;PARTIAL=2.3"), MESSAGE[2:5])
        self.refused(AccessRefused, url, "bob@example.org")
        self.refused(UntrustedServer, url.replace(b"mail", b"evil"))
        self.refused(UntrustedServer, b"/INBOX/;UID=1")
        self.refused(AccessRefused, b"imap://mail.example.org/INBOX/;UID=1")
        self.refused(NoSuchContent, url[:-1] + b"9")
        self.refused(NoSuchContent, url + b"/;SECTION=7")
        self.refused(NoSuchContent, b"http://mail.example.org/")
        self.refused(AccessRefused, url + b";URLAUTH=anonymous")
