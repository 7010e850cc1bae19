"""A realm of our own: everybody of a domain works in the same mailboxes.

Together with ``twisted/plugins/team_realm_plugin.py`` this is all that
``--realm team:`` needs::

    cd examples/custom_realm
    PYTHONPATH=. twistd -n mailframe --realm team:

A realm that keeps mail in a way of its own returns its own provider of
``mailframe.interfaces.mailbox.IMailAccount``; the suite in
``mailframe.testing.mailbox_contract`` says whether it is right.
"""

from twisted.cred.portal import IRealm
from zope.interface import implementer

from mailframe.interfaces.mailbox import IMailAccount
from mailframe.storage.memory import MemoryAccount


@implementer(IRealm)
class TeamRealm:
    """Gives all users of a domain one account, kept in memory."""

    def __init__(self, reactor):
        self.reactor = reactor
        self.teams = {}

    def requestAvatar(self, avatarId, mind, *interfaces):
        """Return the account of the team that the user belongs to."""
        if IMailAccount not in interfaces:
            raise NotImplementedError("only IMailAccount")
        domain = avatarId.decode().rpartition("@")[2]
        if domain not in self.teams:
            self.teams[domain] = MemoryAccount(
                f"team@{domain}",
                now=self.reactor.seconds,
                soon=lambda call: self.reactor.callLater(0, call),
            )
        return IMailAccount, self.teams[domain], lambda: None
