"""What an operator asks of the queue: requests and answers as JSON objects.

:mod:`.control_socket` carries them. A request has a ``command`` and says which
messages it means; the last object of an answer is ``{"done": how many}``.

Source: docs/queue.rst.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults

from mailframe.errors import MessageGone
from mailframe.queue.contract import Chosen, IQueueSpool, Parcel
from mailframe.queue.destination import named
from mailframe.queue.reports import mailbox
from mailframe.queue.view import recipients_of

PAGE = 500
"""Messages that are read from the spool, and sent, at once."""

HEAD = 65_536
"""Octets of content shown at most."""

Request = dict[str, Any]
Send = Callable[[Sequence[Request]], Awaitable[None]]
Answer = Awaitable[Request]


class BadRequest(Exception):
    """The request asks for nothing we can do; the text may be shown."""


class QueueControl:
    """Does what is asked, on a spool."""

    def __init__(
        self,
        spool: IQueueSpool,
        now: Callable[[], float],
        revive: Callable[[str | None], None],
    ) -> None:
        """Begin.

        Args:
            spool: What it is about.
            now: Seconds since 1970.
            revive: Lets a destination that counts as dead be tried at once,
                ``None`` for all; see :meth:`.destinations.Destinations.revive`.
        """
        self._spool = spool
        self._revive = revive
        self._now = now
        self._commands: dict[str, Callable[[Request, Send], Answer]] = {
            "list": self._list,
            "show": self._show,
            "why": self._why,
            "hold": self._hold,
            "release": self._release,
            "flush": self._flush,
            "retry": self._retry,
            "drop": self._drop,
            "requeue": self._requeue,
        }

    async def answer(self, request: object, send: Send) -> Request:
        """Answer one request.

        Args:
            request: As it was sent.
            send: Sends lines of the answer, or with none a sign of life.

        Returns:
            What was done, as the last line.

        Raises:
            BadRequest: It is none.
            MailError: It cannot be done.
        """
        if not isinstance(request, dict):
            raise BadRequest("a request is an object")
        command = self._commands.get(str(request.get("command")))
        if command is None:
            raise BadRequest("there is no such command")
        return await command(request, send)

    async def _list(self, request: Request, send: Send) -> Request:
        count = 0
        async for page in _pages(self._spool, _chosen(request)):
            count += len(page)
            await send(list(map(_summary, page)))
        return {"done": count}

    async def _show(self, request: Request, send: Send) -> Request:
        parcels = await self._spool.entry(_queue_id(request))
        content = await self._spool.content(parcels[0].queue_id)
        try:
            octets = await content.read(0, HEAD)
        finally:
            content.close()
        text = octets.decode("utf-8", "replace")
        await send([{**_summary(parcels), **_details(parcels), "content": text}])
        return {"done": 1}

    async def _why(self, request: Request, send: Send) -> Request:
        parcels = await self._spool.entry(_queue_id(request))
        await send([{**_summary(parcels), **_details(parcels)}])
        return {"done": 1}

    async def _hold(self, request: Request, send: Send) -> Request:
        return await self._each(request, send, lambda one: self._spool.hold(one, True))

    async def _release(self, request: Request, send: Send) -> Request:
        return await self._each(request, send, lambda one: self._spool.hold(one, False))

    async def _drop(self, request: Request, send: Send) -> Request:
        return await self._each(request, send, self._spool.remove)

    async def _requeue(self, request: Request, send: Send) -> Request:
        now = self._now()
        return await self._each(request, send, lambda one: self._spool.renew(one, now))

    async def _flush(self, request: Request, send: Send) -> Request:
        destination = _destination(request)
        self._revive(destination)
        count = await self._spool.hasten(None, destination, self._now())
        return {"done": count}

    async def _retry(self, request: Request, send: Send) -> Request:
        async def retry(queue_id: str) -> None:
            for parcel in await self._spool.entry(queue_id):
                self._revive(parcel.destination)
            await self._spool.hasten(queue_id, None, self._now())

        return await self._each(request, send, retry)

    async def _each(
        self, request: Request, send: Send, act: Callable[[str], Awaitable[object]]
    ) -> Request:
        """Do something to the messages that are meant: some IDs, or what matches."""
        ids = request.get("ids")
        if isinstance(ids, list) and ids:
            for one in ids:
                await act(str(one))
            return {"done": len(ids)}
        if not any(request.get(name) for name in ("all", "sender", "destination")):
            raise BadRequest("no message is named")
        count = 0
        async for page in _pages(self._spool, _chosen(request)):
            count += await _together(act, [parcels[0].queue_id for parcels in page])
            await send([])  # a sign of life: there may be very many
        return {"done": count}


async def _together(act: Callable[[str], Awaitable[object]], ids: list[str]) -> int:
    """Do something to messages at the same time: the spool flushes once for many.

    Returns:
        How many it were; some may have been delivered meanwhile.
    """

    async def one(queue_id: str) -> int:
        try:
            await act(queue_id)
        except MessageGone:
            return 0
        return 1

    acting = [Deferred.fromCoroutine(one(queue_id)) for queue_id in ids]
    try:
        return sum(await gatherResults(acting, consumeErrors=True))
    except FirstError as error:
        error.subFailure.raiseException()
        raise


async def _pages(
    spool: IQueueSpool, chosen: Chosen
) -> AsyncIterator[Sequence[Sequence[Parcel]]]:
    """Yield messages, as their parcels, some at a time."""
    after = None
    while page := await spool.entries(after, PAGE, chosen):
        yield page
        after = page[-1][0].queue_id


def _queue_id(request: Request) -> str:
    ids = request.get("ids")
    if not isinstance(ids, list) or len(ids) != 1:
        raise BadRequest("one message is to be named")
    return str(ids[0])


def _text(request: Request, name: str) -> str | None:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} is a text")
    return value or None


def _destination(request: Request) -> str | None:
    text = _text(request, "destination")
    return None if text is None else named(text)


def _chosen(request: Request) -> Chosen:
    """Return which messages are meant."""
    sender = _text(request, "sender")
    return Chosen(
        _destination(request),
        None if sender is None else sender.lower(),
        bool(request.get("held")),
    )


def _summary(parcels: Sequence[Parcel]) -> Request:
    """Return a message as a line of the list."""
    first = parcels[0]
    sender = first.envelope.reverse_path.address
    return {
        "id": first.queue_id,
        "arrived": first.arrived,
        "size": first.size,
        "held": first.held,
        "sender": "" if sender is None else mailbox(sender),
        "due": min(one.due for one in parcels),
        "attempts": max(one.attempts for one in parcels),
        "recipients": [mailbox(one.path.address) for one in recipients_of(parcels)],
    }


def _details(parcels: Sequence[Parcel]) -> Request:
    """Return what is known of each recipient."""
    path, origin = parcels[0].envelope.reverse_path, parcels[0].envelope.origin
    return {
        "envelope_id": path.envid,
        "priority": path.priority,
        "require_tls": path.require_tls,
        "user": origin.user,
        "client": origin.client_address,
        "service": origin.service,
        "parcels": [
            {
                "destination": parcel.destination,
                "due": parcel.due,
                "attempts": parcel.attempts,
                "recipients": [
                    {
                        "address": mailbox(one.path.address),
                        "tried": one.tried,
                        "status": one.last.status if one.last else None,
                        "reply": one.last.reply if one.last else None,
                        "remote": one.last.remote if one.last else None,
                        "warned": one.warned,
                    }
                    for one in parcel.recipients
                ],
            }
            for parcel in parcels
        ],
    }
