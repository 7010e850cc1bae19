"""Collecting from Debian's Dovecot, over loopback."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailframe.fetch.options import FetchAccount
from mailframe.model.secret import Secret
from tests.fetch.world import THERE, TO, Here, contents, without_trace
from tests.host import Program, environment, free_ports
from tests.net.authority import Certificate
from tests.peers import require

CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <{directory}/cert.pem
ssl_key = <{directory}/key.pem
mail_location = maildir:{directory}/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group_name}
default_login_user = {user}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
passdb {{
  driver = static
  args = password=pass
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

MESSAGES = [
    b"Subject: %d\r\n\r\n.\r\n..dots\r\n%b" % (number, b"line\r\n" * 10_000 * number)
    for number in range(3)
]


class DovecotTests(TestCase):
    """What is there comes here, once."""

    timeout = 110

    def setUp(self) -> None:
        """Start it, with three messages."""
        from twisted.internet import reactor  # noqa: TID251 - over loopback

        program = require("dovecot")
        self.reactor: Any = reactor
        # Its sockets want a short path that any user may enter.
        self.directory = Path(tempfile.mkdtemp(prefix="mailframe-fetch-"))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        root = os.getuid() == 0
        self.owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        for name in (
            "run",
            "state",
            "home",
            "mail",
            "mail/new",
            "mail/cur",
            "mail/tmp",
        ):
            self.make(name)
        authority = Certificate("Test authority", authority=True)
        mine = Certificate("localhost", issuer=authority)
        (self.directory / "authority.pem").write_bytes(authority.pem)
        (self.directory / "cert.pem").write_bytes(mine.pem)
        (self.directory / "key.pem").write_bytes(mine.key_pem)
        names = ("imap", "imaps", "pop3", "pop3s")
        self.port = dict(zip(names, free_ports(4), strict=True))
        config = self.directory / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                directory=self.directory,
                user=self.owner.pw_name,
                group=self.owner.pw_gid,
                group_name="nogroup" if root else self.owner.pw_gid,
                **self.port,
            )
        )
        for number, octets in enumerate(MESSAGES):
            self.deliver(number, octets)
        self.program: Any = Program(
            [program, "-F", "-c", str(config)],
            self.directory,
            list(self.port.values()),
            environment(),
        )
        self.addCleanup(self.program.stop)
        here = self.directory / "ours"
        here.mkdir()
        self.here = Here(here, reactor)
        self.addCleanup(self.here.intake.close)

    def make(self, name: str) -> None:
        """Make a directory of Dovecot's."""
        path = self.directory / name
        path.mkdir()
        os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def deliver(self, number: int, octets: bytes) -> None:
        """Put a message into the Maildir."""
        path = self.directory / "mail" / "tmp" / f"{1000 + number}.M{number}.test"
        path.write_bytes(octets.replace(b"\r\n", b"\n"))
        os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        path.rename(self.directory / "mail" / "new" / path.name)

    def left(self) -> int:
        """Return how many messages are there."""
        mail = self.directory / "mail"
        return sum(len(list((mail / name).iterdir())) for name in ("new", "cur"))

    def job(self, service: str, **more: Any) -> FetchAccount:
        """Return how to collect by a service."""
        return FetchAccount(
            protocol=service.removesuffix("s"),
            host="localhost",
            port=self.port[service],
            tls="implicit" if service.endswith("s") else "starttls",
            user=THERE,
            password=Secret(b"pass"),
            to=TO,
            authorities=self.directory / "authority.pem",
            **more,
        )

    async def mine(self) -> list[bytes]:
        """Return what came, without our trace fields."""
        return [without_trace(one) for one in await contents(self.here.account)]

    async def scene(self, service: str) -> None:
        """Collect twice and keep; then once more, and delete."""
        job = self.job(service)
        self.assertEqual(await self.here.collect(job), 3)
        self.assertEqual(await self.mine(), MESSAGES)
        self.assertEqual(await self.here.collect(job), 0)
        self.deliver(9, MESSAGES[0])
        self.assertEqual(await self.here.collect(self.job(service, keep=False)), 1)
        self.assertEqual(len(await self.mine()), 4)
        self.assertEqual(self.left(), 0)

    def play(self, scene: Coroutine[Any, Any, None]) -> "Deferred[None]":
        """Run a test that waits."""
        return Deferred.fromCoroutine(scene)

    def test_imap(self) -> "Deferred[None]":
        """By IMAP with STARTTLS."""
        return self.play(self.scene("imap"))

    def test_imaps(self) -> "Deferred[None]":
        """By IMAP over TLS."""
        return self.play(self.scene("imaps"))

    def test_pop3(self) -> "Deferred[None]":
        """By POP3 with STLS."""
        return self.play(self.scene("pop3"))

    def test_pop3s(self) -> "Deferred[None]":
        """By POP3 over TLS."""
        return self.play(self.scene("pop3s"))

    def test_idle(self) -> "Deferred[None]":
        """What comes while the service idles is here soon."""

        async def scene() -> None:
            service = self.here.service(self.job("imaps", keep=False, interval=3600.0))
            service.startService()
            try:
                for count in (3, 4):
                    for _ in range(1000):
                        if len(await contents(self.here.account)) == count:
                            break
                        await deferLater(self.reactor, 0.02)
                    self.assertEqual(len(await self.mine()), count)
                    self.deliver(10 + count, MESSAGES[0])
            finally:
                await service.stopService()

        return self.play(scene())
