"""Who logs in in the examples of the RFCs of SASL."""

from typing import Any

from twisted.cred.credentials import (
    IAnonymous,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.cred.portal import Portal

from mailframe.interfaces.credentials import IBearerToken
from tests.imap.given.rfc9051 import Realm
from tests.imap.world import World
from tests.sasl.world import TOKEN, Checker


class _Checker(Checker):
    """Knows Joe, Tim, the user of a token, and anybody."""

    async def _is_alice(self, one: Any) -> Any:
        if IBearerToken.providedBy(one):
            return (one.username, one.token.reveal()) == (b"user@example.com", TOKEN)
        if IUsernameHashedPassword.providedBy(one):
            return one.username == b"tim" and one.checkPassword(b"tanstaaftanstaaf")
        if IUsernamePassword.providedBy(one):
            return (one.username, one.password) == (b"joe", b"password")
        return IAnonymous.providedBy(one) or await super()._is_alice(one)


def door(world: World) -> None:
    """Let them in."""
    realm: Any = Realm(world.account)
    world.door = Portal(realm, [_Checker()])
