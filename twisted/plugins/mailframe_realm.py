"""Offer mailframe's stores to ``--realm``; see ``twistd mailframe --help-realm``."""

from typing import Any

from zope.interface import implementer

from mailframe.interfaces.plugin import Host, IPlugin, IRealmFactory

_NAMESPACES = (
    "[:others=NAME][:shared=NAME][:shared-account=ADDRESS], the levels at which"
    " mailboxes of other users [Other Users] and those of ADDRESS [Shared] are found;"
    " an empty NAME for none."
)


@implementer(IRealmFactory, IPlugin)
class MemoryRealmFactory:
    """Make a realm that forgets everything when it stops."""

    realm_type = "memory"
    realm_help = "Keeps mail in memory, until the process ends. For trying out."
    arg_string_format = f"Nothing, or {_NAMESPACES}"

    def make_realm(self, argstring: str, host: Host) -> Any:
        """Return the realm."""
        from mailframe.storage.memory_realm import MemoryRealm
        from mailframe.storage.namespaces import cut_namespaces

        rest, namespaces = cut_namespaces(argstring and f":{argstring}")
        if rest:
            raise ValueError("memory takes names of levels only, such as others=Users")
        return MemoryRealm(
            host.reactor.seconds,
            lambda call: host.reactor.callLater(0, call),
            namespaces=namespaces,
            default_domain=host.domains[0],
        )


@implementer(IRealmFactory, IPlugin)
class MaildirRealmFactory:
    """Make a realm of Maildir++ directories."""

    realm_type = "maildir"
    realm_help = (
        "Keeps mail in Maildir++ directories that Dovecot, Courier and mutt can"
        " use at the same time, with an index for speed."
    )
    arg_string_format = (
        "PATH, in which %u is the whole address, %n its local part, %d its domain;"
        " %h at its beginning is the user's home, as --auth tells it."
        f" Then {_NAMESPACES}"
    )

    def make_realm(self, argstring: str, host: Host) -> Any:
        """Return the realm."""
        from mailframe.storage.maildir.realm import MaildirRealm

        return MaildirRealm(argstring, host)


memory = MemoryRealmFactory()
maildir = MaildirRealmFactory()
