"""Dates and times as a mapping says that they are written, in the directives of `strptime`.

    %Y %y %m %d %H %I %p %M %S %f %z, and %b %B for the names of months

A format is compiled once: `datetime.strptime` works it out for every value. A date without a time
is no instant of any zone: it stays the day that was written, whatever the zone is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.refusals import Refusal

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_NUMBER_OF = {name: number for number, name in enumerate(_MONTHS, start=1)}
_NUMBER_OF |= {name[:3]: number for name, number in _NUMBER_OF.items()} | {"sept": 9}
_DIRECTIVES = {
    "Y": r"(?P<Y>[0-9]{4})", "y": r"(?P<y>[0-9]{2})", "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})", "H": r"(?P<H>[0-9]{1,2})", "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})", "S": r"(?P<S>[0-9]{2})", "f": r"(?P<f>[0-9]{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)", "z": r"(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})",
    "b": r"(?P<b>[A-Za-z]+)\.?", "B": r"(?P<b>[A-Za-z]+)\.?",
}  # fmt: skip
_TOLD = ", ".join(f"%{each}" for each in _DIRECTIVES)
_TIMES = set("HIMSf")
_CENTURY = 2000


class BadFormatError(ValueError):
    """A format can't be one."""


@lru_cache(maxsize=256)
def moment_reader(
    formats: tuple[str, ...], zone: ZoneInfo | None
) -> Callable[[str], datetime | Refusal]:
    """What makes an instant of a text that is written in one of some formats.

    Args:
        formats: tried in order.
        zone: of a time without an offset; None: such a time is refused.

    Raises:
        BadFormatError: a format has no day or month, twice the same, or an unknown directive.
    """
    patterns = [_pattern(each) for each in formats]
    written = " or ".join(formats)

    def read(text: str) -> datetime | Refusal:
        for pattern in patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                moment = _moment(found.groupdict(), zone)
                if moment is not None:
                    return moment
        return Refusal(f"is not a date written like {written}", text)

    return read


def _pattern(text: str) -> re.Pattern[str]:
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
    if not set(seen) & set("Yy") or not set(seen) & set("mb"):
        raise BadFormatError(f"is {text!r}, and must say year and month, as %Y-%m-%d does")
    if "d" not in seen and set(seen) & _TIMES:
        raise BadFormatError(f"is {text!r}: a time needs the day (%d)")
    return re.compile("".join(parts))


def _moment(found: dict[str, str], zone: ZoneInfo | None) -> datetime | None:
    try:
        hour = int(found.get("H") or found.get("I") or 0)
        if half := found.get("p"):
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if half[0] in "Pp" else 0)
        moment = datetime(  # noqa: DTZ001 (its zone comes next)
            int(found["Y"]) if "Y" in found else _CENTURY + int(found["y"]),
            int(found["m"]) if "m" in found else _NUMBER_OF[found["b"].casefold()],
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
        elif zone is not None:
            moment = moment.replace(tzinfo=zone)
        else:
            return None
        return moment.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None


def _offset(text: str) -> timezone:
    if text in ("Z", "UTC"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
