"""One thing that can be set, and what is raised when it is set wrong."""

from dataclasses import dataclass


class BadConfig(Exception):
    """Something in the configuration is wrong; the text is one line for people."""


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be set.

    Attributes:
        name: As on the command line, without the dashes, and in the file.
        kind: ``text``, ``number``, ``switch`` or ``list`` (repeatable).
        help: What it does, for ``--help``.
        missing: What does not exist yet, when the key is accepted but its
            back end is not there; ``""`` when it works.
    """

    name: str
    kind: str
    help: str
    missing: str = ""
