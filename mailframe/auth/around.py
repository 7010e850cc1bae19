"""A checker put around another: what it does not change, the other one answers."""

from typing import Any

from zope.interface import alsoProvides

from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import (
    IScramKeySource,
    ISecurityContext,
    ISecurityContextSource,
    ISelectiveChecker,
)
from mailframe.model.scram_keys import ScramKeys

_POWERS = (
    ISelectiveChecker,
    IScramKeySource,
    ISecurityContextSource,
    IUserDirectory,
)


class Around:
    """Serves what the checker within serves, and has those of its powers.

    Attributes:
        checker: The one within.
    """

    def __init__(self, checker: Any) -> None:
        """Take the powers of ``checker``."""
        self.checker = checker
        self.credentialInterfaces = tuple(checker.credentialInterfaces)
        for power in _POWERS:
            if power.providedBy(checker):
                alsoProvides(self, power)

    def serves(self, interface: Any) -> bool:
        """Tell whether a mechanism that makes these credentials may be offered."""
        served: bool = self.checker.serves(interface)
        return served

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of a user.

        Raises:
            TemporaryFailure: The source cannot be asked now.
        """
        keys: ScramKeys = await self.checker.scram_keys(username, digest)
        return keys

    async def security_context(self) -> ISecurityContext:
        """Begin a dialogue.

        Raises:
            TemporaryFailure: There is no key to accept with.
        """
        context: ISecurityContext = await self.checker.security_context()
        return context

    async def find(self, address: str) -> UserEntry | None:
        """Look an address up.

        Raises:
            TemporaryFailure: The source cannot be asked now.
        """
        found: UserEntry | None = await self.checker.find(address)
        return found
