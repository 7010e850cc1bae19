"""A web page whose visitors' notes arrive as mail in an IMAP mailbox.

IMAP over an account in memory, inside a Twisted program that does something
else: an ordinary ``twisted.web`` site in the same reactor. Run it, then::

    curl -d 'Nice page.' http://127.0.0.1:8080/
    curl -u guest@localhost:guest 'imap://127.0.0.1:8143/INBOX;UID=1'
"""

import sys

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import endpoints, reactor
from twisted.internet.defer import ensureDeferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mailframe import IMAPFactory
from mailframe.interfaces.mailbox import NewMessage
from mailframe.memory_content import MemoryContent
from mailframe.model.mailbox import INBOX
from mailframe.storage.content import MemoryIntake
from mailframe.storage.memory_realm import MemoryRealm


class Notes(Resource):
    """Takes notes by POST and appends each to a mailbox."""

    isLeaf = True

    def __init__(self, account):
        super().__init__()
        self.account = account

    def render_POST(self, request):
        """Store the body as a message; sessions that have INBOX open see it."""
        text = request.content.read()
        message = b"Subject: a note\r\n\r\n" + text + b"\r\n"
        stored = ensureDeferred(
            self.account.append(INBOX, [NewMessage(MemoryContent(message))])
        )
        stored.addCallback(self.answer, request)
        return NOT_DONE_YET

    def answer(self, appended, request):
        """Tell the visitor."""
        request.write(b"thank you, note %d\n" % appended.uids[0])
        request.finish()


def main(web_port="8080", imap_port="8143"):
    """Serve the page and the mailbox."""
    realm = MemoryRealm(reactor.seconds, lambda call: reactor.callLater(0, call))
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"guest@localhost", b"guest")
    imap = IMAPFactory(Portal(realm, [checker]), intake=MemoryIntake(), reactor=reactor)
    site = Site(Notes(realm.account("guest@localhost")))
    for port, factory in ((web_port, site), (imap_port, imap)):
        endpoint = f"tcp:{port}:interface=127.0.0.1"
        endpoints.serverFromString(reactor, endpoint).listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
