"""Play every file under ``tests/*/transcripts``.

A room with transcripts has a module ``world.py`` beside them, whose ``start``
makes what their header asks for.
"""

from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.testing.transcript import Transcript

TESTS = Path(__file__).resolve().parent


class TranscriptTests(SynchronousTestCase):
    """What a server answers must not depend on how the network cut the asking."""

    def test_are_found(self) -> None:
        """There are transcripts at all."""
        self.assertTrue(list(TESTS.glob("imap/transcripts/*.txt")))


def _add(path: Path) -> None:
    room = path.parent.parent.name

    def test(self: SynchronousTestCase) -> None:
        transcript = Transcript.load(path)
        start = import_module(f"tests.{room}.world").start
        for feeding in transcript.feedings():
            transcript.play(start, feeding)

    test.__doc__ = f"{path.name} goes as written, however it is fed."
    setattr(TranscriptTests, f"test_{room}_{path.stem}", test)


for _path in sorted(TESTS.glob("*/transcripts/*.txt")):
    _add(_path)
