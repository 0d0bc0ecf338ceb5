"""Records of a file → rows under its header, by the names that the mapping knows.

Above the header is a preamble, below the last row may be a footer; both are counted. A column that
the mapping names and the file lacks fails the file: it was renamed, and what it holds is now under
another name.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from ingestion_pipeline.foundation.intake.records import Record
from ingestion_pipeline.foundation.mapping.faults import Fault, MappingError, listed, meant
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError

_SEARCHED = 200  # records among which the header is looked for
_SEPARATOR = re.compile(r"\s*\"?sep=.\"?\s*", re.IGNORECASE)
_FORMULA = re.compile(r'="?(.*?)"?', re.DOTALL)
# A number, with a sign or a code of a currency: R$ 1.029,00, 5 EUR
_SUM = re.compile(r"\W*(?:[^\W\d_]{1,3}\W*)?\d[\d.,'\s]*\W*(?:[^\W\d_]{1,3}\W*)?")
_IN_ONE_CELL = re.compile(  # "Total rows: 5", "5 rows"
    r"([^\d:=]*[^\W\d][^\d:=]*?)\s*[:=]?\s+(-?\d[\d.,']*)|(-?\d[\d.,']*)\s+([^\d:=]*[^\W\d][^\d:=]*)"
)
_SHOWN = 3
_OPEN = "?"  # as a proposed mapping has it


@dataclass
class Table:
    """The rows of a file, and what stands around them.

    Attributes:
        header: names of its columns, as the mapping calls them.
        extra: columns that the mapping does not read; `missing`: those that it reads where a file
            has them, and this one lacks.
        called: what the file calls columns that the mapping calls otherwise.
        preamble: physical lines above and among the rows that are none: the header, a title.
        footer: what lines below the rows say, by their first cell; else the numbers under columns.
    """

    header: list[str]
    rows: Iterator[Record]
    extra: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    preamble: int = 0
    footer_lines: int = 0
    footer: dict[str, str] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)


def table_of(records: Iterator[Record], mapped: Mapped, file_name: str) -> Table:
    """The table of a file.

    Args:
        file_name: for errors.

    Raises:
        WrongFileError: no line is the header.
        MappingError: columns that the mapping names are not there.
    """
    above, found = _header(records, mapped, file_name)
    names = _named(found, mapped, file_name)
    require_columns(mapped, names, file_name)
    table = Table(names, iter(()), [name for name in names if name not in mapped.uses])
    written = [cell.strip() for cell in found.cells]
    table.called = {
        name: cell for name, cell in zip(names, written, strict=True) if name != cell
    }  # fmt: skip
    table.missing = [name for name in mapped.uses if name not in names]
    table.preamble = sum(each.lines for each in above) + found.lines
    table.rows = _rows(records, mapped, table, written)
    return table


def require_columns(mapped: Mapped, names: Sequence[str], file_name: str) -> None:
    """See that a file has the columns that a mapping names.

    Raises:
        MappingError: it lacks some, each told with the place that names it first.
    """
    needed = [name for name in mapped.uses if name not in mapped.optional]
    missing = [name for name in needed if name not in names]
    if missing:
        faults = [
            Fault(
                mapped.file, mapped.uses[name].place, mapped.uses[name].path,
                f"names the column {name!r}, which {file_name} has not"
                f"{_renamed(name, names, mapped)}",
            )
            for name in missing
        ]  # fmt: skip
        last = max(faults, key=lambda each: each.place)
        faults.append(replace(last, path="", rule=_difference(missing, names, mapped, file_name)))
        raise MappingError(faults)


def _difference(
    missing: Sequence[str], names: Sequence[str], mapped: Mapped, file_name: str
) -> str:
    """How a file's header differs from what the mapping knows, in one sentence."""
    unread = [name for name in names if name and name not in mapped.uses]
    read = [name for name in names if name in mapped.uses]
    return (
        f"of the columns that the mapping reads, {file_name} has {listed(read) or 'none'}; "
        f"it lacks {listed(missing)}; it has, and nobody reads, {listed(unread) or 'no others'}"
    )


def _renamed(name: str, names: Sequence[str], mapped: Mapped) -> str:
    """What a missing column may be called in this file, and how a mapping says so."""
    if name == _OPEN:
        return ": it is still open; say which column it is, or a constant as {is: …}"
    known = mapped.names.get(name, (name,))
    if not_ours(name, mapped) in names:
        added = _as_columns(name, (*known, name))
        return f" under any of its names; it has {name!r}: add that to them, as in {added}"
    unread = [each for each in names if each and each not in mapped.uses]
    if not unread:
        return ""
    near = meant(name, unread)
    if near.startswith(", did you mean"):
        return near
    added = _as_columns(name, (*known, unread[0] if len(unread) == 1 else "…"))
    return f"; was it renamed? then {added}"


def _as_columns(name: str, names: Sequence[str]) -> str:
    return f"columns: {{{name}: [{', '.join(names)}]}}"


