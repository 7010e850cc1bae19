"""Results of a searching command that are kept true while the mailbox changes.

Only what changed since is searched again. What the client was told and what is
true are both kept; the difference is told whenever the client may be told
anything, so that nothing has to be in step in between.

Source: RFC 5267 section 4.3.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from mailframe.imap.criterion import (
    Messages,
    SearchKey,
    UIDs,
    depends_on_time,
    leaves,
    rebuilt,
)
from mailframe.imap.search import SearchRequest
from mailframe.imap.search_run import Found, run_scored
from mailframe.imap.searching import Arrange, numbers_in_order
from mailframe.imap.sequence import set_in_order
from mailframe.imap.view import View
from mailframe.model.uid_set import UIDSet


def lasting(request: SearchRequest, view: View) -> SearchRequest:
    """Return a request in which message numbers mean what they mean now.

    Source: RFC 5267 section 4.3.
    """

    def fixed(key: SearchKey) -> SearchKey:
        if not isinstance(key, Messages) or key.by_uid:
            return key
        uids = view.uids
        return UIDs(
            UIDSet.of(
                uid
                for low, high in key.messages.numbers(len(uids))
                for uid in uids[low - 1 : high]
            )
        )

    return SearchRequest(rebuilt(request.key, fixed))


class UpdateContext:
    """A search, or sort, whose changes a client is told of."""

    def __init__(
        self,
        view: View,
        request: SearchRequest,
        *,
        correlator: bytes,
        by_uid: bool,
        arrange: Arrange | None,
        told: Sequence[int],
    ) -> None:
        """Begin with what the client was told.

        Args:
            view: The selected mailbox.
            request: What is searched for; bound.
            correlator: What responses are marked with.
            by_uid: Whether the client is told UIDs.
            arrange: Puts what was found in order; ``None`` for a SEARCH.
            told: The UIDs of what was found, in order.
        """
        self._view = view
        self._request = lasting(request, view)
        self._correlator = correlator
        self._by_uid = by_uid
        self._arrange = arrange
        self._since = view.listing.highest_modseq
        # Searched anew as a whole: time passes, and scores are of what is found.
        self._timed = self._request.fuzzy or any(
            map(depends_on_time, leaves(self._request.key))
        )
        self._found = UIDSet.of(told)
        self._told = self._found
        self._order = self._told_order = list(told) if arrange is not None else []

    async def follow(self) -> None:
        """Find out what is true now.

        Raises:
            NoSuchMailbox: The mailbox was deleted.
            TemporaryFailure: Messages cannot be read now.
        """
        view = self._view
        listing = view.listing
        changed = UIDSet.of(
            uid
            for uid, modseq in zip(listing.uids, listing.modseqs, strict=True)
            if modseq > self._since or self._timed
        )
        found = await run_scored(view, self._request, changed)
        there = UIDSet.of(listing.uids) - view.ghosts
        now = ((self._found - changed) | found.uids) & there
        if self._arrange is not None and now != self._found:
            self._order = await self._arrange(view, Found(now, found.scores))
        self._found = now
        self._since = listing.highest_modseq

    @property
    def told(self) -> UIDSet:
        """The messages the client knows to be in the result."""
        return self._told

    def removed(self, among: UIDSet | None) -> bytes:
        """Return the response about what does not match any more, or nothing.

        To be put while every message that is gone still has its number.

        Source: RFC 5267 section 4.3.4, RFC 5465 section 5.1.
        """
        gone = self._told - self._found
        if among is not None:
            gone &= among
        if self._arrange is None:
            self._told -= gone
            return self._response(b"REMOVEFROM", [(0, list(gone))] if gone else [])
        told = self._told_order
        kept = [uid for uid in told if uid not in gone]
        remaining = set(kept)
        order = [uid for uid in self._order if uid in remaining]
        if among is None and kept != order:
            # What is left is in another order now: begin anew.
            gone, kept = self._told, []
        if not gone:
            return b""
        self._told, self._told_order = self._told - gone, kept
        # From the end, so that no position moves before it is named.
        return self._response(b"REMOVEFROM", list(_runs(told, gone))[::-1])

    def added(self) -> bytes:
        """Return the response about what matches now, or nothing.

        To be put when every new message has a number.

        Source: RFC 5267 section 4.3.3.
        """
        new = self._found - self._told
        if not new:
            return b""
        self._told = self._found
        if self._arrange is None:
            return self._response(b"ADDTO", [(0, list(new))])
        self._told_order = self._order
        return self._response(b"ADDTO", list(_runs(self._order, new)))

    def _response(self, item: bytes, runs: list[tuple[int, list[int]]]) -> bytes:
        if not runs:
            return b""
        pairs = b" ".join(
            b"%d %b" % (position, set_in_order(self._numbers(uids)))
            for position, uids in runs
        )
        return b"* ESEARCH%b%b %b (%b)\r\n" % (
            self._correlator,
            b" UID" if self._by_uid else b"",
            item,
            pairs,
        )

    def _numbers(self, uids: Sequence[int]) -> Sequence[int]:
        return uids if self._by_uid else numbers_in_order(uids, self._view)


def _runs(order: Sequence[int], uids: UIDSet) -> Iterator[tuple[int, list[int]]]:
    """Yield where some of a list are: position from 1, and those in a row."""
    wanted = set(uids)
    places = enumerate(order, 1)
    for chosen, run in groupby(places, key=lambda place: place[1] in wanted):
        if chosen:
            found = list(run)
            yield found[0][0], [uid for _, uid in found]
