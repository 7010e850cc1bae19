"""Offer mailframe's checks of mail on its way in."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from zope.interface import implementer

from mailframe.interfaces.check import CheckHost, ICheckFactory
from mailframe.interfaces.plugin import IPlugin


@implementer(ICheckFactory, IPlugin)
@dataclass(frozen=True)
class CheckFactory:
    """Makes one kind of check; the work is in :mod:`mailframe.policy.make`."""

    check_type: str
    check_help: str
    arg_string_format: str
    spares_friends: bool
    function: str

    def make_check(self, argstring: str, host: CheckHost) -> Any:
        """Return the check."""
        module = import_module("mailframe.policy.make")
        make: Callable[[str, CheckHost], Any] = getattr(module, self.function)
        return make(argstring, host)


helo = CheckFactory(
    "helo",
    "Refuses clients that call themselves by our name or by none; with"
    " 'resolve' by one that does not exist, with 'short' by any that does.",
    "[resolve][,short]",
    True,
    "helo",
)
sender = CheckFactory(
    "sender",
    "Refuses senders no report could reach; 'resolve' asks DNS.",
    "[resolve]",
    True,
    "sender",
)
recipient = CheckFactory(
    "recipient",
    "Refuses recipients elsewhere whose domain is none; 'resolve' asks DNS.",
    "[resolve]",
    False,
    "recipient",
)
rate = CheckFactory(
    "rate",
    "Bounds what a client and a user may send in some time; 'none' for no bound.",
    "[connections=60/60][,messages=200/60][,recipients=2000/60]"
    "[,user-messages=200/3600][,user-recipients=1000/3600]",
    False,
    "rate_limit",
)
tarpit = CheckFactory(
    "tarpit",
    "Lets strangers wait for the greeting, and for recipients after the first.",
    "[greeting=2][,free=20][,each=1][,longest=10][,held=1000]",
    True,
    "tarpit",
)
dnsbl = CheckFactory(
    "dnsbl",
    "Refuses clients that lists in DNS know; a negative score for a list of the"
    " good. Give it 'accept' for when DNS does not answer.",
    "ZONE[=SCORE][,ZONE...][,threshold=1]",
    True,
    "dns_lists",
)
greylist = CheckFactory(
    "greylist",
    "Asks who has never written before to come again.",
    "[memory][,delay=300][,retry=172800][,keep=3024000][,known=5]",
    True,
    "greylist",
)
milter = CheckFactory(
    "milter",
    "Asks a milter (opendkim, rspamd, clamav-milter...).",
    "[names,]ENDPOINT: a client endpoint such as tcp:127.0.0.1:8891 or"
    " unix:/run/x.sock; names asks DNS what clients are called",
    False,
    "milter",
)
policy = CheckFactory(
    "policy",
    "Asks a policy service as Postfix does (postgrey, policyd...).",
    "[states=STATE+STATE...,][names,][context=TEXT,]ENDPOINT: a client endpoint such"
    " as tcp:127.0.0.1:10023; it is asked at the STATEs, some of connect, helo, mail,"
    " rcpt, data, end, vrfy and etrn, or at rcpt; names asks DNS what clients are"
    " called",
    False,
    "policy_service",
)
