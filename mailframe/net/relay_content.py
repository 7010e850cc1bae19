"""A message in the form that one server takes.

Most servers take every message as it is, and its content is read piece by piece
while it is sent. Only for a server without 8BITMIME is it looked at before, and
only if it really has eight bits is it taken into memory and converted.

Source: RFC 6152 section 3, RFC 6531 section 3.2, RFC 3030 section 3.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from mailframe.interfaces.content import IContent
from mailframe.mime.header import header_end
from mailframe.model.address import Address, ascii_domain
from mailframe.model.envelope import BodyType, ForwardPath, ReversePath
from mailframe.smtp.client_commands import Delivery
from mailframe.smtp.client_downgrade import downgrade, has_long_line, needs_downgrade
from mailframe.smtp.client_offer import Offer
from mailframe.smtp.client_transaction import takes_binary

PIECE = 131_072
"""Octets read and sent at once."""

HEADER = 1_048_576
"""Octets of a message in which its header is looked for."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message for one server.

    Attributes:
        delivery: The transaction, its parameters as they have become.
        pieces: Returns the content, from its beginning at each call; every
            piece but the last has ``PIECE`` octets.
        octets: All of the content, when it is at hand and no more than that;
            else ``None``.
    """

    delivery: Delivery
    pieces: Callable[[], AsyncIterator[bytes]]
    octets: bytes | None = None


async def prepare(
    reverse_path: ReversePath,
    forward_paths: Sequence[ForwardPath],
    content: IContent,
    offer: Offer,
    now: float,
) -> Prepared:
    """Return a message as this server takes it, or as near as can be.

    Args:
        reverse_path: The sender and what the content was said to be.
        forward_paths: The recipients of this transaction.
        content: The octets.
        offer: What the server offers.
        now: Seconds since 1970.

    Raises:
        MailError: The content cannot be read.
    """
    path, paths = await _addresses(reverse_path, tuple(forward_paths), content, offer)
    converted: list[bytes] | None = None
    body = path.body
    if body is BodyType.BINARY_MIME and not takes_binary(offer):
        fits = await _fits(content, "8BITMIME" in offer)
        body = BodyType.EIGHT_BIT_MIME if "8BITMIME" in offer else BodyType.SEVEN_BIT
        if not fits:
            converted = await _converted(content)
            body = BodyType.SEVEN_BIT
    elif "8BITMIME" not in offer:
        if not await _is_seven_bit(content):
            converted = await _converted(content)
        body = BodyType.SEVEN_BIT
    size = content.size if converted is None else sum(map(len, converted))
    deliver_by = path.deliver_by
    by = None if deliver_by is None else int(deliver_by.at - now)
    if body is not path.body:
        path = replace(path, body=body)
    delivery = Delivery(path, paths, size, by)
    if converted is None:
        octets = content.octets if content.size <= PIECE else None
        return Prepared(delivery, lambda: pieces(content), octets)
    return Prepared(delivery, lambda: _given(converted))


async def pieces(content: IContent) -> AsyncIterator[bytes]:
    """Yield the octets of a content."""
    octets = content.octets
    for start in range(0, content.size, PIECE):
        if octets is not None:
            yield octets[start : start + PIECE]
        else:
            yield await content.read(start, start + PIECE)


async def header(content: IContent) -> bytes:
    """Return the header of a content, or as much of it as is looked at."""
    octets: bytes = await content.read(0, HEADER)
    return octets[: header_end(octets)]


async def _given(converted: Sequence[bytes]) -> AsyncIterator[bytes]:
    octets = b"".join(converted)
    for start in range(0, len(octets), PIECE):
        yield octets[start : start + PIECE]


async def _addresses(
    path: ReversePath,
    paths: tuple[ForwardPath, ...],
    content: IContent,
    offer: Offer,
) -> tuple[ReversePath, tuple[ForwardPath, ...]]:
    """Return the addresses in ASCII, where they can be and have to be.

    Source: RFC 6531 section 3.2 (a client may convert domains to A-labels).
    """
    wide = any(not _is_ascii(one.address) for one in paths)
    wide = wide or (path.address is not None and not _is_ascii(path.address))
    if not (wide or path.smtputf8) or "SMTPUTF8" in offer:
        return (replace(path, smtputf8=True) if wide else path), paths
    sender = None if path.address is None else _in_ascii(path.address)
    paths = tuple(replace(one, address=_in_ascii(one.address)) for one in paths)
    needed = (
        any(not _is_ascii(one.address) for one in paths)
        or (sender is not None and not _is_ascii(sender))
        or (path.smtputf8 and not (await header(content)).isascii())
    )
    return replace(path, address=sender, smtputf8=needed), paths


def _is_ascii(address: Address) -> bool:
    return address.local.isascii() and address.domain.isascii()


def _in_ascii(address: Address) -> Address:
    return Address(address.local, ascii_domain(address.domain))


async def _is_seven_bit(content: IContent) -> bool:
    async for piece in pieces(content):
        if needs_downgrade(piece):
            return False
    return True


async def _fits(content: IContent, eight_bit: bool) -> bool:
    """Tell whether binary content happens to be text that DATA can carry."""
    octets = await _whole(content)
    if b"\0" in octets or has_long_line(octets):
        return False
    pairs = octets.count(b"\r\n")
    if octets.count(b"\n") != pairs or octets.count(b"\r") != pairs:
        return False
    return eight_bit or octets.isascii()


async def _converted(content: IContent) -> list[bytes]:
    return list(downgrade(await _whole(content)))


async def _whole(content: IContent) -> bytes:
    if content.octets is not None:
        octets: bytes = content.octets
        return octets
    return b"".join([piece async for piece in pieces(content)])
