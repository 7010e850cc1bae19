"""A process that collects into a Maildir until it is done or killed.

Its arguments are a directory, protocol, port, file of authorities, and ``keep``
or ``delete``.
"""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor as any_reactor  # noqa: TID251 - a whole process
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from mailframe.fetch.options import FetchAccount
from mailframe.fetch.service import FetchService
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.plugin import Host
from mailframe.model.secret import Secret
from mailframe.storage.intake import FileIntake
from mailframe.storage.maildir.realm import MaildirRealm
from tests.fetch.world import THERE, TO

reactor: Any = any_reactor


def realm_of(directory: str) -> MaildirRealm:
    """Return the realm of our accounts."""
    host = Host(os.path.join(directory, "state"), ("example.org",), reactor)
    return MaildirRealm(os.path.join(directory, "mail", "%u"), host)


async def account_in(realm: MaildirRealm, address: str = TO) -> Any:
    """Return our account."""
    return (await realm.requestAvatar(address.encode(), None, IMailAccount))[1]


async def work(directory: str, protocol: str, port: str, ca: str, how: str) -> None:
    """Collect once."""
    realm = realm_of(directory)
    realm.startService()
    run: Any = deferToThread
    intake = FileIntake(os.path.join(directory, "intake"), run=run)
    intake.open()
    job = FetchAccount(
        protocol=protocol,
        host="localhost",
        port=int(port),
        tls="starttls",
        user=THERE,
        password=Secret(b"pass"),
        to=TO,
        keep=how == "keep",
        authorities=Path(ca),
    )
    service = FetchService(
        [job],
        path=Path(directory, "fetch.db"),
        run=run,
        account_for=partial(account_in, realm),
        intake=intake,
        hostname="mail.example.org",
        reactor=reactor,
    )
    await service.collect()
    await service.stopService()
    await realm.stopService()
    os.write(1, b"done\n")


if __name__ == "__main__":
    done: Any = ensureDeferred(work(*sys.argv[1:]))
    done.addErrback(lambda failure: os.write(2, failure.getTraceback().encode()))
    done.addBoth(lambda _: reactor.stop())
    reactor.run()
