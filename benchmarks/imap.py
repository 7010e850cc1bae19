"""IMAP and POP3 against Dovecot in one run; prints the ratios.

``python benchmarks/imap.py [--only WORKLOADS] [--messages N] [--reps N]``: both
servers keep their mail in Maildirs on the same disk, are filled by APPEND, and
take turns workload by workload. See ``imap_load.py`` for the workloads.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import disk
from servers import PASSWORD, Server, dovecot, mailframe

HERE = Path(__file__).resolve().parent
WORKLOADS = (
    "sessions,append1,append16,flags,meta-cold,meta-warm,body,search,sort,store,"
    "idle,pop3"
)
COLD = {
    "mailframe": "true",
    "dovecot": "find {directory} -name 'dovecot.index.cache' -delete",
}


def measure(server: Server, only: str, arguments: argparse.Namespace) -> list[Any]:
    """Run workloads against one server and return the driver's lines."""
    at = "@example.org" if server.label == "mailframe" else ""
    command = [
        *(sys.executable, str(HERE / "imap_load.py")),
        *("--port", str(server.ports["imap"])),
        *("--pop3-port", str(server.ports["pop3"])),
        *("--user", f"u%d{at}", "--password", PASSWORD, "--label", server.label),
        *("--only", only, "--messages", str(arguments.messages)),
        *("--reps", str(arguments.reps), "--seconds", str(arguments.seconds)),
        *("--idle", str(arguments.idle)),
        *("--cold-cmd", COLD[server.label].format(directory=server.directory)),
        *(one for pid in server.pids for one in ("--server-pid", str(pid))),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def main() -> None:
    """Measure both and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=WORKLOADS)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--idle", type=int, default=1000)
    disk.add_option(parser)
    arguments = parser.parse_args()
    print(f"on {disk.describe(arguments.disk)}", file=sys.stderr)
    users = [f"u{number}@example.org" for number in range(1, 65)]
    with (
        mailframe(users, "imap", "pop3", where=arguments.disk) as ours,
        dovecot(where=arguments.disk) as theirs,
    ):
        for only in arguments.only.split(","):
            for server in (ours, theirs):
                for line in measure(server, only, arguments):
                    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
