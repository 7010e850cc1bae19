"""Play every file under ``tests/*/transcripts``.

A room with transcripts has a module ``world.py`` beside them, whose ``start``
makes what their header asks for. A file may have several, each with a header of
its own and in a world of its own, with a line of ``====`` between them.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.testing.transcript import Transcript, run_transcript
from tests.imap.world import start

TESTS = Path(__file__).resolve().parent


class TranscriptTests(SynchronousTestCase):
    """What a server answers must not depend on how the network cut the asking."""

    def test_are_found(self) -> None:
        """There are transcripts at all."""
        self.assertTrue(list(TESTS.glob("imap/transcripts/*.txt")))


class PlayerTests(SynchronousTestCase):
    """A transcript that is not what happens is not passed."""

    GOOD = b"trusted: yes\n\nS: * OK ...\nC: a NOOP\nS: a OK NOOP completed\n"

    def play(self, text: bytes) -> None:
        run_transcript(text, start)

    def test_good(self) -> None:
        """What happens is passed, with the greeting or without."""
        self.play(self.GOOD)
        self.play(self.GOOD.replace(b"S: * OK ...\n", b""))

    def test_wrong(self) -> None:
        """Another answer, a missing one and one too many are found."""
        for wrong in (
            self.GOOD.replace(b"completed", b"done"),
            self.GOOD.replace(b"S: a OK NOOP completed\n", b""),
            self.GOOD + b"S: * OK more\n",
            self.GOOD + b"X: closed\n",
            self.GOOD + b"X: tls\n",
            self.GOOD + b"X: timeout\n",
        ):
            self.assertRaises(AssertionError, self.play, wrong)

    def test_directions(self) -> None:
        """``X`` lines act on the connection."""
        self.play(self.GOOD + b"X: timeout\nS: * BYE ...\nX: closed\n")
        self.play(self.GOOD + b"X: stop\nS: * BYE ...\nX: closed\n")
        self.play(self.GOOD + b"X: lost\nC2: b NOOP\nS2: b OK ...\n")

    def test_not_a_transcript(self) -> None:
        """A line that is none is told, rather than passed over."""
        for wrong in (self.GOOD + b"hello\n", self.GOOD + b"X: dance\n"):
            self.assertRaises(ValueError, self.play, wrong)


def scenes(path: Path) -> Iterator[Transcript]:
    """Return the conversations of a file."""
    above = 0
    for octets in path.read_bytes().split(b"\n====\n"):
        # So that a failure names the line of the file.
        yield Transcript(b"\n" * above + octets, str(path))
        above += octets.count(b"\n") + 2


def _add(path: Path) -> None:
    room = path.parent.parent.name

    def test(self: SynchronousTestCase) -> None:
        start = import_module(f"tests.{room}.world").start
        for transcript in scenes(path):
            for feeding in transcript.feedings():
                transcript.play(start, feeding)

    test.__doc__ = f"{path.name} goes as written, however it is fed."
    setattr(TranscriptTests, f"test_{room}_{path.stem}", test)


for _path in sorted(TESTS.glob("*/transcripts/*.txt")):
    _add(_path)
