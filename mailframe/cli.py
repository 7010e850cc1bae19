"""The ``mailframe`` command: what an administrator does beside running the host.

Each subcommand is a module of its own that adds a parser and a function to run.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from mailframe import (
    cli_app_password,
    cli_check,
    cli_queue,
    cli_sendmail,
    cli_trace,
    cli_user,
)


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """End with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


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
    if cli_sendmail.chosen(words):
        # Its words are those of sendmail(1), its codes those of sysexits.h.
        return cli_sendmail.main(words[1:])
    parser = _Parser(prog="mailframe", description="Administer a mailframe host.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    cli_sendmail.add_parser(commands)
    cli_trace.add_parser(commands)
    cli_check.add_parser(commands)
    cli_user.add_parser(commands)
    cli_queue.add_parser(commands)
    cli_app_password.add_parser(commands)
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
