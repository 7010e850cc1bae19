"""IMAP and POP3 against Dovecot in one run; prints medians and ratios.

``python benchmarks/imap.py [--only WORKLOADS] [--messages N] [--rounds N]``: both
servers keep their mail in Maildirs on the same kind of disk, check a password
that is stored as it is, write a line for each login, and take turns, round by
round and workload by workload. ``imap_load.py`` tells what the workloads are.
The big mailbox is put into both Maildirs as files, and so is ``many``, with
100,000 messages: that one is opened while the server has had it open before,
then after a restart.
"""

import argparse
import os
from pathlib import Path

from disk import describe
from imap_load import message, sizes
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


def new_mailbox(server: Server, name: str) -> Path:
    """Make a mailbox of user 1 as another program would, and return its ``cur``."""
    ours = server.label == "mailframe"
    mail = server.directory / ("state/mail/example.org" if ours else "mail")
    maildir = mail / "u1" / f".{name}"
    for part in ("tmp", "new", "cur"):
        (maildir / part).mkdir(parents=True)
    if not ours:
        owner = os.stat(mail)
        for path in (maildir.parent, maildir, *maildir.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
    return maildir / "cur"


def file_name(number: int, size: int, flags: str = "") -> str:
    """Return the name of a message file, as a delivery program would make it."""
    begun = 1_700_000_000 + number
    return f"{begun}.M{number}P1.bench,S={size},W={size}:2,{flags}"


def put_big(server: Server, count: int) -> None:
    """Make the mailbox that most workloads use."""
    cur = new_mailbox(server, "bench")
    owner = os.stat(cur)
    for number, size in enumerate(sizes(count, 8000)):
        octets = message(number, size)
        path = cur / file_name(number, len(octets))
        path.write_bytes(octets)
        os.chown(path, owner.st_uid, owner.st_gid)


def put_many(server: Server) -> None:
    """Make a mailbox of very many messages, all of the same few files."""
    cur = new_mailbox(server, "many")
    owner = os.stat(cur)
    for number in range(MANY):
        path = cur / file_name(number, len(_MESSAGE), "S" if number % 3 else "")
        if number % _LINKS == 0:
            first = path
            first.write_bytes(_MESSAGE)
            os.chown(first, owner.st_uid, owner.st_gid)
        else:
            os.link(first, path)


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
        for server in (ours, theirs):
            put_big(server, arguments.messages)
        for only in arguments.only.split(","):
            if only == "many":
                many([ours, theirs], arguments)
            else:
                in_turns([ours, theirs], only, arguments)


if __name__ == "__main__":
    main()
