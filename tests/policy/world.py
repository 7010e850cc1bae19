"""A small world for policy tests: origins, a resolver that is a dict."""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailframe.errors import NoSuchUser, TemporaryFailure
from mailframe.interfaces.check import Decision, Verdict
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, Origin, ReversePath

SENDER = Address("sender", "b.example")


def origin(**changes: Any) -> Origin:
    """Return an origin as SMTP gives it."""
    given = {
        "service": "smtp",
        "protocol": "ESMTP",
        "helo": "client.example",
        "client_address": "192.0.2.1",
        "server_name": "mx.example.org",
    }
    return Origin(**{**given, **changes})


def rcpt(text: str = "alice@example.org") -> ForwardPath:
    """Return a recipient."""
    return ForwardPath(Address(*text.rsplit("@", 1)))


class DictResolver:
    """Knows some names; a value of ``None`` cannot be told now."""

    def __init__(self, names: Mapping[tuple[str, str], Sequence[str] | None]) -> None:
        """Hold names, by name and type."""
        self.names = dict(names)
        self.asked: list[tuple[str, str]] = []

    async def lookup(self, name: str, kind: str) -> Sequence[str]:
        """Return, or raise, what the dict says."""
        self.asked.append((name, kind))
        if (name, kind) in self.names:
            found = self.names[name, kind]
            if found is None:
                raise TemporaryFailure("SERVFAIL")
            return found
        if any(known == name for known, _ in self.names):
            return ()
        raise NoSuchUser(name)


class PolicyTestCase(SynchronousTestCase):
    """Runs what never waits."""

    def run_now(self, awaitable: Any) -> Any:
        """Return the result of a coroutine."""
        return self.successResultOf(Deferred.fromCoroutine(awaitable))

    def fails(self, awaitable: Any, kind: type) -> Any:
        """Return what a coroutine raised."""
        return self.failureResultOf(Deferred.fromCoroutine(awaitable), kind).value

    def says(self, awaitable: Any, decision: Decision | None, text: str = "") -> Any:
        """Demand a decision; ``None`` for no opinion."""
        found: Verdict | None = self.run_now(awaitable)
        if decision is None:
            self.assertIsNone(found)
            return None
        assert found is not None
        self.assertIs(found.decision, decision)
        self.assertIn(text, found.text)
        self.assertTrue(found.text.isascii() and "\n" not in found.text)
        return found

    def message(self, check: Any, sender: Address | None = SENDER, **more: Any) -> Any:
        """Begin a message; return its memory."""
        memory: dict[str, object] = {"id": "", "recipients": []}
        self.run_now(check.mail(memory, origin(**more), ReversePath(sender)))
        return memory
