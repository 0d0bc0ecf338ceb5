"""What the columns of a sample hold: in which ways their texts can be read as dates and numbers,
and what each column seems to be by its name. More than one way is told, and never decided here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Numbers

_NEARLY_ALL = 0.75  # of the different values of a column
_FIRST = 6  # values by which most formats are out
_ZONE = ZoneInfo("UTC")
_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y",
    "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d",
    "%b %d, %Y", "%b %d %Y", "%d %b %Y", "%d. %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b-%d-%y",
    "%b %d, %y", "%Y%m%d",
)  # fmt: skip
_TIMES = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", " %I:%M %p",
    " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", ", %I:%M %p", ", %I:%M:%S %p",
)  # fmt: skip
_OFFSETS = ("", "%z", " %z", " %Z")
_FORMATS = (
    *(f"{day}{time}{offset}" for day, time, offset in product(_DAYS, _TIMES, _OFFSETS)
      if time or not offset),
    "%b-%y", "%b %Y", "%Y-%m", "%m/%Y",
)  # fmt: skip
_LANGUAGES = ("en", "de", "fr", "it", "es", "nl", "pt")
_POINTS = ((".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))
SIGNS = tuple(
    Numbers(decimal, group, symbols=symbols) for symbols in (False, True)
    for decimal, group in _POINTS
)  # fmt: skip
# Letters that are no other letter with an accent.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
NOTHING = frozenset({"--", "-", "—", "n/a", "na", "null", "none", "nan", "(blank)"})


@dataclass(frozen=True)
class Found:
    """A column of a file.

    Attributes:
        values: those that say something, each once.
        dates: formats in which nearly all of them can be read.
        mixed: formats that only together read all of them, each in one way.
        numbers: ways in which they can be read as numbers.
        blanks: texts that stand for nothing.
    """

    name: str
    values: Sequence[str]
    dates: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    numbers: tuple[Numbers, ...] = ()
    blanks: tuple[str, ...] = ()


def found_in(name: str, cells: Iterable[str]) -> Found:
    """What a column's cells can be read as."""
    said = list(dict.fromkeys(cell.strip().removeprefix("'") for cell in cells if cell.strip()))
    blanks = tuple(each for each in said if each.casefold() in NOTHING)
    values = [each for each in said if each not in blanks]
    likely = [each for each in _FORMATS if any(_might_be(each, value) for value in values[:_FIRST])]
    dates = _best({each: moment(each) for each in likely}, values)
    numbers = _best({each: number_reader(each) for each in SIGNS}, values, spare=1)
    mixed = () if dates or numbers else _together(values)
    return Found(name, values, tuple(dates), mixed, tuple(numbers), blanks)


def _together(values: Sequence[str]) -> tuple[str, ...]:
    """Formats of a column that has several, where each value is one day by all that read it."""
    likely = [each for each in _FORMATS if any(_might_be(each, value) for value in values)]
    left = {value: {} for value in values}  # type: dict[str, dict[str, object]]
    for value, ways in left.items():
        ways |= {each: read for each in likely if _might_be(each, value)
                 if not isinstance(read := moment(each)(value), Refusal)}  # fmt: skip
        if len(set(ways.values())) != 1:
            return ()
    chosen: list[str] = []
    while left:
        times = Counter(each for ways in left.values() for each in ways)
        chosen.append(max(times, key=lambda each: (times[each], -_FORMATS.index(each))))
        left = {value: ways for value, ways in left.items() if chosen[-1] not in ways}
    return tuple(chosen)


def _might_be(format_: str, value: str) -> bool:
    """Whether the signs between a format's parts are in a text; most formats are out by it."""
    signs = _literals(format_)
    return signs <= set(value) and (":" in value) == (":" in signs)


@cache
def _literals(format_: str) -> frozenset[str]:
    return frozenset(re.sub(r"%.", "", format_))


def _best(
    ways: Mapping[Any, Callable[[str], object]], values: Sequence[str], *, spare: int = 0
) -> list[Any]:
    """The ways that read the most values: nearly all, as below a table may stand words; of few, all
    but so many `spare` ones.
    """
    beginning = values[:_FIRST]
    likely = [way for way, read in ways.items() if _read(read, beginning) * 2 >= len(beginning)]
    understood = {way: _read(ways[way], values) for way in likely}
    most = max(understood.values(), default=0)
    enough = min(_NEARLY_ALL * len(values), max(len(values) - spare, spare + 1))
    if not most or most < enough:
        return []
    return [way for way, number in understood.items() if number == most]


def _read(read: Callable[[str], object], values: Sequence[str]) -> int:
    return sum(not isinstance(read(each), Refusal) for each in values)


@cache
def moment(format_: str) -> Callable[[str], object]:
    """What reads a date in a format, months in any language that we know."""
    return moment_reader((format_,), _ZONE, _LANGUAGES)


def readings(found: Found) -> list[str]:
    """Formats under which a column's values come to different days; the first of each reading."""
    different: dict[tuple[object, ...], str] = {}
    for each in found.dates:
        read = moment(each)
        different.setdefault(tuple(read(value) for value in found.values), each)
    return list(different.values())


def plain(name: str) -> str:
    """A column's name as words: without case, accents and signs between them."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(sign)
    )
    return " ".join(re.findall(r"[^\W_]+|#", bare.casefold().translate(_LETTERS)))


def columns_for(names: Sequence[str], roles: Mapping[str, str]) -> dict[str, str]:
    """Which column seems to be what.

    Args:
        names: of columns.
        roles: by role, a pattern of plain names: alternatives in order, the likeliest first.
    """
    left = {name: plain(name) for name in names if name}
    chosen: dict[str, str] = {}
    for role, pattern in roles.items():
        for alternative in pattern.split(" | "):
            fits = [name for name, words in left.items() if re.fullmatch(alternative, words)]
            if fits:
                chosen[role] = fits[0]
                del left[fits[0]]
                break
    return chosen
