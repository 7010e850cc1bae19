"""Dates of header fields: read leniently, written as RFC 5322 wants them.

Source: RFC 5322 sections 3.3 and 4.3.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_MONTH = {name.lower().encode(): number for number, name in enumerate(_MONTHS, 1)}

# obs-zone of RFC 5322 section 4.3; the military letters mean -0000 there.
_ZONES = {
    b"edt": -240,
    b"est": -300,
    b"cdt": -300,
    b"cst": -360,
    b"mdt": -360,
    b"mst": -420,
    b"pdt": -420,
    b"pst": -480,
}

# date-time = [ day-of-week "," ] day month year hour ":" minute [":" second] zone
# Lenient: hyphens between day, month and year, long names, dots in the time.
_USUAL = re.compile(
    rb"\s*+(?:[A-Za-z]++\s*+[,.]?\s*+)?([0-9]{1,2})[\s-]++([A-Za-z]{3})[A-Za-z]*+\.?"
    rb"[\s,-]++([0-9]{2,4})(?![0-9])(?:[\s,]++(.*))?",
    re.DOTALL,
)
# Lenient: the form of asctime(3), with or without a zone before the year.
_ASCTIME = re.compile(
    rb"\s*+(?:[A-Za-z]++,?\s++)?([A-Za-z]{3})[A-Za-z]*+\s++([0-9]{1,2}),?\s++"
    rb"([0-9]{1,2}:[0-9:]{2,5})\s++([A-Za-z]++\s++|[+-][0-9]{4}\s++)?([0-9]{4})(?![0-9])"
)
# Lenient: the form of RFC 3339.
_NUMERIC = re.compile(
    rb"\s*+([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt\s]\s*+(.*))?", re.DOTALL
)
_TIME = re.compile(
    rb"([0-9]{1,2})\s*+[:.]\s*+([0-9]{1,2})"
    rb"(?:\s*+[:.]\s*+([0-9]{1,2})(?:[.,][0-9]++)?+)?+\s*+(\S*)"
)
_OFFSET = re.compile(rb"([+-])([0-9]{2}):?([0-9]{2})")
_COMMENT = re.compile(rb"\([^()]*+\)")
_EPOCH = date(1970, 1, 1).toordinal()
_LONGEST = 200


def sent(value: bytes) -> int | None:
    """Return the moment a Date field names.

    A zone that is none counts as UTC, a time that is none as 00:00:00.

    Args:
        value: The value of the field, unfolded.

    Returns:
        Seconds since 1970, UTC, negative before; ``None`` when it has no date.

    Source: RFC 5322 section 3.3, RFC 5256 section 2.2 (what is invalid).
    """
    day, seconds = _moment(value[:_LONGEST])
    if day is None:
        return None
    return (day.toordinal() - _EPOCH) * 86_400 + seconds


def sent_day(value: bytes) -> date | None:
    """Return the day a Date field names, as it is written there.

    Time and zone are disregarded, as SENTBEFORE, SENTON and SENTSINCE want it.

    Args:
        value: The value of the field, unfolded.

    Returns:
        The day; ``None`` when there is none.

    Source: RFC 9051 section 6.4.4.
    """
    return _moment(value[:_LONGEST])[0]


@lru_cache(maxsize=16)
def date_header(epoch: int) -> bytes:
    """Return a moment as the value of a Date field, in UTC.

    Args:
        epoch: Seconds since 1970, from year 1 to 9999.

    Source: RFC 5322 section 3.3.
    """
    moment = datetime.fromtimestamp(epoch, UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04} {moment.hour:02}:{moment.minute:02}:{moment.second:02}"
        " +0000"
    ).encode()


def _moment(value: bytes) -> tuple[date | None, int]:
    """Return the day as written, and the seconds of UTC since its 00:00."""
    while b"(" in value:
        stripped = _COMMENT.sub(b" ", value)
        if stripped == value:
            break
        value = stripped
    match = _USUAL.match(value)
    if match is not None:
        day, month, year, time = match.groups()
        number = _MONTH.get(month.lower(), 0)
    elif (match := _ASCTIME.match(value)) is not None:
        month, day, time, zone, year = match.groups()
        number = _MONTH.get(month.lower(), 0)
        time += b" " + (zone or b"")
    elif (match := _NUMERIC.match(value)) is not None:
        year, month, day, time = match.groups()
        number = int(month)
    else:
        return None, 0
    try:
        return date(_year(year), number, int(day)), _seconds(time or b"")
    except ValueError:
        return None, 0


def _year(digits: bytes) -> int:
    """Return the year that two, three or four digits mean.

    Source: RFC 5322 section 4.3.
    """
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _seconds(time: bytes) -> int:
    """Return time less zone, in seconds; 0 for what is no time."""
    match = _TIME.match(time)
    if match is None:
        return 0
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 60:
        return 0
    zone = match[4]
    offset = _OFFSET.match(zone)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        if int(offset[3]) > 59 or int(offset[2]) > 23:
            minutes = 0
        elif offset[1] == b"-":
            minutes = -minutes
    else:
        minutes = _ZONES.get(zone.lower(), 0)
    return hour * 3600 + minute * 60 + second - minutes * 60
