"""Whether the dates of a file have day and month in the order that the mapping says.

Of `05/06/2022` nobody can tell; of `05/18/2022` everybody can. Where a file has dates that are only
dates with day and month turned around, and none that are only dates as the mapping says, the others
were read as days that they are not, so the file is of the other order, and is refused as a whole.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal

Moment = datetime | Refusal
_UTC = ZoneInfo("UTC")
_PARTS = re.compile("%[dm]")
_ORDER = re.compile("%[dmyY]")


@dataclass
class Seen:
    """The dates of a column, as far as they tell.

    Attributes:
        formats: as the mapping has them; `turned`: with day and month in each other's place.
        columns: of the file.
        decided: whether one can be read as the mapping says, and not otherwise.
        other: one that can be read otherwise only.
        either: one that can be read in both ways, as two days.
    """

    formats: tuple[str, ...]
    turned: tuple[str, ...]
    columns: tuple[str, ...] = ()
    decided: bool = False
    other: str = ""
    either: str = ""

    def __str__(self) -> str:
        named = f"column {', '.join(map(repr, self.columns))}: " if self.columns else ""
        if self.other:
            return (
                f"{named}{self.other!r} is a date only as {' or '.join(self.turned)}, and the "
                f"mapping says {' or '.join(self.formats)}: say which in `dates`"
            )
        return (
            f"{named}no date tells whether the day or the month comes first, as {self.either!r}: "
            f"read as {' or '.join(self.formats)}"
        )


@dataclass
class DayOrder:
    """What the dates of a file tell of the order of day and month."""

    _seen: list[Seen] = field(default_factory=list)

    def watched(
        self,
        read: Callable[[str], Moment],
        formats: tuple[str, ...],
        columns: tuple[str, ...] = (),
    ) -> Callable[[str], Moment]:
        """A reader of dates that notes what each of them tells."""
        own = tuple(filter(_is_open, formats))
        if not own:
            return read
        others = tuple(map(turned, own))
        seen = Seen(own, others, columns)
        self._seen.append(seen)
        as_own, as_turned = moment_reader(own, _UTC), moment_reader(others, _UTC)

        def watch(text: str) -> Moment:
            moment = read(text)
            is_read = not isinstance(moment, Refusal)
            if is_read and seen.decided:
                return moment
            one, two = as_own(text), as_turned(text)
            if isinstance(two, Refusal):
                seen.decided = seen.decided or not isinstance(one, Refusal)
            elif isinstance(one, Refusal):
                seen.other = seen.other or ("" if is_read else text)
            elif one != two:
                seen.either = seen.either or text
            return moment

        return watch

    def against(self) -> Iterator[Seen]:
        """Columns that are of the other order."""
        return (each for each in self._seen if each.other and not each.decided)

    def open(self) -> Iterator[Seen]:
        """Columns of which no date tells the order."""
        return (each for each in self._seen if each.either and not (each.decided or each.other))


def _is_open(written: str) -> bool:
    """Whether a format has day and month as numbers, and not behind the year, where all agree."""
    order = _ORDER.findall(written)
    return {"%d", "%m"} <= set(order) and order[0] not in ("%y", "%Y")


def turned(written: str) -> str:
    """A format with day and month in each other's place; itself, where nobody writes that."""
    if not _is_open(written):
        return written
    return _PARTS.sub(lambda part: "%m" if part[0] == "%d" else "%d", written)
