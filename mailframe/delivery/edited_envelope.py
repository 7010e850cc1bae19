"""An envelope as checks have changed it.

What a check adds is delivered like what RCPT named. The peer hears of its own
recipients only: who was dropped has the message when all who were added have it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from twisted.logger import Logger

from mailframe.delivery.destination import Destination
from mailframe.delivery.distribution import Recipient
from mailframe.errors import MailError, TemporaryFailure
from mailframe.interfaces.check import (
    AddRecipient,
    ChangeSender,
    DropRecipient,
    EnvelopeEdit,
    Redirect,
)
from mailframe.model.address import Address
from mailframe.model.envelope import ForwardPath, ReversePath

_log = Logger()

Resolve = Callable[[Address], Awaitable[list[Destination]]]


async def edited(
    message_id: str,
    reverse_path: ReversePath,
    recipients: Sequence[Recipient],
    edits: Sequence[EnvelopeEdit],
    resolve: Resolve,
) -> tuple[ReversePath, list[Recipient]]:
    """Return sender and recipients after the changes.

    Args:
        message_id: For the log.
        reverse_path: The sender.
        recipients: Those of RCPT.
        edits: The changes, in order.
        resolve: Returns where an address goes; may raise MailError.

    Raises:
        TemporaryFailure: It cannot be told now where an added one goes.
    """
    found = list(recipients)
    for edit in edits:
        _log.info("{id}: a check wants {edit}", id=message_id, edit=edit)
        if isinstance(edit, ChangeSender):
            reverse_path = replace(reverse_path, address=edit.address)
        elif isinstance(edit, DropRecipient):
            found = [one for one in found if not _is(one, edit.address)]
        else:
            if isinstance(edit, Redirect):
                found = []
            if not any(_is(one, edit.address) for one in found):
                found.append(await _added(edit, resolve))
    return reverse_path, found


def verdicts_of(
    named: Sequence[Recipient],
    recipients: Sequence[Recipient],
    verdicts: Sequence[MailError | None],
) -> list[MailError | None]:
    """Return the verdict on each recipient that RCPT named.

    Args:
        named: Those.
        recipients: Those it was delivered to.
        verdicts: The verdict on each of these.
    """
    known = {
        id(one): verdict for one, verdict in zip(recipients, verdicts, strict=True)
    }
    theirs = {id(one) for one in named}
    added = [
        verdict
        for one, verdict in known.items()
        if one not in theirs and verdict is not None
    ]
    dropped = added[0] if added else None
    return [known.get(id(one), dropped) for one in named]


async def _added(edit: AddRecipient | Redirect, resolve: Resolve) -> Recipient:
    path = ForwardPath(edit.address)
    try:
        return Recipient(path, await resolve(edit.address))
    except TemporaryFailure:
        raise
    except MailError as error:
        _log.warn("{to}, whom a check added: {error!r}", to=edit.address, error=error)
        return Recipient(path, [], verdict=error)


def _is(recipient: Recipient, address: Address) -> bool:
    return recipient.forward_path.address.canonical() == address.canonical()
