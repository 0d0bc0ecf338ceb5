"""Numbers, ages and instants as people read them. Pure; what is unknown is a dash."""

import math
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

UNKNOWN = "–"
_THIN = "\u202f"  # between a number and its unit, and never at a line's end
Number = int | float | Decimal
# What systems of buildings call them (Haystack, Brick, UCUM), where people write a sign.
_UNITS = {
    "degC": "°C", "degF": "°F", "Cel": "°C", "celsius": "°C", "fahrenheit": "°F",
    "percent": "%", "%RH": "% RH",
}  # fmt: skip


def number(value: Number | None, unit: str = "") -> str:
    """A number with as many digits as one reads at a glance; the exact one is in the data.

    >>> number(95640.123), number(58.51234), number(0.000123), number(None), number(-0.0)
    ('95,640', '58.51', '0.000123', '–', '0')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    size = abs(float(value))
    if math.isinf(size):
        told = "∞" if value > 0 else "−∞"
    elif size >= 1e15 or 0 < size < 1e-6:
        told = f"{float(value):.3g}"
    elif size >= 10_000:
        told = f"{value:,.0f}"
    elif size >= 1_000:
        told = f"{value:,.1f}".removesuffix(".0")
    elif size >= 1:
        told = _trimmed(f"{value:.{1 if size >= 100 else 2}f}")
    else:
        digits = 2 if size == 0 else max(2, 2 - math.floor(math.log10(size)))
        told = _trimmed(f"{value:.{digits}f}")
    return _signed(told) + _of(unit)


def briefly(value: Number | None) -> str:
    """A number in three or four digits, for where many stand close together.

    >>> briefly(613.19), briefly(20.49), briefly(0.126)
    ('613', '20.5', '0.13')
    """
    if value is None:
        return UNKNOWN
    size = abs(float(value))
    return number(round(float(value), 0 if size >= 100 else 1 if size >= 10 else 2))


def count(value: Number | None, unit: str = "") -> str:
    """A whole number.

    >>> count(1234567), count(None)
    ('1,234,567', '–')
    """
    return UNKNOWN if value is None else _signed(f"{value:,.0f}") + _of(unit)


def money(value: Number | None, unit: str = "") -> str:
    """An amount to the cent; more digits only where it has them.

    >>> money(Decimal("220755.5")), money(Decimal("0.125"))
    ('220,755.50', '0.125')
    """
    if value is None:
        return UNKNOWN
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    exponent = exact.normalize().as_tuple().exponent
    digits = max(2, min(6, -exponent if isinstance(exponent, int) else 2))
    return _signed(f"{exact:,.{digits}f}") + _of(unit)


def average(value: Number | None, unit: str = "") -> str:
    """An amount that was worked out, to the cent.

    >>> average(Decimal("1547.477881")), average(None)
    ('1,547.48', '–')
    """
    return UNKNOWN if value is None else _signed(f"{value:,.2f}") + _of(unit)


def unit_of(unit: str | None) -> str:
    """A unit as people write it.

    >>> unit_of("degC"), unit_of("ppm"), unit_of(None)
    ('°C', 'ppm', '')
    """
    return _UNITS.get(unit or "", unit or "")


def percent(value: Number | None, unit: str = "") -> str:
    """A share in percent, of 0 to 100; of a small one two digits, as rates have.

    >>> percent(9.14), percent(6.25), percent(62.54), percent(100)
    ('9.14\u202f%', '6.25\u202f%', '62.5\u202f%', '100\u202f%')
    """
    if value is None:
        return UNKNOWN
    digits = 2 if abs(float(value)) < 10 else 1
    return number(round(float(value), digits)) + _of(unit or "%")


def change(value: Number | None, unit: str = "") -> str:
    """A change in percent, with its sign.

    >>> change(89.2), change(-3.5), change(0), change(None)
    ('+89\u202f%', '−3.5\u202f%', '0\u202f%', '–')
    """
    if value is None:
        return UNKNOWN
    rounded = round(float(value), 0 if abs(float(value)) >= 10 else 1)
    return ("+" if rounded > 0 else "") + number(rounded) + _of(unit or "%")


def share_of(value: Number | None, base: Number | None) -> float | None:
    """How far a value is from another one, in percent of it; None where that says nothing."""
    if value is None or base is None or base == 0:
        return None
    told = (float(value) - float(base)) / abs(float(base)) * 100
    return told if math.isfinite(told) else None


def age(value: timedelta | None) -> str:
    """How long ago, in the largest unit that tells it.

    >>> age(timedelta(minutes=82)), age(timedelta(hours=12)), age(timedelta(days=40))
    ('82\u202fmin', '12\u202fh', '40\u202fd')
    """
    if value is None:
        return UNKNOWN
    seconds = value.total_seconds()
    for size, name, most in ((1, "s", 120), (60, "min", 120), (3600, "h", 72)):
        if seconds < most * size:
            return f"{seconds / size:.0f}{_THIN}{name}"
    return f"{seconds / 86_400:,.0f}{_THIN}d"


def instant(value: datetime | None, zone: tzinfo, now: datetime | None = None) -> str:
    """A moment in a zone, to the minute; the year where it is another one than now.

    >>> from datetime import UTC
    >>> instant(datetime(2026, 11, 22, 20, 45, tzinfo=UTC), UTC, datetime(2026, 11, 28, tzinfo=UTC))
    'Sun 22 Nov 20:45'
    """
    if value is None:
        return UNKNOWN
    local = value.astimezone(zone)
    year = "" if now is not None and now.astimezone(zone).year == local.year else " %Y"
    return local.strftime(f"%a %-d %b{year} %H:%M")


def day(value: date | None) -> str:
    """A day, as it is written everywhere; of a moment, the day in its own zone.

    >>> day(date(2026, 6, 27))
    '2026-06-27'
    """
    return UNKNOWN if value is None else value.strftime("%Y-%m-%d")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(text: str) -> str:
    """With a minus that is as wide as a plus; a zero has none."""
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _of(unit: str) -> str:
    return _THIN + unit if unit else ""
