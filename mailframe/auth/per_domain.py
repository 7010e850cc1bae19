"""Another checker for each domain, and one for all the rest.

Source: RFC 5321 section 2.3.5 (domains are compared whatever their case).
"""

from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.auth.chain import CheckerChain
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import IUserDirectory, UserEntry
from mailframe.interfaces.credentials import (
    IScramKeySource,
    ISecurityContext,
    ISecurityContextSource,
    ISelectiveChecker,
)
from mailframe.model.address import canonical_domain
from mailframe.model.scram_keys import ScramKeys

_log = Logger()


@implementer(
    ICredentialsChecker, ISelectiveChecker, IScramKeySource, ISecurityContextSource
)
class PerDomain:
    """Ask the checkers of the domain a name is in.

    Whom a domain's checkers let in must be of that domain: nobody's directory
    can say that somebody is a user of another. Credentials without a name (a
    token, a ticket) are shown to all, in their order.
    """

    def __init__(
        self,
        domains: Mapping[str, CheckerChain],
        default_domain: str,
        rest: CheckerChain | None = None,
    ) -> None:
        """Route by ``domains``.

        Args:
            domains: Checkers by domain; several may have the same.
            default_domain: For names without one.
            rest: For domains that are not among them; ``None``: nobody is
                let in there.
        """
        self._domains = {
            canonical_domain(name): chain for name, chain in domains.items()
        }
        self._default_domain = default_domain
        self._rest = rest
        chains = [*self._domains.values(), *([rest] if rest else [])]
        # Each once, though several domains may have it.
        self._chains = list({id(chain): chain for chain in chains}.values())
        self.credentialInterfaces = tuple(
            dict.fromkeys(
                interface
                for chain in self._chains
                for interface in chain.credentialInterfaces
            )
        )

    def requestAvatarId(self, credentials: Any) -> "Deferred[Any]":
        """Return the canonical address, or fail.

        Raises:
            UnauthorizedLogin: The domain's checkers do not let these in.
            TemporaryFailure: They cannot tell.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    def serves(self, interface: Any) -> bool:
        """Tell whether a mechanism that makes these credentials may be offered.

        If it is for the users of every domain.
        """
        return bool(self._chains) and all(
            chain.serves(interface) for chain in self._chains
        )

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of a user from the checkers of the domain.

        Raises:
            TemporaryFailure: They cannot be asked now.
        """
        chain = self._chain_for(username) or self._chains[0]
        return await chain.scram_keys(username, digest)

    async def security_context(self) -> ISecurityContext:
        """Begin a dialogue with the first checker for it.

        Raises:
            TemporaryFailure: There is none, or no key to accept with.
        """
        unsure = TemporaryFailure("no checker accepts tokens now")
        for chain in self._chains:
            try:
                return await chain.security_context()
            except TemporaryFailure as failure:
                unsure = failure
        raise unsure

    async def _check(self, credentials: Any) -> Any:
        username = getattr(credentials, "username", None)
        if username is not None:
            chain = self._chain_for(username)
            chains = [] if chain is None else [chain]
        else:
            chains = self._chains
        unsure: TemporaryFailure | None = None
        refusal: LoginFailed = UnauthorizedLogin("no checkers for this domain")
        for chain in chains:
            try:
                avatar_id = await maybeDeferred(chain.requestAvatarId, credentials)
            except LoginFailed as failure:
                refusal = failure
            except TemporaryFailure as failure:
                unsure = failure
            else:
                if self._chain_for(bytes(avatar_id)) is chain:
                    return avatar_id
                _log.error(
                    "a checker of one domain said that somebody is a user of"
                    " another; refused"
                )
        raise unsure or refusal

    def _chain_for(self, name: bytes) -> CheckerChain | None:
        _, _, domain = name.decode("utf-8", "replace").rpartition("@")
        if b"@" not in name:
            domain = self._default_domain
        return self._domains.get(canonical_domain(domain), self._rest)


@implementer(IUserDirectory)
class DirectoryPerDomain:
    """Ask the directory of the domain an address is in."""

    def __init__(self, domains: Mapping[str, Any], rest: Any = None) -> None:
        """Route by ``domains``.

        Args:
            domains: Each provides ``IUserDirectory``, by domain; ``None`` for
                a domain nobody knows the users of.
            rest: For the other domains.
        """
        self._domains = {canonical_domain(name): one for name, one in domains.items()}
        self._rest = rest

    async def find(self, address: str) -> UserEntry | None:
        """Return the domain's answer, and nobody of another domain.

        Raises:
            TemporaryFailure: It cannot be asked now.
        """
        _, _, domain = address.rpartition("@")
        directory = self._domains.get(canonical_domain(domain), self._rest)
        if directory is None:
            return None
        entry: UserEntry | None = await directory.find(address)
        return entry
