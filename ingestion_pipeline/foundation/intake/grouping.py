"""Rows of a file → batches of whole records: those of a group stand in one batch, together.

Rows that the mapping passes over are counted by name and are out before rows are put together.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import TypeVar

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.filling import filler_of
from ingestion_pipeline.foundation.intake.records import Record
from ingestion_pipeline.foundation.intake.tables import cleaned
from ingestion_pipeline.foundation.mapping.batch import Batch
from ingestion_pipeline.foundation.mapping.carrying import carries
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.occurrences import DIGEST_BYTES, Occurrences
from ingestion_pipeline.foundation.mapping.origins import Origins
from ingestion_pipeline.foundation.mapping.refusals import Reason, Refusal, Rejected
from ingestion_pipeline.foundation.mapping.words import Group, Mapped

ROWS = 4096  # of a batch, give or take a record
MOST_IN_MEMORY = 1_000_000  # rows of a file whose records do not stand together
_APART = "has rows of this record that do not stand together"
_MOST_SCATTERED = 100_000  # records whose rows stand apart where they should be together


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is out before records are made, with its physical lines."""

    lines: int
    rejected: Rejected


Result = TypeVar("Result")
Key = tuple[str, ...] | int
"""What the rows of a record have in common, or the line of a row that is one of its own."""

Batched = tuple[Batch, list[int], list[Refused]]
"""Rows, the physical lines of each, and rows that were refused on the way."""


class ScatteredError(ContractError):
    """Rows of one record stand apart, where the mapping says that they are together.

    What was made of the file so far has records of which rows are missing. It is to be thrown
    away, and the file read again with the keys, whose rows are then refused.
    """

    def __init__(self, keys: frozenset[bytes]) -> None:
        super().__init__(f"the rows of {len(keys)} records do not stand together")
        self.keys = keys


def to_the_end(read: Callable[[frozenset[bytes]], Result]) -> Result:
    """What reading a file from its beginning comes to; once more, where its records turn out not to
    stand together.

    Args:
        read: gets the keys of such records (`Run.scattered`), and raises `ScatteredError`.
    """
    scattered: frozenset[bytes] = frozenset()
    while True:
        try:
            return read(scattered)
        except ScatteredError as error:
            scattered = error.keys


class Together:
    """How the rows of a mapping are put together, for one file.

    Attributes:
        scattered: digests of keys whose rows are known to stand apart.
        found: of those that were found to.
        watch: is shown all rows, before some are passed over.
    """

    def __init__(
        self, mapped: Mapped, compiler: Compiler, scattered: frozenset[bytes] = frozenset()
    ) -> None:
        self.mapped = mapped
        self.scattered = scattered
        self.found: set[bytes] = set()
        self._seen = Occurrences()
        self.group: Group | None = mapped.group
        self.skip = {name: compiler.condition(each) for name, each in mapped.skip.items()}
        self.origins = Origins(mapped, compiler)
        self.columns = list(mapped.uses)
        self.fill = filler_of(mapped.fill)
        self.watch: Callable[[Batch], None] | None = None
        self.carried = frozenset(
            name for name in self.columns if mapped.group and carries(mapped.group, name)
        )

    def adjacent(self) -> bool:
        """Whether the rows of a record follow each other."""
        return self.group is None or self.group.adjacent

    def standing_apart(self, keys: Sequence[Key]) -> set[Key]:
        """Those of some records whose rows are known to stand apart; notes which others do.

        To be asked for all records of a file, each once, in order.

        Raises:
            ContractError: so many do that the file is in another order than the mapping says.
        """
        digests = {key: _digest(key) for key in keys if not isinstance(key, int)}
        known: set[Key] = {key for key, digest in digests.items() if digest in self.scattered}
        new = [digests[key] for key in keys if key in digests and key not in known]
        for digest, number in zip(new, self._seen.number(new), strict=True):
            if number > 1:
                self.found.add(digest)
        if len(self.found) > _MOST_SCATTERED:
            raise ContractError(
                f"the rows of more than {_MOST_SCATTERED:,} records do not stand together: "
                "sort the file, or say group.adjacent: false"
            )
        return known


def _digest(key: tuple[str, ...]) -> bytes:
    text = "\x1f".join(key).encode(errors="surrogatepass")
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()


def batches_of(
    rows: Iterable[Record], together: Together, skipped: Counter[str], header: list[str]
) -> Iterator[Batched]:
    """Batches of whole records.

    Args:
        rows: of the table, in order.
        skipped: counts physical lines by the name under which they are passed over.
        header: names of the columns.

    Raises:
        ContractError: the rows of a record may stand anywhere, and the file is too large for that.
    """
    rows = iter(rows)
    at = {name: header.index(name) if name in header else None for name in together.columns}
    held: Batch | None = None
    held_spans: list[int] = []
    while chunk := list(islice(rows, ROWS if together.adjacent() else MOST_IN_MEMORY + 1)):
        if len(chunk) > MOST_IN_MEMORY:
            raise ContractError(
                f"group.adjacent is false, for which a file may have {MOST_IN_MEMORY:,} rows"
            )
        batch, spans, refused = _kept(chunk, at, together, skipped)
        if held is not None:
            batch, spans = _joined(held, batch), held_spans + spans
            held = None
        keys = _keys(batch, together.group)
        if together.group is not None and together.adjacent() and batch.size:
            cut = _last_record(keys)
            held, held_spans = batch.sliced(cut, batch.size), spans[cut:]
            batch, spans, keys = batch.sliced(0, cut), spans[:cut], keys[:cut]
        yield _grouped(batch, spans, keys, together, refused)
    if held is not None:
        yield _grouped(held, held_spans, _keys(held, together.group), together, [])


