"""``mailframe queue``: what waits to be delivered, and why; on a running server."""

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

_STATE_DIR = "mailframe-data"
_SOCKET = "queue.sock"
_TIMEOUT = 60.0

Found = dict[str, Any]

_ACTIONS = (
    ("list", "list queued messages"),
    ("show", "show a message: envelope, state and the beginning of its content"),
    ("why", "say what each recipient of a message waits for"),
    ("hold", "keep messages from being tried"),
    ("release", "let held messages be tried again"),
    ("flush", "try all deferred messages now"),
    ("retry", "try messages now"),
    ("drop", "remove messages; nobody is told"),
    ("requeue", "let messages begin anew, as if they had just come"),
)


def add_parser(commands: Any) -> None:
    """Add ``queue`` to the subparsers of the ``mailframe`` command."""
    queue = commands.add_parser("queue", help="mail that waits to be delivered")
    actions = queue.add_subparsers(metavar="ACTION", required=True)
    for action, text in _ACTIONS:
        parser = actions.add_parser(action, help=text, description=text)
        parser.set_defaults(run=_run, action=action)
        parser.add_argument(
            "--state-dir",
            default=_STATE_DIR,
            metavar="DIR",
            help=f"the host's state directory [default: {_STATE_DIR}]",
        )
        parser.add_argument("--json", action="store_true", help="write JSON, by lines")
        if action in ("show", "why"):
            parser.add_argument("id", metavar="ID", help="the message's queue ID")
        elif action not in ("list", "flush"):
            parser.add_argument("ids", metavar="ID", nargs="*", help="queue IDs")
            parser.add_argument("--all", action="store_true", help="all messages")
        if action not in ("show", "why"):
            parser.add_argument(
                "--domain",
                metavar="DESTINATION",
                help="those to a recipient at this destination: a domain, or what a"
                " table has chosen, such as lmtp:HOST:PORT, /FILE or '|COMMAND'",
            )
        if action not in ("show", "why", "flush"):
            parser.add_argument("--sender", help='those of this sender; "<>" for none')
        if action == "list":
            parser.add_argument("--held", action="store_true", help="held ones only")


def _run(arguments: argparse.Namespace) -> None:
    action = arguments.action
    given = vars(arguments)
    ids = [arguments.id] if "id" in given else given.get("ids", [])
    chosen = any(given.get(name) for name in ("all", "domain", "sender"))
    if "ids" in given and bool(ids) == chosen:
        raise ValueError(f"queue {action}: name IDs, or one of --all --domain --sender")
    request = {
        "command": action,
        "ids": ids,
        "all": given.get("all", False),
        "destination": given.get("domain"),
        "sender": given.get("sender"),
        "held": given.get("held", False),
    }
    answer = _ask(os.path.join(arguments.state_dir, _SOCKET), request)
    if arguments.json:
        for found in answer:
            print(json.dumps(found))
        return
    write = {"list": _write_list, "show": _write_show, "why": _write_why}
    write.get(action, _write_done)(answer)


def _ask(path: str, request: Found) -> Iterator[Found]:
    """Yield the lines of the answer.

    Raises:
        ValueError: It cannot be done, or no server is there to ask.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise ValueError(f"no server is running with this queue ({path})") from None
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}") from None
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                yield from _read(lines)
        except TimeoutError:
            raise ValueError(f"the server does not answer ({path})") from None


def _read(lines: IO[bytes]) -> Iterator[Found]:
    for line in lines:
        if line == b"\n":
            continue  # a sign of life
        found = json.loads(line)
        if "error" in found:
            raise ValueError(found["error"])
        yield found
        if "done" in found:
            return
    raise ValueError("the server ended the connection")


def _write_list(answer: Iterator[Found]) -> None:
    count = 0
    for found in answer:
        if "done" in found:
            break
        if not count:
            print("ID            ARRIVED           SIZE       NEXT              SENDER")
        count += 1
        state = "held" if found["held"] else _time(found["due"])
        sender = _clean(found["sender"]) or "<>"
        print(
            f"{found['id']} {_time(found['arrived'])} {found['size']:>10}"
            f" {state:<17} {sender}"
        )
        for recipient in found["recipients"]:
            print(f"{'':14}{_clean(recipient)}")
    print(f"{count} message{'' if count == 1 else 's'}")


def _write_why(answer: Iterator[Found]) -> None:
    for found in answer:
        if "done" not in found:
            _write_state(found)


def _write_show(answer: Iterator[Found]) -> None:
    for found in answer:
        if "done" not in found:
            _write_state(found)
            print()
            for line in found["content"].splitlines():
                print(_clean(line))


def _write_state(found: Found) -> None:
    print(f"ID       {found['id']}{' (held)' if found['held'] else ''}")
    print(f"Sender   {_clean(found['sender']) or '<>'}")
    came = found["user"] or found["client"] or found["service"]
    print(f"Arrived  {_time(found['arrived'])}, from {_clean(came)}")
    print(f"Size     {found['size']}")
    for parcel in found["parcels"]:
        print(
            f"\n{_clean(parcel['destination'])}: attempts {parcel['attempts']},"
            f" next {_time(parcel['due'])}"
        )
        for one in parcel["recipients"]:
            print(f"  {_clean(one['address'])}")
            if one["tried"] is None:
                print("    not tried yet")
                continue
            said = f"{one['remote']} said: " if one["remote"] else ""
            reply = one["reply"] or one["status"]
            print(f"    {_time(one['tried'])} {_clean(said + reply)}")


def _write_done(answer: Iterator[Found]) -> None:
    for found in answer:
        print(f"done: {found.get('done')}")


def _time(seconds: float) -> str:
    return _minute(int(seconds // 60))


@lru_cache(1000)
def _minute(number: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(number * 60))


def _clean(text: str) -> str:
    """Return text that a terminal can show: what peers sent stays text."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown.encode(encoding, "replace").decode(encoding)
