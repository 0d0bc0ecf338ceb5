"""Faults of a mapping, each with its place, and what was probably meant."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.printable import printable

_LISTED = 24  # names that an error lists


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands in a file; both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where.

    Attributes:
        path: its way in the file (`emit.orders.fields.total_amount`); empty: the file as a whole.
        rule: what was found, and what is allowed.
    """

    file: Path
    place: Place
    path: str
    rule: str

    def __str__(self) -> str:
        where = self.file.relative_to(Path.cwd()) if self.file.is_relative_to(Path.cwd()) else None
        at = f"{where or self.file}:{self.place.line}:{self.place.column}"
        return printable(f"{at}: {self.path} {self.rule}" if self.path else f"{at}: {self.rule}")


class MappingError(ConfigurationError):
    """A mapping is at fault; nothing is read by it.

    Attributes:
        faults: all of them, in the order of the file.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda each: each.place)
        super().__init__("\n".join(map(str, self.faults)))


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.casefold()))


def meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant, else what there is: the end of a sentence that says "unknown"."""
    names = [str(each) for each in known]
    plain = {each.casefold().strip(): each for each in names}
    near = plain.get(name.casefold().strip())
    if near is None:
        near = next(iter(difflib.get_close_matches(name, names, 1)), None)
    if near is None and (words := _words(name)):  # "Total" is "Grand total" now
        near = next((each for each in names if words <= _words(each)), None)
    if near is not None:
        return f", did you mean {near!r}?"
    return f"; allowed are {listed(names)}" if names else ""


def listed(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
