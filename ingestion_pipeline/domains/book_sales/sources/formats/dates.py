"""How a date can be read: for certain, or by the order of day and month.

Certain are ISO 8601 (`2026-04`, `2026-04-03`, also with slashes or points, with a time behind),
names of months (`April 2026`, `3 abril 2026`, `Apr 3, 2026`, `3-Apr-26`) and the day numbers of
spreadsheets. What has the year last (`03/04/2026`, `3.4.26`) is read by an order; years of two
digits are of this century, and may stand first as well.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from ingestion_pipeline.domains.book_sales.contract.events import DAY, MONTH

DMY, MDY, YMD = "dmy", "mdy", "ymd"
CERTAIN = ""  # the order of what needs none

_FIRST = date(1990, 1, 1)  # nobody of these platforms sold before
_TIME = (
    r"(?:(?:[ ]+|T)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r"(?:[ ]?(?P<half>[AaPp][Mm]))?)?"
)
_ISO = re.compile(
    r"(?P<year>[0-9]{4})(?P<by>[-/.])(?P<month>[0-9]{1,2})"
    r"(?:(?P=by)(?P<day>[0-9]{1,2})" + _TIME + ")?"
)
_ORDERED = re.compile(
    r"(?P<a>[0-9]{1,2})(?P<by>[-/.])(?P<b>[0-9]{1,2})(?P=by)(?P<c>[0-9]{4}|[0-9]{2})" + _TIME
)
_SERIAL = re.compile(r"(?P<days>[0-9]{5})(?:[.,](?P<fraction>[0-9]+))?")
_NAMED = (
    re.compile(r"(?P<name>[^\W\d_]+)\.?(?: de| del)? (?P<year>[0-9]{4})"),
    re.compile(
        r"(?P<day>[0-9]{1,2})\.?[ -](?:de )?(?P<name>[^\W\d_]+)\.?[ -](?:de )?"
        r"(?P<year>[0-9]{4})"
    ),
    re.compile(r"(?P<day>[0-9]{1,2})-(?P<name>[^\W\d_]+)\.?-(?P<year>[0-9]{2})"),
    re.compile(r"(?P<name>[^\W\d_]+)\.? (?P<day>[0-9]{1,2}), (?P<year>[0-9]{4})"),
    re.compile(r"(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?:(?P<day>[0-9]{1,2})日)?"),
)
# In the languages of KDP's site: English, Spanish, German, French, Italian, Portuguese, Dutch.
_MONTHS = (
    "january jan enero januar janvier gennaio janeiro januari",
    "february feb febrero februar fevrier febbraio fevereiro februari",
    "march mar marzo marz mars marco maart",
    "april apr abril avril aprile",
    "may mayo mai maggio maio mei",
    "june jun junio juni juin giugno junho",
    "july jul julio juli juillet luglio julho",
    "august aug agosto aout augustus",
    "september sep sept septiembre septembre settembre setembro",
    "october oct octubre oktober octobre ottobre outubro",
    "november nov noviembre novembre novembro",
    "december dec diciembre dezember decembre dicembre dezembro",
)
_BY_NAME = {name: at for at, names in enumerate(_MONTHS, start=1) for name in names.split()}


@dataclass(frozen=True)
class Moment:
    """An instant as the report has it, taken for UTC, and whether it is a day or a whole month."""

    at: datetime
    precision: str


def readings(text: str, *, epoch_1904: bool = False) -> Mapping[str, Moment]:
    """What a text can mean by the order of day and month; `CERTAIN` where it needs none."""
    plain = " ".join(text.replace("\u00a0", " ").split())
    if found := _ISO.fullmatch(plain):
        return _certain(found["year"], found["month"], found["day"], _clock(found))
    if found := _SERIAL.fullmatch(plain):
        serial = Decimal(f"{found['days']}.{found['fraction'] or 0}")
        moment = of_serial(serial, epoch_1904=epoch_1904)
        return {CERTAIN: moment} if moment else {}
    if found := _ORDERED.fullmatch(plain):
        return _by_order(found)
    for pattern in _NAMED:
        if found := pattern.fullmatch(plain):
            parts = found.groupdict()
            month = parts.get("month") or _BY_NAME.get(_folded(parts.get("name") or ""))
            year = parts["year"] if len(parts["year"]) == 4 else f"20{parts['year']}"
            return _certain(year, month, parts.get("day"), time())
    return {}


def of_serial(serial: Decimal, *, epoch_1904: bool) -> Moment | None:
    """The day of a spreadsheet's number of days; None where nobody can have meant one.

    1900's count begins on 1899-12-30, so that it is right from March 1900 on; old Macintoshes'
    on 1904-01-01 (ECMA-376 part 1, 18.17.4).
    """
    first = datetime(1904, 1, 1, tzinfo=UTC) if epoch_1904 else datetime(1899, 12, 30, tzinfo=UTC)
    if not 0 < serial < 1_000_000:
        return None
    at = first + timedelta(seconds=round(serial * 86_400))
    return Moment(at, DAY) if at.date() >= _FIRST else None


def is_serial(text: str) -> bool:
    """Whether a text is a spreadsheet's number of days."""
    return _SERIAL.fullmatch(text.strip()) is not None


def _by_order(found: re.Match[str]) -> Mapping[str, Moment]:
    a, b, c = found["a"], found["b"], found["c"]
    orders = {DMY: (c, b, a), MDY: (c, a, b)}
    if len(c) == 2:
        orders[YMD] = (a, b, c)
    meant: dict[str, Moment] = {}
    for order, (year, month, day) in orders.items():
        full = year if len(year) == 4 else f"20{year:0>2}"
        for moment in _certain(full, month, day, _clock(found)).values():
            meant[order] = moment
    return meant


def _certain(
    year: str, month: str | int | None, day: str | None, clock: time | None
) -> dict[str, Moment]:
    if month is None or clock is None:
        return {}
    try:
        at = datetime.combine(date(int(year), int(month), int(day or 1)), clock, tzinfo=UTC)
    except ValueError:
        return {}
    return {CERTAIN: Moment(at, DAY if day else MONTH)} if at.date() >= _FIRST else {}


def _clock(found: re.Match[str]) -> time | None:
    """The time behind a date, midnight without one; None: no time has such numbers."""
    if found["hour"] is None:
        return time()
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    try:
        return time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        return None


def _folded(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
