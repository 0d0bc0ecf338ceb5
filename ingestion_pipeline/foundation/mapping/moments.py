"""Dates and times as a mapping says that they are written, in the directives of `strptime`.

    %Y %y %m %d %H %I %p %M %S %f %z, %b %B for the names of months in the mapping's languages,
    and %Z for an offset that is said by a name (PDT, GMT+01:00)
    unix, unix_ms: seconds or milliseconds since 1970-01-01T00:00Z, also with decimals

A format is compiled once: `datetime.strptime` works it out for every value. A date without a time
is no instant of any zone: it stays the day that was written, whatever the zone is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.months import months_of, plain
from ingestion_pipeline.foundation.mapping.refusals import Refusal

ENGLISH = ("en",)
# Hours from UTC of the names that platforms write: those of North America, and of Europe's.
_HOURS = {
    "UTC": 0, "GMT": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5,
    "EST": -5, "EDT": -4, "BST": 1, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2,
    "EET": 2, "EEST": 3, "JST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip
_LETTERS = r"(?:[^\W\d_]|[\u0300-\u036f])+"  # also with accents of their own
_DIRECTIVES = {
    "Y": r"(?P<Y>[0-9]{4})", "y": r"(?P<y>[0-9]{2})", "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})", "H": r"(?P<H>[0-9]{1,2})", "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})", "S": r"(?P<S>[0-9]{2})", "f": r"(?P<f>[0-9]{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)", "z": r"(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})",
    "Z": r"(?P<Z>(?:GMT|UTC)[+-][0-9]{1,2}(?::?[0-9]{2})?|[A-Z]{3,4})",
    "b": rf"(?P<b>{_LETTERS})\.?", "B": rf"(?P<b>{_LETTERS})\.?",
}  # fmt: skip
_STAMPS = {
    "unix": r"(?P<unix>-?[0-9]{1,12}(?:\.[0-9]{1,9})?)",
    "unix_ms": r"(?P<unix_ms>-?[0-9]{1,15}(?:\.[0-9]{1,6})?)",
}
_MICROSECONDS = {"unix": 1_000_000, "unix_ms": 1_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = ", ".join(f"%{each}" for each in _DIRECTIVES)
_TIMES = set("HIMSf")
_CENTURY = 2000


class BadFormatError(ValueError):
    """A format can't be one."""


@lru_cache(maxsize=256)
def moment_reader(
    formats: tuple[str, ...], zone: ZoneInfo | None, languages: tuple[str, ...] = ENGLISH
) -> Callable[[str], datetime | Refusal]:
    """What makes an instant of a text that is written in one of some formats.

    Args:
        formats: tried in order.
        zone: of a time without an offset; None: such a time is refused.
        languages: of the names of months.

    Raises:
        BadFormatError: a format has no day or month, twice the same, or an unknown directive.
    """
    number_of = months_of(languages)
    readers = [_reader(each, zone, number_of) for each in formats]
    written = " or ".join(formats)

    def read(text: str) -> datetime | Refusal:
        for each in readers:
            moment = each(text)
            if moment is not None:
                return moment
        return Refusal(f"is not a date written like {written}", text)

    return read


def _reader(
    text: str, zone: ZoneInfo | None, number_of: dict[str, int]
) -> Callable[[str], datetime | None]:
    """What reads a text that is written in one format."""
    pattern = _pattern(text)
    names = set(pattern.groupindex)
    is_instant = names == set("YmdHMS") and zone is not None and zone.key == "UTC"
    if names == set("Ymd") or is_instant:
        return partial(_numbers_only, pattern, "YmdHMS" if is_instant else "Ymd")

    def read(text: str) -> datetime | None:
        found = pattern.fullmatch(text)
        return None if found is None else _moment(found.groupdict(), zone, number_of)

    return read


def _numbers_only(pattern: re.Pattern[str], order: str, text: str) -> datetime | None:
    """What most exports have, as `_moment` makes it, without the questions of the others."""
    found = pattern.fullmatch(text)
    try:
        return None if found is None else datetime(*map(int, found.group(*order)), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def _pattern(text: str) -> re.Pattern[str]:
    if text in _STAMPS:
        return re.compile(_STAMPS[text])
    parts, at, seen = [], 0, ""
    while at < len(text):
        if text[at] != "%":
            parts.append(r"\s+" if text[at] == " " else re.escape(text[at]))
            at += 1
            continue
        name = text[at + 1 : at + 2]
        if name not in _DIRECTIVES:
            raise BadFormatError(f"has the directive %{name}, and may have {_TOLD}")
        name_in = "b" if name == "B" else name
        if name_in in seen:
            raise BadFormatError(f"has %{name} twice")
        seen += name_in
        parts.append(_DIRECTIVES[name])
        at += 2
    if "z" in seen and "Z" in seen:
        raise BadFormatError("has %z and %Z, and may have one of them")
    if not set(seen) & set("Yy") or not set(seen) & set("mb"):
        raise BadFormatError(
            f"is {text!r}, and must say year and month, as %Y-%m-%d does, or be unix or unix_ms"
        )
    if "d" not in seen and set(seen) & _TIMES:
        raise BadFormatError(f"is {text!r}: a time needs the day (%d)")
    return re.compile("".join(parts))


def _moment(
    found: dict[str, str], zone: ZoneInfo | None, number_of: dict[str, int]
) -> datetime | None:
    try:
        for name, each in _MICROSECONDS.items():
            if name in found:  # exactly: a float has no microseconds of today
                return _EPOCH + timedelta(microseconds=int(Decimal(found[name]) * each))
        hour = int(found.get("H") or found.get("I") or 0)
        if half := found.get("p"):
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if half[0] in "Pp" else 0)
        moment = datetime(  # noqa: DTZ001 (its zone comes next)
            int(found["Y"]) if "Y" in found else _CENTURY + int(found["y"]),
            int(found["m"]) if "m" in found else number_of[plain(found["b"])],
            int(found.get("d", 1)),
            hour,
            int(found.get("M", 0)),
            int(found.get("S", 0)),
            int(found.get("f", "0")[:6].ljust(6, "0")),
        )
        if "H" not in found and "I" not in found:
            return moment.replace(tzinfo=UTC)
        if "z" in found:
            moment = moment.replace(tzinfo=_offset(found["z"]))
        elif "Z" in found:
            moment = moment.replace(tzinfo=_named(found["Z"]))
        elif zone is not None:
            moment = moment.replace(tzinfo=UTC if zone.key == "UTC" else zone)
        else:
            return None
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None


def _offset(text: str) -> timezone:
    if text in ("Z", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _named(text: str) -> timezone:
    """The offset that a name says: `PDT`, `GMT+1`, `UTC-03:30`.

    Raises:
        KeyError: it is none of those that are known.
    """
    name, rest = text[:3], text[3:]
    if rest[:1] not in ("+", "-"):
        return timezone(timedelta(hours=_HOURS[text]))
    hours, _, minutes = rest[1:].partition(":") if ":" in rest else (rest[1:3], "", rest[3:])
    offset = timedelta(hours=_HOURS[name] + int(hours), minutes=int(minutes or 0))
    return timezone(-offset if rest[0] == "-" else offset)
