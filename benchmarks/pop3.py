"""POP3 sessions a second against Dovecot in one run; prints medians and the ratio.

``python benchmarks/pop3.py [--rounds N] [--seconds S]``: USER, PASS, STAT, twenty
RETR and QUIT, each command after the last reply, 16 connections at a time and a
user each. Both servers keep their mail in Maildirs on the same kind of disk, are
filled by IMAP APPEND, check a password that is stored as it is, and write a line
for each login.
"""

from disk import describe
from servers import dovecot, mailframe
from turns import USERS, in_turns, parser


def main() -> None:
    """Measure both and compare."""
    arguments = parser(__doc__, "pop3").parse_args()
    print(f"on {describe(arguments.disk)}", flush=True)
    with (
        mailframe(USERS, "imap", "pop3", where=arguments.disk) as ours,
        dovecot(where=arguments.disk) as theirs,
    ):
        for only in arguments.only.split(","):
            in_turns([ours, theirs], only, arguments)


if __name__ == "__main__":
    main()