def _kept(
    chunk: list[Record], at: dict[str, int | None], together: Together, skipped: Counter[str]
) -> Batched:
    """The rows that are not passed over, without those that can't be used."""
    there = {name: index for name, index in at.items() if index is not None}
    width = max(there.values(), default=0) + 1
    for each in chunk:
        if len(each.cells) < width:
            each.cells = each.cells + [""] * (width - len(each.cells))
    several = itemgetter(*there.values(), 0, 0)  # of two and more, which it takes apart
    read = zip(*map(several, (each.cells for each in chunk)), strict=True)
    columns = {
        name: cleaned(cells, together.mapped) for name, cells in zip(there, read, strict=False)
    } | {name: [""] * len(chunk) for name in at if name not in there}
    if together.fill is not None:
        together.fill(columns)
    batch = Batch(columns, [each.number for each in chunk], [each.text for each in chunk])
    if together.watch is not None:
        together.watch(batch)
    out: dict[int, Refused | None] = {}
    for name, decide in together.skip.items():
        for row, says in enumerate(decide(batch)):
            if row in out or says is False:
                continue
            if isinstance(says, Refusal):
                named = together.origins.of_condition(together.mapped.skip[name], batch, row)
                out[row] = _refused(chunk[row], "skip", says, named)
            else:
                out[row] = None
                skipped[name] += chunk[row].lines
    for row, each in enumerate(chunk):
        if each.problem is not None and row not in out:
            out[row] = _refused(each, "line", Refusal(each.problem))
    spans = [each.lines for each in chunk]
    if out:
        rows = [row for row in range(len(chunk)) if row not in out]
        batch, spans = batch.taken(rows), [spans[row] for row in rows]
    return batch, spans, [each for each in out.values() if each is not None]


def _refused(record: Record, field: str, why: Refusal, columns: tuple[str, ...] = ()) -> Refused:
    reason = Reason(record.number, field, why.rule, why.value, columns)
    return Refused(record.lines, Rejected(record.number, record.text, (reason,)))


def _keys(batch: Batch, group: Group | None) -> list[Key]:
    """What the rows of a record have in common; a row whose key is blank is one of its own."""
    if group is None:
        return list(batch.lines)
    rows = zip(*(batch.columns[name] for name in group.by), strict=True)
    return [
        key if any(key) else line for key, line in zip(rows, batch.lines, strict=True)
    ]  # fmt: skip


def _last_record(keys: list[Key]) -> int:
    """Where the last record begins, which may go on in the next batch."""
    at = len(keys) - 1
    while at > 0 and keys[at - 1] == keys[-1]:
        at -= 1
    return at


def _joined(first: Batch, second: Batch) -> Batch:
    return Batch(
        {name: cells + second.columns[name] for name, cells in first.columns.items()},
        first.lines + second.lines,
        first.texts + second.texts,
    )


def _grouped(
    batch: Batch,
    spans: list[int],
    keys: list[Key],
    together: Together,
    refused: list[Refused],
) -> Batched:
    group = together.group
    if group is not None and not group.adjacent:
        first: dict[Key, int] = {}
        for row, key in enumerate(keys):
            first.setdefault(key, row)
        order = sorted(range(batch.size), key=lambda row: (first[keys[row]], row))
        batch, spans, keys = (
            batch.taken(order),
            [spans[row] for row in order],
            [keys[row] for row in order],
        )
    if group is not None and group.adjacent:
        batch, spans, keys, apart = _without_scattered(batch, spans, keys, together)
        refused = refused + apart
    if group is None:
        batch.starts, batch.record_of = list(range(batch.size)), list(range(batch.size))
        return batch, spans, refused
    for row, key in enumerate(keys):
        if row == 0 or key != keys[row - 1]:
            batch.starts.append(row)
        batch.record_of.append(len(batch.starts) - 1)
    for name in together.carried:
        cells = batch.columns[name]
        heads = [cells[start] for start in batch.starts]
        batch.columns[name] = [
            cell or heads[record] for cell, record in zip(cells, batch.record_of, strict=True)
        ]
    return batch, spans, refused


def _without_scattered(
    batch: Batch, spans: list[int], keys: list[Key], together: Together
) -> tuple[Batch, list[int], list[Key], list[Refused]]:
    records = [key for row, key in enumerate(keys) if row == 0 or key != keys[row - 1]]
    known = together.standing_apart(records)
    apart = [row for row, key in enumerate(keys) if key in known] if known else []
    if not apart:
        return batch, spans, keys, []
    columns = together.origins.called(together.group.by if together.group else ())
    refused = [
        Refused(spans[row], Rejected(batch.lines[row], batch.texts[row], (
            Reason(batch.lines[row], "group", _APART, columns=columns),
        )))
        for row in apart
    ]  # fmt: skip
    out = set(apart)
    kept = [row for row in range(batch.size) if row not in out]
    return (
        batch.taken(kept), [spans[row] for row in kept], [keys[row] for row in kept], refused
    )  # fmt: skip
