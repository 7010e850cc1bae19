"""``mailframe sendmail``: what programs call to send mail, as sendmail(1) is.

It puts messages into the drop directory and needs no server for that; a
running one takes them from there.

Source: sendmail(1), sysexits.h, docs/howto/sendmail.rst.
"""

import argparse
import getopt
import os
import pwd
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailframe import cli_queue
from mailframe.delivery.pickup_file import RECIPIENTS, Dropped, write
from mailframe.errors import BadSyntax
from mailframe.limits import SMTPLimits
from mailframe.mime.address import addresses
from mailframe.mime.header import fields, header_end
from mailframe.model.address import Address
from mailframe.model.envelope import BodyType, ForwardPath, ReversePath
from mailframe.smtp import grammar

EX_OK = os.EX_OK
EX_USAGE = os.EX_USAGE
EX_DATAERR = os.EX_DATAERR
EX_UNAVAILABLE = os.EX_UNAVAILABLE
EX_CANTCREAT = os.EX_CANTCREAT
EX_TEMPFAIL = os.EX_TEMPFAIL

PICKUP = "pickup"
"""Name of the drop directory in the state directory."""

_STATE_DIR = "mailframe-data"
_SHORT = "A:B:C:D:F:GIL:N:O:R:UV:X:b:d:e:f:h:imno:p:r:stvx"
_LONG = ["state-dir=", "pickup-dir=", "help"]
_IGNORED = frozenset("ACDGILOUXdehmnpsvx")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_ALONE = re.compile(rb"(?:\A|(?<=\n))\.\r?\n")
_NOTIFY = frozenset(("SUCCESS", "FAILURE", "DELAY"))

_HELP = """\
usage: mailframe sendmail [options] [recipient ...]

Send the message on standard input.

  -t                take recipients from To, Cc and Bcc
  -f ADDRESS, -r    the envelope sender; "<>" for none
  -F NAME           full name of the sender, if there is no From
  -i, -oi           a line with a single dot does not end the message
  -B 7BIT|8BITMIME  what the body is
  -N never|success,failure,delay   when to be told (DSN)
  -R full|hdrs      how much of the message a report returns (DSN)
  -V ENVID          name of the envelope, in reports (DSN)
  -bm               send a message (this is what happens without -b)
  -bs               speak SMTP on standard input and output
  -bp               print the queue
  -q                try all queued messages now
  --state-dir DIR   the host's state directory [$MAILFRAME_STATE_DIR]
  --pickup-dir DIR  where messages are dropped [$MAILFRAME_PICKUP_DIR,
                    or pickup in the state directory]

Other options of sendmail are accepted and do nothing.
"""


class Refused(Exception):
    """It ends here.

    Attributes:
        code: What to exit with.
    """

    def __init__(self, code: int, text: str) -> None:
        """Say why."""
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class Options:
    """What the command line says; the letters of its options are in ``_HELP``."""

    state_dir: str = field(
        default_factory=lambda: os.environ.get("MAILFRAME_STATE_DIR", _STATE_DIR)
    )
    pickup_dir: str = field(
        default_factory=lambda: os.environ.get("MAILFRAME_PICKUP_DIR", "")
    )
    mode: str = "m"
    from_header: bool = False
    dots: bool = True
    sender: str | None = None
    name: str = ""
    body: BodyType | None = None
    notify: frozenset[str] | None = None
    ret: str | None = None
    envid: str | None = None
    recipients: Sequence[str] = ()

    @property
    def directory(self) -> str:
        """The drop directory."""
        return self.pickup_dir or os.path.join(self.state_dir, PICKUP)


def main(argv: Sequence[str] | None = None) -> int:
    """Send a message.

    Args:
        argv: The arguments without the program's name; those of the process
            when ``None``. Called as ``mailq``, it is ``-bp``.

    Returns:
        What to exit with, of sysexits.h.
    """
    if argv is None:
        called = os.path.basename(sys.argv[0])
        argv = ["-bp"] * (called == "mailq") + sys.argv[1:]
        if called == "newaliases":
            return EX_OK
    try:
        return _run(read_options(argv))
    except Refused as refusal:
        print(f"sendmail: {refusal}", file=sys.stderr)
        return refusal.code
    except BrokenPipeError:
        return EX_OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"sendmail: {where}{error.strerror}", file=sys.stderr)
        denied = isinstance(error, FileNotFoundError | PermissionError)
        return EX_CANTCREAT if denied else EX_TEMPFAIL


