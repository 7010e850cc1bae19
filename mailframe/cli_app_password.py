"""``mailframe app-password``: a password for each mail program of a user."""

import argparse
import getpass
import os
import sys
import time
from typing import Any

from mailframe.auth.app_passwords import SCOPES, AppPasswordFile
from mailframe.auth.totp import TOTPFile, enrolment_uri

_STATE_DIR = "mailframe-data"
_DAY = 86_400
_MOST_DAYS = 36_500


def add_parser(commands: Any) -> None:
    """Add ``app-password`` to the subparsers of the ``mailframe`` command."""
    group = commands.add_parser(
        "app-password", help="passwords for single mail programs of a user"
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    for action, run, text in (
        ("add", _add, "make a password and show it, once; asks for the code of an"
         " authenticator app if the user has one"),
        ("list", _list, "list passwords: who, ID, services, until when, label"),
        ("del", _delete, "take a password away"),
        ("enrol", _enrol, "give a user an authenticator app (TOTP), whose code add"
         " then asks for; shows the key, once"),
        ("unenrol", _unenrol, "take the authenticator app away"),
    ):  # fmt: skip
        parser = actions.add_parser(action, help=text, description=text)
        parser.set_defaults(run=run)
        parser.add_argument(
            "--state-dir",
            default=_STATE_DIR,
            metavar="DIR",
            help="the host's state directory; the files are DIR/app-passwords and"
            f" DIR/totp [default: {_STATE_DIR}]",
        )
        if action in ("add", "list", "del"):
            parser.add_argument("--file", help="the file of app passwords")
        if action == "list":
            parser.add_argument("address", metavar="ADDRESS", nargs="?")
        else:
            parser.add_argument("address", metavar="ADDRESS", help="LOCAL@DOMAIN")
        if action == "add":
            _add_options(parser)
        elif action == "del":
            parser.add_argument("id", metavar="ID", help="as list shows it")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", required=True, help="what it is for, for people")
    parser.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help="a service it opens; repeatable [default: all]",
    )
    parser.add_argument(
        "--days", type=int, default=0, help="days it is good for [default: for ever]"
    )


def _file(arguments: argparse.Namespace) -> AppPasswordFile:
    path = arguments.file or os.path.join(arguments.state_dir, "app-passwords")
    return AppPasswordFile(path)


def _totp(arguments: argparse.Namespace) -> TOTPFile:
    return TOTPFile(os.path.join(arguments.state_dir, "totp"))


def _add(arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.days <= _MOST_DAYS:
        raise ValueError(f"--days: 1 to {_MOST_DAYS}")
    codes = _totp(arguments)
    if codes.has(arguments.address):
        codes.check(arguments.address, _code(), time.time())
    now = time.time()
    made, secret = _file(arguments).add(
        arguments.address,
        arguments.label,
        frozenset(arguments.scope or SCOPES),
        now,
        now + arguments.days * _DAY if arguments.days else 0,
    )
    print(f"{secret}    (ID {made.id}; it is not shown again)")


def _list(arguments: argparse.Namespace) -> None:
    for one in _file(arguments).list(arguments.address):
        until = (
            time.strftime("%Y-%m-%d", time.localtime(one.expires))
            if one.expires
            else "always"
        )
        scope = ",".join(name for name in SCOPES if name in one.scope)
        print(f"{one.address}  {one.id}  {scope}  {until}  {one.label}")


def _delete(arguments: argparse.Namespace) -> None:
    _file(arguments).remove(arguments.address, arguments.id)


def _enrol(arguments: argparse.Namespace) -> None:
    key = _totp(arguments).enrol(arguments.address)
    issuer = arguments.address.rpartition("@")[2]
    print(enrolment_uri(key, arguments.address, issuer))


def _unenrol(arguments: argparse.Namespace) -> None:
    _totp(arguments).remove(arguments.address)


def _code() -> str:
    """Ask for the code of the authenticator app.

    Raises:
        ValueError: There was none.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    try:
        return getpass.getpass("Code: ")
    except EOFError:
        raise ValueError("no code was given") from None
