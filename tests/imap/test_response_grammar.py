"""What the server sends is what the grammar permits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.testing.transcript import FakeConnection
from tests.imap.response_grammar import grammar, responses, wrong
from tests.imap.world import start
from tests.test_transcripts import scenes

TRANSCRIPTS = Path(__file__).resolve().parent / "transcripts"


class GrammarTests(SynchronousTestCase):
    """The reader of the grammar tells right from wrong."""

    def test_right(self) -> None:
        """Responses of RFC 9051 and RFC 3501 are permitted."""
        for response in (
            b"* OK [UNSEEN 12] Message 12 is first unseen\r\n",
            b"* 18 RECENT\r\n",
            b"* 1 FETCH (BODY[HEADER.FIELDS (A)]<0> {3}\r\n\r\n\xff UID 9)\r\n",
            b"* 1 FETCH (FLAGS (\\Recent))\r\n",
            b"+ \r\n",
            b"+ YGgGCSqGSIb3EgECAgI=\r\n",
            b"a1 NO [BADCHARSET (UTF-8)] unknown\r\n",
        ):
            self.assertTrue(grammar().permits(response), response)

    def test_wrong(self) -> None:
        """What is none is not."""
        for response in (
            b"* OK\r\n",
            b"* OK [NEVERHEARDOF] text\r\n",
            b"* 0 EXPUNGE\r\n",
            b"* 4294967296 EXISTS\r\n",
            b"* 1 FETCH ()\r\n",
            b"* 1 FETCH (FLAGS (\\Unheard))\r\n",
            b'* 1 FETCH (BODY[] "a\r\nb")\r\n',
            b"* 1 FETCH (BODY[] {1}\r\n\0)\r\n",
            b'* LIST () "/" b\xc3\xbccher\r\n',
            b'* LIST () "/" "b\xc3\xbccher"\r\n',
            b"a1 OK done\n",
        ):
            self.assertFalse(grammar().permits(response), response)

    def test_revisions(self) -> None:
        """After ENABLE IMAP4rev2 there is no RECENT, but UTF-8."""
        name = b'* LIST () "/" "b\xc3\xbccher"\r\n'
        for response in (
            b"* 0 RECENT\r\n",
            b"* SEARCH 1\r\n",
            name[:-4] + b"\xff" + name[-3:],
        ):
            self.assertFalse(grammar(b"IMAP4REV2").permits(response), response)
        self.assertTrue(grammar(b"IMAP4REV2").permits(name))
        self.assertTrue(grammar(b"UTF8=ACCEPT").permits(name))
        self.assertEqual([name], wrong(name + b"* ENABLED UTF8=ACCEPT\r\n" + name))
        ended = b"* ENABLED IMAP4rev2\r\na OK UNAUTHENTICATE completed\r\n"
        self.assertEqual([name], wrong(ended + name))

    def test_cut(self) -> None:
        """Literals do not end a response."""
        first = b"* 1 FETCH (BODY[1] {4}\r\n\r\n\r\n BODY[2] {0}\r\n)\r\n"
        self.assertEqual(
            [first, b"a OK\r\n", b"* 1"], list(responses(first + b"a OK\r\n* 1"))
        )


class TranscriptTests(SynchronousTestCase):
    """Every transcript, once more."""

    def sent(self, path: Path) -> list[list[bytes]]:
        """Play a file; return what each connection sent."""
        sessions: list[list[bytes]] = []

        def recording(header: Mapping[str, str]) -> Any:
            connect = start(header)

            def connected(connection: FakeConnection) -> Any:
                server = connect(connection)
                take, heard = server.take_output, []
                sessions.append(heard)

                def take_output() -> bytes:
                    heard.append(take())
                    return heard[-1]

                self.patch(server, "take_output", take_output)
                return server

            return connected

        for transcript in scenes(path):
            transcript.play(recording, "line")
        return sessions


def _add(path: Path) -> None:
    def test(self: TranscriptTests) -> None:
        for heard in self.sent(path):
            self.assertEqual([], wrong(b"".join(heard)))

    test.__doc__ = f"In {path.name} the server sends what is permitted."
    setattr(TranscriptTests, f"test_{path.stem}", test)


for _path in sorted(TRANSCRIPTS.glob("*.txt")):
    _add(_path)
