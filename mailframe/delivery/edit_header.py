"""Changes of a header, as checks ask for them. Pure.

Fields that are not named stay octet for octet as they were.

Source: RFC 5322 section 2.2 (fields and folding).
"""

import re
from collections.abc import Iterable

from mailframe.interfaces.check import AddField, ChangeField, Edit

# A field: its first line and the lines that begin with white space.
_FIELD = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*|[^\n]+\Z")
_NAME = re.compile(rb"[!-9;-~]{1,200}")
_BARE = re.compile(rb"\r\n|\r|\n")


def edited(header: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a header with changes made, one after another.

    Args:
        header: A message's, with or without its final empty line.
        edits: What to change. One with a name no field can have is left out.
    """
    end = b"\r\n" if header.endswith(b"\r\n\r\n") or header == b"\r\n" else b""
    fields = _FIELD.findall(header[: len(header) - len(end)])
    for edit in edits:
        if not _NAME.fullmatch(edit.name):
            continue
        if isinstance(edit, AddField):
            place = len(fields) if edit.place is None else max(0, edit.place)
            fields.insert(place, field_octets(edit.name, edit.value))
        else:
            _change(fields, edit)
    return b"".join(fields) + end


def field_octets(name: bytes, value: bytes) -> bytes:
    """Return a field with its CRLF; no line of ``value`` can end it early."""
    lines = _BARE.split(value.rstrip(b"\r\n").replace(b"\0", b""))
    folded = [lines[0]]
    for line in lines[1:]:
        if line.strip():
            folded.append(line if line[:1] in (b" ", b"\t") else b"\t" + line)
    gap = b"" if lines[0][:1] in (b" ", b"\t", b"") else b" "
    return name + b":" + gap + b"\r\n".join(folded) + b"\r\n"


def _change(fields: list[bytes], edit: ChangeField) -> None:
    wanted = edit.name.lower()
    left = edit.number
    for at, field in enumerate(fields):
        if field.partition(b":")[0].rstrip(b" \t").lower() == wanted:
            left -= 1
            if left == 0:
                if edit.value is None:
                    del fields[at]
                else:
                    fields[at] = field_octets(edit.name, edit.value)
                return
    if edit.value is not None:
        fields.append(field_octets(edit.name, edit.value))
