"""Refusals in the log, so that an operator sees where mail is that did not come.

One line each, here in two::

    mail refused service=smtp client=192.0.2.1 helo="c.example" at=RCPT
        from="x@c.example" to="y@b.example" reason="NoSuchUser: y@b.example"

``refused`` is for good and ``deferred`` for now; ``at`` is where: ``connect``,
``HELO``, ``MAIL``, ``RCPT``, ``DATA`` (BDAT and BURL too), ``end`` (of the
message), ``VRFY`` or ``ETRN``. What the client said
stands in quotes, with ``?`` for whatever could be taken for something else;
``client`` is ``local`` for a Unix socket.
"""

import re

from twisted.logger import Logger

from mailframe.errors import (
    MailError,
    PolicyDeferral,
    PolicyRefusal,
    TemporaryFailure,
)
from mailframe.model.address import Address
from mailframe.model.envelope import Origin, ReversePath

_log = Logger()

SHOWN = 300
"""Characters that are shown of what a client said; no address is longer."""

_UNSAFE = re.compile(r'[^ -~]|["\\]')


def tell(
    refusal: MailError,
    at: str,
    origin: Origin,
    sender: ReversePath | None = None,
    recipient: Address | None = None,
) -> None:
    """Write the line of a refusal.

    Args:
        refusal: What speaks against the mail.
        at: Where in the session.
        origin: How the mail comes.
        sender: Of the message, as far as it is known.
        recipient: The recipient it is about.
    """
    said = []
    if origin.user is not None:
        said.append(("user", origin.user))
    if sender is not None:
        said.append(("from", str(sender.address or "")))
    if recipient is not None:
        said.append(("to", str(recipient)))
    said.append(("reason", _reason(refusal)))
    _log.info(
        "mail {result} service={service} client={client} helo={helo} at={at}{said}",
        result="deferred" if isinstance(refusal, TemporaryFailure) else "refused",
        service=origin.service,
        client=origin.client_address or "local",
        helo=_quoted(origin.helo),
        at=at,
        said="".join(f" {name}={_quoted(text)}" for name, text in said),
    )


def _reason(refusal: MailError) -> str:
    if type(refusal) is MailError:
        return str(refusal)
    kind, text = type(refusal).__name__, str(refusal)
    if isinstance(refusal, PolicyRefusal | PolicyDeferral) and refusal.check:
        kind = f"{kind} of {refusal.check}"
    return f"{kind}: {text}" if text else kind


def _quoted(text: str) -> str:
    """Return text in quotes that nothing in it can end, on one line of ASCII."""
    return f'"{_UNSAFE.sub("?", text[:SHOWN])}"'
