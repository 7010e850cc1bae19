"""``mailframe user``: add, change, delete and list the users of a passwd-file."""

import argparse
import getpass
import os
import sys
from typing import Any

from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.password_hash import hash_argon2id
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.sasl.password import password_credentials

_STATE_DIR = "mailframe-data"


def add_parser(commands: Any) -> None:
    """Add ``user`` to the subparsers of the ``mailframe`` command."""
    user = commands.add_parser("user", help="users of a passwd-file")
    actions = user.add_subparsers(metavar="ACTION", required=True)
    for action, run, text in (
        ("add", _add, "add a user; asks for the password"),
        ("passwd", _passwd, "give a user another password"),
        ("del", _delete, "delete a user; mail that was kept stays"),
        ("list", _list, "list all users"),
    ):
        parser = actions.add_parser(action, help=text, description=text)
        parser.set_defaults(run=run)
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--file", help="the passwd-file")
        where.add_argument(
            "--state-dir",
            default=_STATE_DIR,
            metavar="DIR",
            help="the host's state directory; the file is DIR/passwd"
            f" [default: {_STATE_DIR}]",
        )
        if action != "list":
            parser.add_argument("address", metavar="ADDRESS", help="LOCAL@DOMAIN")
        if action in ("add", "passwd"):
            parser.add_argument(
                "--stdin",
                action="store_true",
                help="read the password from one line of standard input",
            )


def _file(arguments: argparse.Namespace) -> PasswdFile:
    return PasswdFile(arguments.file or os.path.join(arguments.state_dir, "passwd"))


def _add(arguments: argparse.Namespace) -> None:
    if not arguments.file:
        # As the host itself makes it, so that users can be added before.
        os.makedirs(arguments.state_dir, mode=0o700, exist_ok=True)
    file = _file(arguments)
    file.check_new(arguments.address)
    file.add(arguments.address, _new_hash(arguments))


def _passwd(arguments: argparse.Namespace) -> None:
    file = _file(arguments)
    file.check_known(arguments.address)
    file.set_password(arguments.address, _new_hash(arguments))


def _delete(arguments: argparse.Namespace) -> None:
    _file(arguments).remove(arguments.address)


def _list(arguments: argparse.Namespace) -> None:
    for name in _file(arguments).names():
        print(name)


def _new_hash(arguments: argparse.Namespace) -> str:
    """Ask for a password and return what to store of it.

    Raises:
        ValueError: It was not typed twice alike, or no login could present it.
    """
    if arguments.stdin or not sys.stdin.isatty():
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    else:
        try:
            password = getpass.getpass("Password: ")
            again = getpass.getpass("Again: ")
        except EOFError:
            raise ValueError("no password was given") from None
        if password != again:
            raise ValueError("the two passwords differ")
    octets = password.encode("utf-8", "surrogateescape")
    try:
        password_credentials(arguments.address.encode(), octets)
    except UnauthorizedLogin:
        raise ValueError(
            "a password is not empty, and has no control characters"
        ) from None
    return hash_argon2id(octets)
