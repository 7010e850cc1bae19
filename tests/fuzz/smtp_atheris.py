"""Let atheris look for input that the SMTP grammar or a session cannot bear.

Coverage-guided; atheris is not among the requirements (``pip install atheris``).
Started by hand::

    python -m tests.fuzz.smtp_atheris -runs=1000000 -max_len=2048 [CORPUS...]

Other options are those of libFuzzer. Without a directory it starts from the
lines of :mod:`tests.fuzz.smtp_million`, kept in a temporary one.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["mailframe.smtp", "mailframe.model"]):
    from mailframe.errors import BadSyntax
    from mailframe.limits import SMTPLimits
    from mailframe.net.proxy_header import NoProxyHeader, read_header
    from mailframe.smtp.options import SMTPOptions
    from mailframe.testing.transcript import FAKE_TLS, FakeConnection
    from tests.fuzz.smtp_million import ARGUMENTS, GRAMMAR, LINES, LOGIN, drive
    from tests.smtp.world import World

SERVICES = ("smtp", "submission", "lmtp")


def one_input(data: bytes) -> None:
    """Read arguments, or hold a session: the first octet says which."""
    if not data:
        return
    kind, octets = data[0], data[1:]
    if kind % 4 == 3:
        _parse(octets)
    else:
        _converse(SERVICES[kind % 4], kind, octets)


def _parse(octets: bytes) -> None:
    text = octets.decode(errors="replace")
    for function in GRAMMAR:
        try:
            function(text)
        except BadSyntax:
            pass
    try:
        read_header(octets)
    except NoProxyHeader:
        pass


def _converse(service: str, kind: int, octets: bytes) -> None:
    able = kind & 4 != 0
    world = World(
        service,
        SMTPLimits(text_line=200, message_size=2000, command_line=300),
        SMTPOptions(
            normalize_newlines=kind & 8 != 0,
            may_xclient=lambda client: able,
            may_xforward=lambda client: able,
            expand=able,
            hold_seconds=1000 * able,
            require_tls=able,
        ),
        able,
    )
    server: Any = world.server()
    tls = FAKE_TLS if kind & 16 else None
    server.connected(FakeConnection(tls=tls, trusted=able, can_start_tls=not tls))
    drive(server, world)
    if kind & 32:
        server.receive(b"EHLO x\r\n" + LOGIN)
        drive(server, world)
    cut = len(octets) * kind // 256
    for piece in (octets[:cut], octets[cut:]):
        if server.closing:
            return
        server.receive(piece)
        drive(server, world)
    server.lost()


def seeds(directory: Path) -> None:
    """Write what to begin with."""
    hello = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@example.org>\r\n"
    for number, line in enumerate(LINES):
        for kind in range(3):
            name = directory / f"{number}.{kind}"
            name.write_bytes(bytes([kind + 4 * (number % 16)]) + hello + line)
    for number, text in enumerate(ARGUMENTS):
        (directory / f"{number}.arguments").write_bytes(b"\x03" + text.encode())


def main() -> None:
    """Run until libFuzzer has enough."""
    arguments = sys.argv
    if not any(Path(one).is_dir() for one in arguments[1:]):
        corpus = Path(tempfile.mkdtemp(prefix="smtp-atheris-"))
        seeds(corpus)
        arguments = [*arguments, str(corpus)]
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
