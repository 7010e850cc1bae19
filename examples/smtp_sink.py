"""An SMTP server that takes every message, counts it and throws it away.

Good for testing programs that send mail. Run it, then::

    swaks --server 127.0.0.1:2525 --to anybody@example.org
"""

import itertools
import sys

from twisted.internet import endpoints, reactor
from zope.interface import implementer

from mailframe import SMTPFactory
from mailframe.interfaces.delivery import IMailReceiver, IMailTransaction

numbers = itertools.count(1)


@implementer(IMailReceiver)
class Sink:
    """Lets everybody send to everybody."""

    async def begin(self, origin, reverse_path):
        """Take MAIL."""
        return Message()

    async def verify(self, origin, text):
        """Answer VRFY: cannot tell."""
        return ()


@implementer(IMailTransaction)
class Message:
    """One message, counted while it passes."""

    def __init__(self):
        self.id = f"sink-{next(numbers)}"
        self.recipients = 0
        self.octets = 0

    async def recipient(self, forward_path):
        """Take RCPT. Raise ``mailframe.errors.NoSuchUser`` to refuse one."""
        self.recipients += 1

    def write(self, octets):
        """Take a piece of the content."""
        self.octets += len(octets)

    async def finish(self):
        """Take the end of it: no error for any recipient."""
        print(f"{self.id}: {self.octets} octets for {self.recipients}", flush=True)
        return [None] * self.recipients

    def abort(self):
        """Forget it."""


def main(port="2525"):
    """Serve."""
    endpoint = f"tcp:{port}:interface=127.0.0.1"
    factory = SMTPFactory(Sink(), reactor=reactor, hostname="sink.example.org")
    endpoints.serverFromString(reactor, endpoint).listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