def read_options(argv: Sequence[str]) -> Options:
    """Read a command line.

    Raises:
        Refused: It is wrong.
    """
    options = Options()
    # -q may have an argument or not; getopt knows only one of the two.
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    flush = [word for word in words[:end] if re.fullmatch(r"-q[^\s]*", word)]
    words = [word for word in words[:end] if word not in flush] + words[end:]
    if flush:
        options.mode = "q"
    try:
        given, options.recipients = getopt.getopt(words, _SHORT, _LONG)
    except getopt.GetoptError as error:
        raise Refused(EX_USAGE, error.msg) from None
    for flag, value in given:
        _set(options, flag.lstrip("-"), value)
    return options


def _set(options: Options, flag: str, value: str) -> None:
    if flag == "b":
        if value not in ("m", "s", "p", "d", "i"):
            raise Refused(EX_USAGE, f"-b{value}: not supported")
        if value in ("d", "i"):
            raise Refused(EX_USAGE, f"-b{value}: see twistd mailframe --help")
        options.mode = value
    elif flag == "t":
        options.from_header = True
    elif flag == "i":
        options.dots = False
    elif flag == "o":
        # -oi; the others, such as -oem and -odb, change nothing here.
        options.dots = options.dots and value != "i"
    elif flag in ("f", "r"):
        options.sender = value
    elif flag == "F":
        options.name = value
    elif flag == "B":
        try:
            options.body = BodyType(value.upper())
        except ValueError:
            raise Refused(EX_USAGE, f"-B {value}: not 7BIT or 8BITMIME") from None
    elif flag == "N":
        words = frozenset(value.upper().split(","))
        if words != {"NEVER"} and not words <= _NOTIFY:
            raise Refused(EX_USAGE, f"-N {value}: never, or success,failure,delay")
        options.notify = words & _NOTIFY
    elif flag == "R":
        if value.upper() not in ("FULL", "HDRS"):
            raise Refused(EX_USAGE, f"-R {value}: not full or hdrs")
        options.ret = value.upper()
    elif flag == "V":
        if not value.isprintable() or not value.isascii() or len(value) > 100:
            raise Refused(EX_USAGE, "-V: not an envelope identifier")
        options.envid = value
    elif flag in ("state-dir", "pickup-dir"):
        setattr(options, flag.replace("-", "_"), value)
    elif flag == "help":
        options.mode = "help"
    else:
        assert flag in _IGNORED


def _run(options: Options) -> int:
    if options.mode == "help":
        print(_HELP, end="")
        return EX_OK
    if options.mode == "p":
        return _print_queue(options)
    if options.mode == "q":
        return _ask_queue(options, "flush")
    if options.mode == "s":
        # A whole server, which hardly anybody wants: loaded when they do.
        from mailframe.cli_sendmail_session import run_session

        return run_session(options.directory, sys.stdin.buffer, sys.stdout.buffer)
    _send(options, sys.stdin.buffer)
    return EX_OK


def _send(options: Options, source: Any) -> None:
    content = normalised(_read(source), dots=options.dots)
    most = SMTPLimits().message_size
    if len(content) > most:
        raise Refused(EX_DATAERR, f"a message of more than {most} octets")
    recipients = [
        address for text in options.recipients for address in parse(text.encode())
    ]
    if options.from_header:
        recipients += from_header(content)
    recipients = list(dict.fromkeys(recipients))
    if not recipients:
        raise Refused(EX_USAGE, "no recipients")
    if len(recipients) > RECIPIENTS:
        raise Refused(EX_USAGE, f"more than {RECIPIENTS} recipients")
    sender = _sender(options.sender)
    wide = any(not one.local.isascii() for one in (*recipients, sender) if one)
    body = options.body
    if body is None or (body is BodyType.SEVEN_BIT and not content.isascii()):
        body = BodyType.SEVEN_BIT if content.isascii() else BodyType.EIGHT_BIT_MIME
    reverse_path = ReversePath(
        sender, body=body, smtputf8=wide, ret=options.ret, envid=options.envid
    )
    paths = tuple(ForwardPath(one, options.notify) for one in recipients)
    name = options.name or _full_name()
    name = "".join(one for one in name if one.isprintable())[:200]
    write(options.directory, Dropped(reverse_path, paths, len(content), name), content)


