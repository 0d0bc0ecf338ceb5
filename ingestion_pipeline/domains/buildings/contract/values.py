"""What a value is worth: for samples and weather alike; pure."""

import math

from ingestion_pipeline.domains.buildings.contract.windows import BAD, GOOD, TEXT, UNKNOWN

Judged = tuple[float | None, str | None, str]


Value = float | str | bool | None


def judge(value: Value) -> Judged:
    """A value as (finite number, text of what is none, derived quality).

    >>> judge("1.61"), judge("NaN"), judge("active"), judge(None)
    ((1.61, None, 'good'), (None, 'NaN', 'bad'), (None, 'active', 'text'), (None, None, 'unknown'))
    """
    if value is None:
        return None, None, UNKNOWN
    if isinstance(value, bool):
        return None, "true" if value else "false", TEXT
    try:
        # Python reads 1_000 and digits of all scripts as numbers; a sensor sends neither.
        number = float(value) if not isinstance(value, str) or is_plain(value) else None
    except ValueError:
        number = None
    if number is None:
        return None, str(value), TEXT
    return (number, None, GOOD) if math.isfinite(number) else (None, str(value), BAD)


def is_plain(text: str) -> bool:
    """Whether a text is a number to a sensor, too, where it is one to Python."""
    return text.isascii() and "_" not in text
