"""Peers of the SMTP benchmark: Postfix, aiosmtpd and twisted.mail on Maildirs."""

import contextlib
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import disk
from own_postfix import OwnPostfix
from servers import ROOT, Running, Server, free_ports, wait_for

_SETTINGS = """\
myhostname = mx.example.org
virtual_mailbox_domains = example.org
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = texthash:{directory}/users
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_destination_concurrency_limit = 20
"""


@contextlib.contextmanager
def postfix(users: list[str], where: str | None = None) -> Iterator[Server]:
    """Run Debian's Postfix, which delivers into Maildirs itself; needs root."""
    with disk.directory(where) as directory:
        (port,) = free_ports(1)
        owner = pwd.getpwnam("nobody")
        (directory / "mail").mkdir()
        shutil.chown(directory / "mail", owner.pw_uid)
        lines = [f"{user} {user.partition('@')[0]}/\n" for user in users]
        (directory / "users").write_text("".join(lines))
        host = OwnPostfix(
            directory,
            port,
            settings=_SETTINGS.format(
                directory=directory, uid=owner.pw_uid, gid=owner.pw_gid
            ),
            services="virtual unix - n n - - virtual",
        )
        host.run("postfix", "start")
        try:
            wait_for(port)
            yield Server("postfix", directory, {"smtp": port})
        finally:
            host.run("postfix", "stop")


_AIOSMTPD = """\
import asyncio, mailbox, os, sys
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

class Users:
    def __init__(self, directory):
        self.directory, self.boxes = directory, {}
    async def handle_DATA(self, server, session, envelope):
        for user in envelope.rcpt_tos:
            box = self.boxes.get(user)
            if box is None:
                path = os.path.join(self.directory, user.partition("@")[0])
                box = self.boxes[user] = Mailbox(path)
            await box.handle_DATA(server, session, envelope)
        return "250 OK"

class Nothing:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"

async def main(port, directory):
    handler = Users(directory) if directory else Nothing()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.example.org", enable_SMTPUTF8=True),
        "127.0.0.1", port, backlog=1024)
    await server.serve_forever()

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
"""

# With the collector's thresholds of ``twistd mailframe``.
_SINK = """\
import itertools, sys
sys.path.insert(0, sys.argv[3])
from mailframe.net.collector import collect_rarely
from mailframe.net.lean_reactor import install
install()
collect_rarely()
sys.argv[1:] = [sys.argv[1]]
exec(open(sys.path[0] + "/examples/smtp_sink.py").read()
     .replace("print(f", "str(f").replace(", flush=True", "")
     .replace("reactor=reactor,", "reactor=reactor, limits=__import__("
              "'mailframe.limits').limits.SMTPLimits(transactions=10**9),"))
"""


_TWISTED = """\
import os, sys
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.protocol import Factory
from twisted.mail import smtp
from twisted.mail.maildir import _generateMaildirName, initializeMaildir
from zope.interface import implementer

@implementer(smtp.IMessage)
class Nothing:
    def lineReceived(self, line):
        pass
    def eomReceived(self):
        return succeed(None)
    def connectionLost(self):
        pass

class Message(Nothing):
    def __init__(self, user):
        self.lines = []
        self.path = os.path.join(sys.argv[2], user.dest.local.decode())
        if not os.path.isdir(self.path):
            initializeMaildir(self.path)
    def lineReceived(self, line):
        self.lines.append(line)
    def eomReceived(self):
        name = os.fsdecode(_generateMaildirName())
        with open(os.path.join(self.path, "tmp", name), "wb") as file:
            file.write(b"\\n".join([*self.lines, b""]))
        os.rename(
            os.path.join(self.path, "tmp", name), os.path.join(self.path, "new", name)
        )
        return succeed(None)

@implementer(smtp.IMessageDelivery)
class Delivery:
    def receivedHeader(self, helo, origin, recipients):
        return b"Received: by mx.example.org"
    def validateFrom(self, helo, origin):
        return origin
    def validateTo(self, user):
        return (lambda: Message(user)) if sys.argv[2] else Nothing

class Server(Factory):
    noisy = False
    def buildProtocol(self, address):
        protocol = smtp.ESMTP()
        protocol.delivery = Delivery()
        return protocol

reactor.listenTCP(int(sys.argv[1]), Server(), backlog=1024, interface="127.0.0.1")
reactor.run()
"""


@contextlib.contextmanager
def _python(label: str, code: str, where: str | None, mail: bool) -> Iterator[Server]:
    with disk.directory(where) as directory:
        (port,) = free_ports(1)
        maildirs = directory / "mail"
        maildirs.mkdir()
        with open(directory / "log", "wb") as log:
            running = Running(
                [
                    *(sys.executable, "-c", code, str(port)),
                    *(str(maildirs) if mail else "", str(ROOT)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
            )
            with running.as_server(label, directory, {"smtp": port}) as server:
                yield server


def aiosmtpd(
    where: str | None = None, *, sink: bool = False
) -> "contextlib._GeneratorContextManager[Server]":
    """Run aiosmtpd with its Maildir handler, or one that does nothing."""
    return _python("aiosmtpd", _AIOSMTPD, where, not sink)


def twisted_mail(
    where: str | None = None, *, sink: bool = False
) -> "contextlib._GeneratorContextManager[Server]":
    """Run twisted.mail's ESMTP, into Maildirs or into nothing."""
    return _python("twisted.mail", _TWISTED, where, not sink)


def sink(where: str | None = None) -> "contextlib._GeneratorContextManager[Server]":
    """Run our own engine with a receiver that does nothing."""
    return _python("mailframe", _SINK, where, False)


def delivered(directory: Path) -> int:
    """Return how many messages are in Maildirs below a directory."""
    return sum(
        1
        for name in ("new", "cur")
        for one in directory.rglob(name)
        for _ in one.iterdir()
    )
