"""Let atheris look for input that the IMAP grammar or a session cannot bear.

Coverage-guided; atheris is not among the requirements (``pip install atheris``).
Started by hand::

    python -m tests.fuzz.imap_atheris -runs=1000000 -max_len=2048 [CORPUS...]

Other options are those of libFuzzer. Without a directory it starts from the
commands of :mod:`tests.fuzz.imap_world`, kept in a temporary one.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailframe.imap", "mailframe.mime"]):
    from tests.fuzz.imap_world import COMMANDS, ODD, Session, parse_with_everything


def one_input(data: bytes) -> None:
    """Read arguments, or hold a session: the first octet says which."""
    if not data:
        return
    kind, octets = data[0], data[1:]
    if kind % 4 == 0:
        parse_with_everything(octets)
        return
    session = Session(tls=kind & 4 == 0, trusted=kind & 8 == 0, login=kind % 4 != 1)
    if kind % 4 == 3:
        session.feed(b"s SELECT INBOX\r\n")
    cut = len(octets) * kind // 256
    session.feed(octets[:cut])
    session.feed(octets[cut:])
    session.close()


def seeds(directory: Path) -> None:
    """Write what to begin with."""
    for number, command in enumerate(COMMANDS):
        name = str(number)
        (directory / name).write_bytes(b"\x0fa %b\r\nb NOOP\r\n" % command)
        (directory / f"{name}.arguments").write_bytes(
            b"\x00 " + command.partition(b" ")[2]
        )
    for number, octets in enumerate(ODD):
        (directory / f"odd{number}").write_bytes(b"\x0da FETCH " + octets)


def main() -> None:
    """Run until libFuzzer has enough."""
    arguments = sys.argv
    if not any(Path(one).is_dir() for one in arguments[1:]):
        corpus = Path(tempfile.mkdtemp(prefix="imap-atheris-"))
        seeds(corpus)
        arguments = [*arguments, str(corpus)]
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
