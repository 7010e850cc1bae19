"""Lists of clients in DNS, with a resolver that is a dict."""

from typing import Any

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.check import Decision
from mailframe.policy.dns_list import DNSList, DNSLists, reversed_name
from tests.policy.world import DictResolver, PolicyTestCase, rcpt

BAD = ("1.2.0.192.bl.example", "A")


class DNSListsTests(PolicyTestCase):
    """Scores."""

    def _rcpt(self, check: Any, to: str = "alice@example.org", **more: Any) -> Any:
        return check.rcpt(self.message(check, **more), rcpt(to))

    def _check(self, names: Any, *lists: DNSList, **more: Any) -> DNSLists:
        lists = lists or (DNSList("bl.example"),)
        return DNSLists(lists, DictResolver(names), **more)

    def test_listed(self) -> None:
        """A listed client is refused, but for postmaster."""
        check = self._check({BAD: ["127.0.0.2"]})
        self.says(self._rcpt(check), Decision.REFUSE, "bl.example")
        self.says(self._rcpt(check, "Postmaster@example.org"), None)
        self.says(self._rcpt(check, client_address="192.0.2.2"), None)
        self.says(self._rcpt(check, client_address=None), None)

    def test_every_recipient(self) -> None:
        """The lists are asked once a message, the verdict is on each recipient."""
        check = self._check({BAD: ["127.0.0.2"]})
        memory = self.message(check)
        for _ in range(3):
            self.says(check.rcpt(memory, rcpt()), Decision.REFUSE)
        asked: Any = check._resolver
        self.assertEqual(len(asked.asked), 1)
        check.over(memory)

    def test_answers(self) -> None:
        """Only 127.0.0.0/8 counts, or what is asked for; some say nothing."""
        for answer, wanted, decision in (
            ("192.0.2.1", (), None),
            ("127.0.0.4", ("127.0.0.2",), None),
            ("127.0.0.2", ("127.0.0.2",), Decision.REFUSE),
        ):
            check = self._check({BAD: [answer]}, DNSList("bl.example", 1, wanted))
            self.says(self._rcpt(check), decision)
        check = self._check({BAD: ["127.255.255.254"]})
        self.fails(self._rcpt(check), TemporaryFailure)

    def test_scores(self) -> None:
        """A list of the good takes off what a list of the bad puts on."""
        names = {
            BAD: ["127.0.0.2"],
            ("1.2.0.192.more.example", "A"): ["127.0.0.9"],
            ("1.2.0.192.wl.example", "A"): ["127.0.0.1"],
        }
        lists = (DNSList("bl.example", 2), DNSList("more.example", 1))
        good = DNSList("wl.example", -2)
        for chosen, threshold, decision in (
            (lists, 3, Decision.REFUSE),
            (lists, 4, None),
            ((*lists, good), 3, None),
            ((*lists, good), 1, Decision.REFUSE),
        ):
            check = self._check(names, *chosen, threshold=threshold)
            self.says(self._rcpt(check), decision)

    def test_silence(self) -> None:
        """A list that does not answer matters when it could have decided."""
        names: Any = {BAD: None, ("1.2.0.192.more.example", "A"): ["127.0.0.2"]}
        lists = (DNSList("bl.example", 1), DNSList("more.example", 1))
        self.says(self._rcpt(self._check(names, *lists)), Decision.REFUSE)
        check = self._check(names, *lists, threshold=2)
        self.fails(self._rcpt(check), TemporaryFailure)
        self.says(self._rcpt(self._check(names, *lists, threshold=3)), None)

    def test_ipv6(self) -> None:
        """An IPv6 address has a label for each digit."""
        self.assertEqual(
            reversed_name("2001:db8::1"),
            "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2",
        )
        self.assertEqual(reversed_name("::ffff:192.0.2.1"), "1.2.0.192")
