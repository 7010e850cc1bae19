"""Flags as letters in file names, and the file that says what a-z mean.

``D F P R S T`` mean the same in every Maildir; ``a`` to ``z`` are the first
twenty-six keywords of one mailbox, named in its ``dovecot-keywords``. A
keyword beyond those is kept by the index alone.

Source: https://cr.yp.to/proto/maildir.html, RFC 9051 section 2.3.2.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from mailframe.limits import IMAPLimits
from mailframe.model.flag import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    SEEN,
    FlagSet,
    intern_flags,
)
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.os_layer import OSLayer

KEYWORDS_FILE = "dovecot-keywords"
_STANDARD = {
    "D": DRAFT,
    "F": FLAGGED,
    "P": "$Forwarded",
    "R": ANSWERED,
    "S": SEEN,
    "T": DELETED,
}
_LETTER_OF = {flag.casefold(): letter for letter, flag in _STANDARD.items()}
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_LINE = re.compile(r"([0-9]{1,2}) ([^\s(){%*\"\\\]\x00-\x1f\x7f]+)\Z")


class Letters:
    """What the letters of one mailbox mean; immutable."""

    def __init__(self, keywords: Sequence[str] = ()) -> None:
        """Learn the mailbox's keywords.

        Args:
            keywords: In the order of their letters; ``""`` for an unused one.
        """
        self.keywords = tuple(keywords[: len(_ALPHABET)])
        self._flag = _STANDARD | {
            letter: keyword
            for letter, keyword in zip(_ALPHABET, self.keywords, strict=False)
            if keyword
        }
        self._letter = {
            flag.casefold(): letter for letter, flag in self._flag.items()
        } | _LETTER_OF
        self._flags_of: dict[str, FlagSet] = {}
        self._letters_of: dict[FlagSet, str] = {}

    def flags(self, letters: str) -> FlagSet:
        """Return the flags; letters that mean nothing are passed over."""
        found = self._flags_of.get(letters)
        if found is None:
            found = intern_flags(
                frozenset(self._flag[one] for one in letters if one in self._flag)
            )
            self._flags_of[letters] = found
        return found

    def letters(self, flags: FlagSet, unknown: str = "") -> str:
        """Return the letters of flags, in ASCII order as every program writes them.

        Args:
            flags: Those without a letter are passed over.
            unknown: Letters on disk whose meaning nobody told us, to be kept.
        """
        found = self._letters_of.get(flags)
        if found is None:
            known = (self._letter.get(flag.casefold()) for flag in flags)
            found = "".join(sorted({letter for letter in known if letter}))
            self._letters_of[flags] = found
        if unknown:
            found = "".join(sorted({*found, *unknown}))
        return found

    def unknown(self, letters: str) -> str:
        """Return the letters that mean nothing here."""
        return "".join(one for one in letters if one not in self._flag)

    def missing(self, flags: FlagSet) -> list[str]:
        """Return the keywords that have no letter yet, sorted."""
        return sorted(
            flag
            for flag in flags
            if not flag.startswith("\\") and flag.casefold() not in self._letter
        )

    @property
    def full(self) -> bool:
        """Whether no letter is left."""
        return len(self.keywords) == len(_ALPHABET) and all(self.keywords)


def read_letters(directory: str) -> Letters:
    """Return what the letters of the mailbox in ``directory`` mean."""
    return Letters(_parsed(read_small(os.path.join(directory, KEYWORDS_FILE))))


def add_keywords(directory: str, keywords: Sequence[str], os_layer: OSLayer) -> Letters:
    """Give letters to more keywords, while there are any, and return all.

    The file is replaced in one step under Dovecot's lock. When another program
    holds that, nothing is given now; whoever asks again may get it.

    Raises:
        OSError: The file cannot be written.
    """
    known: list[str] = []

    def change(octets: bytes) -> bytes | None:
        known[:] = _parsed(octets)
        before = tuple(known)
        folded = {keyword.casefold() for keyword in known} | _LETTER_OF.keys()
        for keyword in keywords:
            if keyword.casefold() in folded or not _LINE.match(f"0 {keyword}"):
                continue
            if "" in known:
                known[known.index("")] = keyword
            elif len(known) < len(_ALPHABET):
                known.append(keyword)
            folded.add(keyword.casefold())
        if tuple(known) == before:
            return None
        return "".join(f"{n} {word}\n" for n, word in enumerate(known) if word).encode()

    with suppress(BlockingIOError):
        change_file(os.path.join(directory, KEYWORDS_FILE), change, os_layer)
        return Letters(known)
    return read_letters(directory)


def _parsed(octets: bytes) -> list[str]:
    known: list[str] = []
    longest = IMAPLimits().keyword_length
    for line in octets.decode("ascii", "replace").split("\n"):
        found = _LINE.match(line)
        if found and int(found[1]) < len(_ALPHABET) and len(found[2]) <= longest:
            known += [""] * (int(found[1]) + 1 - len(known))
            known[int(found[1])] = found[2]
    return known
