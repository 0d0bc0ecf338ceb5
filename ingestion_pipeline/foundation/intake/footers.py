"""What stands below the rows of a file that nobody has mapped, as checks: which column a number is
the sum of is looked up in the rows, and where nothing adds up to it that is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion_pipeline.foundation.intake.drafting import Draft, quoted
from ingestion_pipeline.foundation.intake.guessing import Found
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.words import Numbers


@dataclass(frozen=True)
class Records:
    """Which rows are one record.

    Attributes:
        rows: the numbers of each record's rows.
        called: what the records are, in the plural.
        carried: columns that only a record's first row has, and that have no total.
    """

    rows: Sequence[Sequence[int]]
    called: str = "records"
    carried: frozenset[str] = frozenset()

    @property
    def are_several(self) -> bool:
        """Whether any record has more than one row."""
        return any(len(each) > 1 for each in self.rows)


@dataclass
class Footed:
    """What became of the lines below the rows.

    Attributes:
        checks: items of `check:`, to be confirmed.
        notes: what no check is proposed for, and why.
    """

    checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Sum:
    """A number that the rows come to, and how a mapping says it."""

    amount: Decimal
    value: str
    told: str
    column: str = ""

    @property
    def told_beside(self) -> str:
        """What it is, where another is taken."""
        return f"the sum of {self.column!r}" if self.column else "how many there are"


def footed(draft: Draft, records: Records | None = None) -> Footed:
    """The checks that the lines below the rows make possible."""
    records = records or Records([[row] for row in range(len(draft.sample.rows))])
    made, asked = Footed(), set[str]()
    for name, text in draft.sample.said.items():
        readings = {way: number_reader(way)(text) for way in _ways(draft, name)}
        numbers = {way: read for way, read in readings.items() if isinstance(read, Decimal)}
        if not numbers:
            continue
        if not draft.sample.is_whole:
            made.notes.append(
                f"{name} says {text}: what it is the sum of was not looked up, as the file has "
                "more rows than were looked at"
            )
            continue
        found = {
            each.value: each for way, number in numbers.items()
            for each in _sums(draft, name, way, records) if each.amount == number
        }  # fmt: skip
        if not found:
            made.notes.append(_nothing(draft, name, text, numbers, records))
        elif not asked & found.keys():
            asked.add(next(iter(found)))
            made.checks.append(_check(draft, name, list(found.values())))
    return made


def _ways(draft: Draft, name: str) -> Iterator[Numbers]:
    """How numbers may be written there: as in its column, else as in any."""
    own = draft.columns.get(name)
    several = [own] if own is not None and own.numbers else draft.columns.values()
    yield from dict.fromkeys(way for each in several for way in each.numbers)
    yield Numbers()  # a number of rows


def _sums(draft: Draft, name: str, way: Numbers, records: Records) -> Iterator[_Sum]:
    """What the rows come to, the likeliest first: the column's own sum, then numbers of rows."""
    own = draft.columns.get(name)
    columns = [own] if own is not None and own.numbers else list(draft.columns.values())[::-1]
    for each in columns:
        if way in each.numbers:
            yield from _of_column(draft, each, way, records)
    rows, whole = Decimal(len(draft.sample.rows)), Decimal(len(records.rows))
    yield _Sum(rows, '{total: {is: "1"}}', "the rows are as many")
    if records.are_several:
        yield _Sum(whole, '{first: {is: "1"}}', f"the {records.called} are as many")


def _of_column(draft: Draft, found: Found, way: Numbers, records: Records) -> Iterator[_Sum]:
    read, name = number_reader(way), quoted(found.name)
    cells = [read(each.removeprefix("'")) for each in draft.cells(found.name)]
    amounts = [each if isinstance(each, Decimal) else Decimal(0) for each in cells]
    if found.name not in records.carried:
        every = sum(amounts, Decimal(0))
        yield _Sum(every, f"{{total: {name}}}", "it is the sum of the rows here", found.name)
    if records.are_several:
        firsts = sum((amounts[each[0]] for each in records.rows), Decimal(0))
        told = f"it is the sum of the {records.called}' first rows here"
        yield _Sum(firsts, name, told, found.name)


def _check(draft: Draft, name: str, found: Sequence[_Sum]) -> str:
    best, *others = found
    called = f"{best.column} adds up" if best.column else f"{name} is how many there are"
    if best.column:
        draft.number(best.column)
    told = best.told
    beside = dict.fromkeys(each.told_beside for each in others if each.column != best.column)
    if beside:
        told += f"; so is {', '.join(beside)}"
    return (
        f"  - {{name: {quoted(called)}, of: file, equal: [{best.value}, "
        f"{{footer: {quoted(name)}}}]}}   # confirm: {told}"
    )


def _nothing(
    draft: Draft, name: str, text: str, numbers: dict[Numbers, Decimal], records: Records
) -> str:
    """That no sum is what the file says, with the sum of its own column."""
    way = next(iter(numbers))
    own = [each for each in _sums(draft, name, way, records) if each.column == name]
    told = f"the rows come to {own[0].amount:f}" if own else "nothing adds up to it"
    return f"{name} says {text}, and {told}: no check is proposed"
