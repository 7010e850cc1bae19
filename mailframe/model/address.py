"""Addresses as envelopes have them: a local part at a domain.

Source: RFC 5321 sections 2.3.11, 2.4 and 4.1.2, RFC 6531 section 3.3.
"""

import re
import unicodedata
from dataclasses import dataclass

# Dot-string = Atom *("."  Atom)                     ; RFC 5321 section 4.1.2
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\u2027\u202a-\U0010ffff-]"
_DOT_STRING = re.compile(rf"{_ATEXT}++(?:\.{_ATEXT}++)*+")
_SPECIAL = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox address.

    Attributes:
        local: The local part, unquoted, its case kept.
        domain: In lower case, or an address literal with its brackets; empty
            only for the ``postmaster`` of RFC 5321 section 4.5.1.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        """Return ``local@domain`` without quoting, for lookups and logs."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    def written(self) -> str:
        """Return it as commands, replies and fields have it, quoted if need be.

        Source: RFC 5321 section 4.1.2 (Mailbox).
        """
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = '"' + _SPECIAL.sub(r"\\\g<0>", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local

    def canonical(self) -> "Address":
        """Return it with its domain in the one form domains are compared in."""
        domain = canonical_domain(self.domain)
        return self if domain == self.domain else Address(self.local, domain)


def canonical_domain(domain: str) -> str:
    """Return a domain as domains are compared: lower case, U-labels.

    Source: RFC 5890 section 2.3.2.1 (A-labels and U-labels).
    """
    if domain.isascii() and "xn--" not in (lower := domain.lower()):
        return lower
    normal = unicodedata.normalize("NFC", domain.lower())
    return ".".join(map(_u_label, normal.split(".")))


def ascii_domain(domain: str) -> str:
    """Return a domain as DNS has it: lower case, A-labels.

    Source: RFC 5890 section 2.3.2.1 (A-labels and U-labels).
    """
    if domain.isascii():
        return domain.lower()
    return ".".join(map(_a_label, canonical_domain(domain).split(".")))


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
        # One name for one domain: a label that needed no encoding, or one that
        # would be encoded differently, is not an A-label.
        if text.isascii() or text.encode("punycode").decode("ascii") != label[4:]:
            return label
    except UnicodeError:
        return label
    return unicodedata.normalize("NFC", text.lower())


def _a_label(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode").decode("ascii")
