"""Numbers and days of the command line: written with the digits 0 to 9, and nothing guessed.

Python reads 1_000 and the digits of all scripts as numbers; whoever types those has made a mistake.
"""

import re
from datetime import datetime
from typing import Any

import click

BIGGEST_ID = 2**63 - 1
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class WholeNumber(click.IntRange):
    """A whole number within bounds, `min` and `max` included."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; wrong usage where it is none."""
        if isinstance(value, str) and not _WHOLE.fullmatch(value):
            self.fail(f"{value!r} is not a whole number in digits 0 to 9.", param, ctx)
        return int(super().convert(value, param, ctx))


class Number(click.FloatRange):
    """A finite number within bounds, `min` and `max` included."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; wrong usage where it is none."""
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            self.fail(f"{value!r} is not a number in digits 0 to 9.", param, ctx)
        number = float(super().convert(value, param, ctx))
        if number in (float("inf"), float("-inf")):
            self.fail(f"{value!r} is too large.", param, ctx)
        return number


class Day(click.DateTime):
    """A day, YYYY-MM-DD."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The day's midnight; wrong usage where it is no day."""
        if isinstance(value, str) and not _DAY.fullmatch(value):
            self.fail(f"{value!r} is not a day such as 2026-01-31.", param, ctx)
        day: datetime = super().convert(value, param, ctx)
        return day


ID = WholeNumber(min=1, max=BIGGEST_ID)
BYTES = WholeNumber(min=0, max=BIGGEST_ID)
NUMBER = Number()
