"""Begin a coroutine: what need not wait costs little more than a call.

For the adapters. A login goes through half a dozen contracts that return a
:class:`~twisted.internet.defer.Deferred`, and nearly always every answer is there.
"""

from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

T = TypeVar("T")


def started(work: Coroutine[Any, Any, T]) -> "Deferred[T]":
    """Return the same as ``Deferred.fromCoroutine``, which it is quicker than.

    Args:
        work: Run up to where it waits, in the context of the caller.
    """
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return succeed(end.value)
    except BaseException:
        return fail()
    return going_on(work, awaited)


def going_on(work: Coroutine[Any, Any, T], awaited: Any) -> "Deferred[T]":
    """Return what becomes of a coroutine that has begun.

    Args:
        work: The coroutine.
        awaited: What it waits for: its ``send`` gave it.
    """
    rest: Any = _rest(work, awaited)
    return Deferred.fromCoroutine(rest)


def _rest(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with what waits for ``awaited``."""
    while True:
        resume: Any = work.send
        try:
            outcome = yield awaited
        except BaseException as error:
            resume, outcome = work.throw, error
        try:
            awaited = resume(outcome)
        except StopIteration as end:
            value: T = end.value
            return value
