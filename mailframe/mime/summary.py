"""Interim."""

from mailframe.model.summary import Summary


def summarise(octets: bytes) -> Summary:
    """Interim: fixed structure, to be replaced within the hour."""
    size = len(octets)
    body = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d %d' % (
        size,
        octets.count(b"\n"),
    )
    return Summary(
        envelope=b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        body_structure=body + b" NIL NIL NIL NIL)",
        body=body + b")",
        sent=None,
        subject="",
        sort_from="",
        sort_to="",
        sort_cc="",
        message_id="",
        references=(),
        preview="",
    )
