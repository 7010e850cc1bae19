"""The ``mailframe`` command: what an administrator does beside running the host.

Each subcommand is a module of its own that adds a parser and a function to run.
Only the one that is wanted is loaded: programs call ``mailframe sendmail`` often,
and all of them together take half a second.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

_MODULES = {
    "sendmail": "cli_sendmail",
    "trace": "cli_trace",
    "check": "cli_check",
    "user": "cli_user",
    "queue": "cli_queue",
    "app-password": "cli_app_password",
}
"""Where each command is, in the order of the help."""


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """End with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _load(command: str) -> Any:
    return import_module(f"mailframe.{_MODULES[command]}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments without the program's name; those of the process
            when ``None``.

    Returns:
        What to exit with: 0 done, 1 refused or failed, 2 the arguments are
        wrong, 130 interrupted.
    """
    words = sys.argv[1:] if argv is None else argv
    chosen = words[0] if words else ""
    if chosen == "sendmail":
        # Its words are those of sendmail(1), its codes those of sysexits.h.
        code: int = _load(chosen).main(words[1:])
        return code
    parser = _Parser(prog="mailframe", description="Administer a mailframe host.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [chosen] if chosen in _MODULES else _MODULES:
        _load(name).add_parser(commands)
    try:
        arguments = parser.parse_args(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    try:
        arguments.run(arguments)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        trouble = f"{where}{error.strerror}"
    except ValueError as error:
        trouble = str(error)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    else:
        return 0
    print(f"mailframe: {trouble}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