def _header(
    records: Iterator[Record], mapped: Mapped, file_name: str
) -> tuple[list[Record], Record]:
    above: list[Record] = []
    wanted = [set(mapped.names.get(each, (each,))) for each in mapped.read.find]
    for record in islice(records, _SEARCHED):
        cells = [cell.strip() for cell in record.cells]
        if (
            all(each.intersection(cells) for each in wanted)
            if wanted
            else _is_header(record, cells)
        ):
            return above, record
        above.append(record)
    shown = [each.cells[:4] for each in _without_data(above)[-_SHOWN:]]
    told = (
        f" the columns {', '.join(map(repr, mapped.read.find))} (read.header.find)"
        if wanted else " a header"
    )  # fmt: skip
    raise WrongFileError(f"no line of {file_name} holds{told}; the first lines are {shown}")


def _without_data(records: Sequence[Record]) -> Sequence[Record]:
    """The records up to what seems to be a header: errors are kept, and rows may name persons."""
    filled = [sum(map(bool, map(str.strip, each.cells))) for each in records]
    most = max(filled, default=0)
    header = next((at for at, number in enumerate(filled) if number * 2 >= most > 0), 0)
    return records[: header + 1]


def _is_header(record: Record, cells: Sequence[str]) -> bool:
    return any(cells) and _SEPARATOR.fullmatch(record.text) is None


def _named(header: Record, mapped: Mapped, file_name: str) -> list[str]:
    """Names as the mapping has them; one that is there twice has its number behind it."""
    seen: Counter[str] = Counter()
    names = []
    for cell in header.cells:
        name = cell.strip()
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    names = [not_ours(name, mapped) for name in names]
    for ours, theirs in mapped.names.items():
        there = [each for each in dict.fromkeys(theirs) if each in names]
        if len(there) > 1:
            raise WrongFileError(
                f"columns.{ours} of {mapped.file.name} fits two columns of {file_name}: "
                f"{', '.join(map(repr, there))}"
            )
        if there:
            names[names.index(there[0])] = ours
    return names


def not_ours(name: str, mapped: Mapped) -> str:
    """A column that is called as one of ours is, and is none of the names that ours has had."""
    is_another = name in mapped.names and name not in mapped.names[name]
    return f"{name} (of the file)" if is_another else name


def _rows(
    records: Iterable[Record], mapped: Mapped, table: Table, header: list[str]
) -> Iterator[Record]:
    read, width = mapped.read, len(header)
    records = iter(records)
    for record in records:
        cells = record.cells
        first = cells[0] if cells else ""
        if (read.stop_first is not None and read.stop_first.search(first)) or (
            read.stop_line is not None and read.stop_line.search(record.text)
        ):
            read_footer(chain([record], records), table)
            return
        if first.strip() == header[0] and [cell.strip() for cell in cells] == header:
            table.preamble += record.lines  # another file was put behind this one
            continue
        if len(cells) != width and record.problem is None and any(cells):
            record.problem = wrong_width(cells, width, read.delimiter)
        yield record


def wrong_width(cells: Sequence[str], width: int, delimiter: str) -> str | None:
    """What is wrong with a row of another number of cells than its header; None: nothing is."""
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return None
    if len(cells) == 1 and cells[0].count(delimiter) >= width // 2:
        return (
            "is one cell in quotes: a spreadsheet has saved a line that it had not split into "
            "cells; export the file again"
        )
    return f"has {len(cells)} cells, and the header has {width}"


def read_footer(records: Iterable[Record], table: Table) -> None:
    """Read what lines below the rows say, to the end of the file, into the table."""
    under: dict[str, set[str]] = defaultdict(set)
    for record in records:
        table.footer_lines += record.lines
        first, *cells = [cell.strip() for cell in record.cells] or [""]
        if any(cells[1:]):
            for name, cell in zip(table.header[1:], cells, strict=False):
                if _SUM.fullmatch(cell):  # and no text: below may stand rows that name persons
                    under[name].add(cell)
        if first and not any(cells) and (one := _IN_ONE_CELL.fullmatch(first)):
            table.footer.setdefault((one[1] or one[4]).strip(), one[2] or one[3])
        elif first and cells and (cells[0] or not any(cells)):
            table.footer.setdefault(first, cells[0])
    for name, sums in under.items():
        if len(sums) == 1:  # of several, nothing says which is meant
            table.footer.setdefault(name, *sums)


def cleaned(cells: Sequence[str], mapped: Mapped) -> list[str]:
    """Cells of a column without blanks around them, without what spreadsheets wrap them in, and
    empty where they say that there is nothing.
    """
    texts = list(map(str.strip, cells))
    read = mapped.read
    there = "".join(texts) if read.unwrap else ""
    if "apostrophe" in read.unwrap and "'" in there:
        texts = [text.removeprefix("'") for text in texts]
    if "formula" in read.unwrap and "=" in there:
        texts = [_unwrapped(text) if text.startswith("=") else text for text in texts]
    if read.blank:
        texts = ["" if text in read.blank else text for text in texts]
    return texts


def _unwrapped(text: str) -> str:
    found = _FORMULA.fullmatch(text)
    return found[1].strip() if found else text
