"""What is asked fails as it was promised to."""

from collections.abc import Awaitable
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


async def fails(kind: type[E], asked: Awaitable[Any]) -> E:
    """Wait for something that fails; return the error.

    Args:
        kind: What it fails with.
        asked: What is waited for.

    Raises:
        AssertionError: It did not fail.
    """
    try:
        await asked
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