def _read(source: Any) -> bytes:
    """Return standard input, and no more than is too much."""
    octets: bytes = source.read(2 * SMTPLimits().message_size + 1)
    return octets


def normalised(octets: bytes, *, dots: bool) -> bytes:
    """Return a message with CRLF at the end of each line, the last one too.

    Args:
        octets: With line ends of any kind.
        dots: Whether a line with a single dot ends it.
    """
    if dots:
        end = _ALONE.search(octets + b"\n")
        if end is not None:
            octets = octets[: end.start()]
    octets = _LINE_END.sub(b"\r\n", octets)
    if octets and not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    return octets


def from_header(content: bytes) -> list[Address]:
    """Return the recipients a header names: of the Resent fields if there are any.

    Source: RFC 5322 sections 3.6.3 and 3.6.6.
    """
    found = fields(content[: header_end(content)])
    resent = any(name.startswith(b"resent-") for name, _ in found)
    prefix = b"resent-" if resent else b""
    wanted = {prefix + name for name in (b"to", b"cc", b"bcc")}
    return [one for name, value in found if name in wanted for one in parse(value)]


def parse(value: bytes) -> list[Address]:
    """Return the addresses of a list; without a domain they are this host's.

    Raises:
        Refused: One of them is none.
    """
    return [
        _address(one.mailbox or b"", one.host)
        for one in addresses(value)
        if one.host is not None
    ]


def _address(mailbox: bytes, host: bytes) -> Address:
    text = b"@".join((mailbox, host) if host else (mailbox,))
    try:
        local, domain = mailbox.decode(), host.decode()
        written = Address(local, domain or "localhost").written()
        address, rest = grammar.forward_path(f"TO:<{written}>")
    except (BadSyntax, UnicodeDecodeError):
        shown = text.decode("ascii", "replace")
        raise Refused(EX_DATAERR, f"{shown!r}: not an address") from None
    if rest:
        raise Refused(EX_DATAERR, f"{text!r}: not an address")
    return address if domain else Address(address.local, "")


def _sender(text: str | None) -> Address | None:
    """Return the envelope sender: as said, or the user who runs this."""
    if text is None:
        return Address(_user(), "")
    if text.strip() in ("", "<>"):
        return None
    found = parse(text.encode())
    if len(found) != 1:
        raise Refused(EX_DATAERR, f"-f {text}: not one address")
    return found[0]


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def _full_name() -> str:
    """Return the full name of the user who runs this (chfn(1))."""
    if os.environ.get("NAME"):
        return os.environ["NAME"]
    try:
        return pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0]
    except KeyError:
        return ""


def _print_queue(options: Options) -> int:
    """Print what waits, here and on the server."""
    waiting = _waiting(options.directory)
    if waiting:
        print(f"{waiting} not taken by the server yet, in {options.directory}")
    return _ask_queue(options, "list", silent=bool(waiting))


def _ask_queue(options: Options, action: str, silent: bool = False) -> int:
    try:
        commands = argparse.ArgumentParser().add_subparsers()
        cli_queue.add_parser(commands)
        queue = commands.choices["queue"]
        arguments = queue.parse_args([action, "--state-dir", options.state_dir])
        arguments.run(arguments)
    except ValueError as error:
        if not silent:
            raise Refused(EX_UNAVAILABLE, str(error)) from None
        print(f"sendmail: {error}", file=sys.stderr)
    return EX_OK


def _waiting(directory: str) -> int:
    """Return how many messages the server has not taken; 0 if we may not know."""
    try:
        return sum(
            entry.is_file() and not entry.name.startswith(".")
            for entry in os.scandir(directory)
        )
    except OSError:
        return 0


def add_parser(commands: Any) -> None:
    """List ``sendmail`` in the help of ``mailframe``; ``main`` reads its words."""
    commands.add_parser(
        "sendmail", help="send the message on standard input, as sendmail(1)"
    )
