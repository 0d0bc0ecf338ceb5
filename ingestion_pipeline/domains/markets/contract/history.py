"""What is known of a series, and what an answer tells of it → what is known then; pure.

An answer never deletes history: providers shorten series, and drop vintages.

    before all that is told of a date   as it was known
    days that are over                  the vintage that began later counts, told or known; of two
                                        that began alike and differ, what was known
    today and later                     as the answer tells, until where it tells

So a revision ends the vintage before it on the day that FRED names, and what FRED merely leaves out
or rewrites stays known for the days on which it was. On every day one vintage of a date counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise

from ingestion_pipeline.domains.markets.contract.vintages import Day, Vintage


def changes(
    known: Iterable[Vintage], told: Iterable[Vintage], *, today: date
) -> Iterator[tuple[Day, list[Vintage]]]:
    """The dates of which something else is known now, each with all its vintages."""
    before, answer = _by_date(known), _by_date(told)
    for day, rows in answer.items():
        if rows != before.get(day):
            after = history(before.get(day, []), rows, today=today)
            if after != before.get(day):
                yield day, after


def history(known: Sequence[Vintage], told: Sequence[Vintage], *, today: date) -> list[Vintage]:
    """The vintages of one date, in order, none on the days of another."""
    now = today.toordinal()
    bounds = {now}
    for row in (*known, *told):
        bounds |= {row.realtime_start.toordinal(), row.realtime_end.toordinal() + 1}
    pieces: list[tuple[int, int, Vintage]] = []
    for start, end in pairwise(sorted(bounds)):
        counts = _counting(known, told, day=start, is_over=start < now)
        if counts is None:
            continue
        if pieces and _goes_on(pieces[-1], counts, start):
            first, _, row = pieces.pop()
            pieces.append((first, end, row))
        else:
            pieces.append((start, end, counts))
    return [
        Vintage(row.date, date.fromordinal(start), date.fromordinal(end - 1), row.value)
        for start, end, row in pieces
    ]


def _goes_on(piece: tuple[int, int, Vintage], counts: Vintage, start: int) -> bool:
    """Whether a vintage only continues a piece: it held on all of its days, with that value.

    One that began within it stays one of its own: else the same answer, told again, would end it.
    """
    first, end, row = piece
    return end == start and row.value == counts.value and counts.realtime_start.toordinal() <= first


def _counting(
    known: Sequence[Vintage], told: Sequence[Vintage], *, day: int, is_over: bool
) -> Vintage | None:
    """Which of the vintages counts on a day."""
    was = max((row for row in known if _holds(row, day)), key=_beginning, default=None)
    # One that is told to have ended says so of the days behind it, too.
    begun = (row for row in told if row.realtime_start.toordinal() <= day)
    says = max(begun, key=_beginning, default=None)
    if says is None:
        return was
    ends = None if not _holds(says, day) else says
    if was is None or was.realtime_start < says.realtime_start:
        return ends
    if was.realtime_start == says.realtime_start:
        return was if is_over and was.value != says.value else ends
    return was if is_over or ends is None else ends


def _beginning(row: Vintage) -> date:
    return row.realtime_start


def _holds(row: Vintage, day: int) -> bool:
    return row.realtime_start.toordinal() <= day <= row.realtime_end.toordinal()


def _by_date(vintages: Iterable[Vintage]) -> dict[Day, list[Vintage]]:
    found: dict[Day, set[Vintage]] = defaultdict(set)
    for each in vintages:
        found[each.date].add(each)
    return {
        day: sorted(rows, key=lambda row: (row.realtime_start, row.realtime_end))
        for day, rows in found.items()
    }
