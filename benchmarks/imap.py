"""IMAP and POP3 against Dovecot in one run; prints medians and ratios.

``python benchmarks/imap.py [--only WORKLOADS] [--messages N] [--rounds N]``: both
servers keep their mail in Maildirs on the same kind of disk, are filled by
APPEND, check a password that is stored as it is, write a line for each login,
and take turns, round by round and workload by workload. ``imap_load.py`` tells
what the workloads are. ``many`` is a mailbox of 100,000 messages that were put
into its Maildir as files: first opened while the server has had it open
before, then after a restart.
"""

import argparse
import os
from pathlib import Path

from disk import describe
from servers import Server, dovecot, mailframe
from turns import USERS, Figures, gather, in_turns, measure, parser, report

WORKLOADS = (
    "sessions,append1,append16,flags,meta-cold,meta-warm,body,search,sort,store,"
    "many,idle,pop3"
)
MANY = 100_000
_LINKS = 50_000
"""Names of one file; ext4 allows some more."""
_MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: one of many\r\n"
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@example.org>\r\n"
    b"\r\nHello.\r\n"
)


def put_many(server: Server) -> None:
    """Make a mailbox ``many`` of user 1, as another program would."""
    ours = server.label == "mailframe"
    mail = server.directory / ("state/mail/example.org" if ours else "mail")
    maildir = mail / "u1/.many"
    for name in ("tmp", "new", "cur"):
        (maildir / name).mkdir(parents=True)
    size = len(_MESSAGE)
    firsts: list[Path] = []
    for number in range(MANY):
        flags = "S" if number % 3 else ""
        name = f"{1_700_000_000 + number}.M{number}P1.bench,S={size},W={size}:2,{flags}"
        if number % _LINKS == 0:
            firsts.append(maildir / "cur" / name)
            firsts[-1].write_bytes(_MESSAGE)
        else:
            os.link(firsts[-1], maildir / "cur" / name)
    if not ours:
        owner = os.stat(mail)
        for path in (maildir.parent, maildir, *maildir.iterdir(), *firsts):
            os.chown(path, owner.st_uid, owner.st_gid)


def many(servers: list[Server], arguments: argparse.Namespace) -> None:
    """Open a mailbox of 100,000 messages and ask for all flags."""
    figures: Figures = {}
    for server in servers:
        put_many(server)
        gather(figures, measure(server, "many", arguments, 1), arguments, "first ")
    for _ in range(arguments.rounds):
        for server in servers:
            gather(figures, measure(server, "many", arguments), arguments, "warm ")
    for _ in range(arguments.rounds):
        for server in servers:
            server.restart()
            gather(figures, measure(server, "many", arguments, 1), arguments, "cold ")
    report(figures)


def main() -> None:
    """Measure both and compare."""
    arguments = parser(__doc__, WORKLOADS).parse_args()
    print(f"on {describe(arguments.disk)}", flush=True)
    with (
        mailframe(USERS, "imap", "pop3", where=arguments.disk) as ours,
        dovecot(where=arguments.disk) as theirs,
    ):
        for only in arguments.only.split(","):
            if only == "many":
                many([ours, theirs], arguments)
            else:
                in_turns([ours, theirs], only, arguments)


if __name__ == "__main__":
    main()
