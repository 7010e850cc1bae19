"""Checks as operators name them."""

from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from mailframe.delivery.check_option import make_configured
from mailframe.interfaces.check import (
    CheckHost,
    Decision,
    ICheckFactory,
    IMessageCheck,
)
from mailframe.policy.relay_control import RelayControl
from mailframe.storage.content import MemoryIntake
from tests.policy.world import PolicyTestCase, origin

FACTORIES = list(getPlugins(ICheckFactory))


class PluginTests(PolicyTestCase):
    """What ``twisted.plugin`` finds, and what it makes."""

    def setUp(self) -> None:
        """A host."""
        reactor: Any = MemoryReactorClock()
        reactor.getThreadPool = lambda: None
        self.host = CheckHost(
            self.mktemp(), "mx.example.org", ("example.org",), reactor, MemoryIntake()
        )

    def _make(self, text: str) -> Any:
        friends = RelayControl(["192.0.2.0/24"]).permits
        return make_configured(text, FACTORIES, self.host, friends)

    def test_all(self) -> None:
        """Each kind there is, with and without arguments."""
        for factory in FACTORIES:
            verifyObject(ICheckFactory, factory)
        for text in (
            "helo",
            "helo:resolve,short",
            "sender",
            "sender:resolve",
            "recipient:resolve",
            "rate",
            "rate:connections=5/60,user-messages=none",
            "tarpit:greeting=0.5,free=3",
            "dnsbl:bl.example",
            "dnsbl:bl.example=2,more.example,wl.example=-1,threshold=3",
            "greylist",
            "greylist:memory,delay=60,known=0",
            "milter:tcp:127.0.0.1:8891",
            "policy:unix:/run/policy",
            "policy:end,tcp:127.0.0.1:10023",
            "policy:context=mx,end,names,unix:/run/policy",
            "policy:states=connect+helo+mail+rcpt+data+end+vrfy+etrn,unix:/run/policy",
            "policy:context=mx,states=data,names,tcp:127.0.0.1:10023",
            "milter:names,unix:/run/opendkim",
        ):
            made = self._make(text)
            verifyObject(IMessageCheck, made.check)
            self.assertEqual(made.name, text.partition(":")[0])
        self.assertEqual(
            {one.check_type for one in FACTORIES}
            - {
                *("helo", "sender", "recipient", "rate", "tarpit"),
                *("dnsbl", "greylist", "milter", "policy"),
            },
            set(),
        )

    def test_defaults(self) -> None:
        """What happens when it fails, and after what time."""
        made = self._make("dnsbl,accept,10:bl.example")
        self.assertIs(made.on_failure, Decision.ACCEPT)
        self.assertEqual(made.timeout, 10.0)
        made = self._make("rate")
        self.assertIs(made.on_failure, Decision.DEFER)
        self.assertEqual(made.timeout, 30.0)
        self.assertFalse(made.local)
        self.assertTrue(self._make("rate,10,local,refuse").local)

    def test_friends(self) -> None:
        """Most checks leave friends alone; limits and filters do not."""
        friend = origin(client_address="192.0.2.1")
        self.assertTrue(self._make("greylist").spares(friend))
        self.assertFalse(
            self._make("greylist").spares(origin(client_address="198.51.100.1"))
        )
        self.assertFalse(self._make("rate").spares(friend))

    def test_wrong(self) -> None:
        """What is wrong is told in one line."""
        for text, why in (
            ("nonsense", "nonsense: there is no such check"),
            ("rate,maybe", "'maybe' is not accept, defer, refuse, seconds or local"),
            ("rate:connections=many", "connections=many is not COUNT/SECONDS"),
            ("rate:connections=0/60", "connections=0/60 is not COUNT/SECONDS"),
            ("rate:x=1/2", "there is no 'x'"),
            ("tarpit:greeting=-1", "greeting=-1 is not a number of 0 or more"),
            ("tarpit:greeting=nan", "greeting=nan is not a number of 0 or more"),
            ("helo:loudly", "there is no 'loudly'"),
            ("sender:resolve=yes please", "there is no 'resolve'"),
            ("dnsbl", "dnsbl needs at least one ZONE"),
            ("dnsbl:bl.example=x", "bl.example=x: not a score"),
            ("milter:nowhere", "'nowhere' is not an endpoint"),
            ("policy:end,end,unix:/run/x", "'end,unix:/run/x' is not an endpoint"),
            ("policy:states=data+dat,unix:/run/x", "there is no 'dat', only: connect,"),
            ("policy:states=,unix:/run/x", "there is no '', only: connect,"),
            ("policy:end,nowhere", "'nowhere' is not an endpoint"),
            ("milter:end,unix:/run/x", "'end,unix:/run/x' is not an endpoint"),
            ("greylist:/tmp/x", "there is no '/tmp/x'"),
        ):
            with self.assertRaises(ValueError, msg=text) as caught:
                self._make(text)
            self.assertIn(why, str(caught.exception))
