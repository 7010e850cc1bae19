"""Octets for a client of ours, cut as a network may cut them."""

from typing import Any


def feed(client: Any, octets: bytes, step: int = 0) -> list[Any]:
    """Give octets to a client in pieces; return its events, contents joined.

    Args:
        client: Of IMAP or POP3.
        octets: What the server says.
        step: Octets of a piece; 0 for all at once.
    """
    events: list[Any] = []
    for start in range(0, len(octets), step or len(octets)):
        client.receive(octets[start : start + (step or len(octets))])
        while (event := client.next_event()) is not None:
            if hasattr(event, "octets") and events and type(events[-1]) is type(event):
                event = type(event)(events.pop().octets + event.octets)
            events.append(event)
    return events
