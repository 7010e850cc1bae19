"""Offer ``--realm team:``."""

from zope.interface import implementer

from mailframe.interfaces.plugin import IPlugin, IRealmFactory


@implementer(IRealmFactory, IPlugin)
class TeamRealmFactory:
    """Makes the realm."""

    realm_type = "team"
    realm_help = "One set of mailboxes for all users of a domain, in memory."
    arg_string_format = "No arguments."

    def make_realm(self, argstring, host):
        """Return the realm."""
        from team_realm import TeamRealm

        if argstring:
            raise ValueError("team takes no arguments")
        return TeamRealm(host.reactor)


team_realm = TeamRealmFactory()
