"""Spend on an unknown user what a known one would cost: nobody learns who is one."""

import hmac
from collections.abc import Awaitable, Callable, Sequence


async def spend_as_much(
    verify: Callable[[bytes, str], Awaitable[bool]],
    password: bytes,
    name: str,
    hashes: Sequence[str],
    key: bytes,
) -> None:
    """Verify a password against some user's hash; the result is nothing.

    Args:
        verify: Tells whether a password is the one a hash was made of; raises
            ``ValueError`` for a damaged hash.
        password: What was tried.
        name: Who it was tried for. The hash is always the same one for a name, as
            if it were that user's.
        hashes: Those of users; with none no user costs anything.
        key: Secret octets: which hash it is cannot be foretold.
    """
    if not hashes:
        return
    digest = hmac.digest(key, name.encode(), "sha256")
    try:
        await verify(password, hashes[int.from_bytes(digest[:8], "big") % len(hashes)])
    except ValueError:
        # A damaged hash; reported when its owner comes.
        return
