"""Batches of rows → records of the types that a mapping makes; what can't be made is refused."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import msgspec

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.carrying import counts_rows
from ingestion_pipeline.foundation.mapping.cells import Decide, Evaluate
from ingestion_pipeline.foundation.mapping.checking import Checks
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.fields import (
    NO_CHARACTER,
    WANTED,
    Finish,
    finished,
    finisher,
    is_sound,
)
from ingestion_pipeline.foundation.mapping.naturalkeys import natural_key
from ingestion_pipeline.foundation.mapping.origins import Origins
from ingestion_pipeline.foundation.mapping.refusals import Reason, Refusal, Rejected
from ingestion_pipeline.foundation.mapping.spreading import Spread, spread_of
from ingestion_pipeline.foundation.mapping.targets import TargetField
from ingestion_pipeline.foundation.mapping.words import (
    Column,
    Emit,
    Identity,
    Mapped,
    Template,
    Value,
)

_Alike = tuple[TargetField, tuple[str, ...]]
_TOGETHER = "is refused: another row of its record is"
Records = tuple[Emit, tuple[str, ...], list[tuple[Any, ...]], list[int]]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of a batch that is not loaded, and why."""

    row: int
    rejected: Rejected


@dataclass(frozen=True)
class _Emitter:
    """What makes records of one label.

    Attributes:
        told_once: whether a record's rows must differ in the key of what they make.
        columns: of the file, by field.
    """

    emit: Emit
    told_once: bool
    where: Decide | None
    names: tuple[str, ...]
    values: "tuple[_Value, ...]"
    columns: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Value:
    """What makes a field's values.

    Attributes:
        of_all_rows: whether it must see all rows, even where only some are wanted.
        said: as the mapping says it.
    """

    evaluate: Evaluate
    finish: Finish
    of_all_rows: bool
    said: Value


class Maker:
    """Makes records of batches, for one file.

    Attributes:
        checks: those of the mapping, which are asked on the way.
        columns: of the file, by label and field.
    """

    def __init__(self, mapped: Mapped, compiler: Compiler) -> None:
        self._spread: Spread | None = spread_of(mapped, compiler)
        finishers: dict[_Alike, Finish] = {}
        self._origins = Origins(mapped, compiler)
        self._emitters = [
            _emitter(each, compiler, mapped, finishers, self._origins) for each in mapped.emits
        ]  # fmt: skip
        self.columns = {each.emit.label: each.columns for each in self._emitters}
        self.checks = Checks(mapped, compiler)

    def make(self, batch: Batch) -> tuple[list[Records], list[RejectedRow], list[Reason]]:
        """The records of a batch, the rows that are refused, and what checks found."""
        reasons: dict[int, list[Reason]] = defaultdict(list)  # by row of the batch
        rows, origin = batch, list(range(batch.size))
        if self._spread is not None:
            rows, origin = self._spread(batch, reasons)
        warnings = list(self.checks.of_records(batch, reasons))
        found = [self._evaluate(each, rows, origin, reasons) for each in self._emitters]
        broken = {batch.record_of[row] for row in reasons}
        made: list[Records] = []
        for emitter, (chosen, columns) in zip(self._emitters, found, strict=True):
            values = list(zip(*columns, strict=True)) if columns else []
            lines = [rows.lines[row] for row in chosen]
            if broken:
                whole = [rows.record_of[row] not in broken for row in chosen]
                values, lines = list(compress(values, whole)), list(compress(lines, whole))
            made.append((emitter.emit, emitter.names, values, lines))
        batch.forget()
        rows.forget()
        return made, list(_rejected(batch, broken, reasons)), warnings

    def _evaluate(
        self,
        emitter: _Emitter,
        rows: Batch,
        origin: list[int],
        reasons: dict[int, list[Reason]],
    ) -> tuple[list[int], list[Sequence[Any]]]:
        """The rows of which a type is made, and the columns of its fields for these."""
        own = rows.heads() if emitter.emit.each_group else rows
        chosen = list(range(own.size))
        if emitter.where is not None:
            says = emitter.where(own)
            for row in chosen:
                if isinstance(refused := says[row], Refusal):
                    found = rows.starts[row] if own is not rows else row
                    at = self._origins.of_condition(emitter.emit.where, own, row)  # type: ignore[arg-type]
                    reasons[origin[found]].append(_reason(own, row, "where", refused, at))
            chosen = [row for row in chosen if says[row] is True]
        every = len(chosen) == own.size
        of_rows = [rows.starts[row] for row in chosen] if own is not rows else chosen
        columns: list[Sequence[Any]] = []
        for name, value in zip(emitter.names, emitter.values, strict=True):
            cells = value.evaluate(rows if value.of_all_rows else own)
            if value.of_all_rows and (own is not rows or not every):
                cells = [cells[row] for row in of_rows]
            elif not every:
                cells = [cells[row] for row in chosen]
            column = value.finish(cells)
            if Refusal in set(map(type, column)):
                for row, cell in zip(of_rows, column, strict=True):
                    if isinstance(cell, Refusal):
                        at = self._origins.of_cell(value.said, rows, row)
                        reasons[origin[row]].append(_reason(rows, row, name, cell, at))
            columns.append(column)
        if emitter.told_once:
            for row, key in _told_twice(emitter, of_rows, columns, rows):
                rule = "is there twice in this record, and its sums would count both"
                name = emitter.emit.target.key
                reasons[origin[row]].append(
                    Reason(rows.lines[row], name, rule, key, emitter.columns.get(name, ()))
                )
        return of_rows, columns


def _told_twice(
    emitter: _Emitter, of_rows: list[int], columns: list[Sequence[Any]], rows: Batch
) -> Iterator[tuple[int, str]]:
    """Rows of which another row of the record has the key: of a file that was put behind itself."""
    keys = columns[emitter.names.index(emitter.emit.target.key)]
    if len(set(keys)) == len(keys):
        return
    seen: set[tuple[int, str]] = set()
    for row, key in zip(of_rows, keys, strict=True):
        mark = (rows.record_of[row], key)
        if mark in seen and isinstance(key, str):
            yield row, key
        seen.add(mark)


def _emitter(
    emit: Emit,
    compiler: Compiler,
    mapped: Mapped,
    finishers: dict[_Alike, Finish],
    origins: Origins,
) -> _Emitter:
    """Args: finishers: of fields so far; those with the same rules share what they remember."""
    names: list[str] = []
    values: list[_Value] = []
    columns = origins.of_emit(emit)
    if emit.key:
        names.append(emit.target.key)
        made = natural_key(emit, mapped.name)
        said = Template(tuple(map(Column, emit.key)))
        values.append(_Value(made, finished, of_all_rows=True, said=said))
    for field, value in emit.fields:
        names.append(field.name)
        if field.kind == "object":
            values.append(_Value(_object(value), finished, of_all_rows=False, said=value))
            continue
        evaluate = compiler.value(value, WANTED.get(field.kind, "text"))
        if field.kind == "uuid" and isinstance(value, Identity):
            values.append(_Value(evaluate, finished, counts_rows(value), value))
            continue
        rules = replace(field, name="", required=True, default=None)
        # Each column of dates tells by itself whether the day or the month comes first.
        alike = (rules, columns[field.name] if field.kind == "instant" else ())
        if alike not in finishers:
            finishers[alike] = finisher(field, compiler, alike[1])
        values.append(_Value(evaluate, finishers[alike], counts_rows(value), value))
    where = compiler.condition(emit.where) if emit.where is not None else None
    numbered = emit.key or any(
        isinstance(value, Identity) and value.occurrence
        for field, value in emit.fields if field.name == emit.target.key
    )  # fmt: skip
    sums = mapped.group is not None and any(each.each_group for each in mapped.emits)
    is_part = sums and not emit.each_group and not emit.only_new
    return _Emitter(emit, is_part and not numbered, where, tuple(names), tuple(values), columns)


def _object(value: Any) -> Evaluate:
    """A JSON object of columns by their names, as a text; what is empty is left out."""
    names = [each.name for each in value.values]
    encode = msgspec.json.Encoder().encode

    def one(row: tuple[str, ...]) -> Cell:
        if not is_sound("".join(row)):
            return NO_CHARACTER
        return encode({name: text for name, text in zip(names, row, strict=True) if text}).decode()

    def evaluate(batch: Batch) -> Sequence[Cell]:
        return [one(row) for row in zip(*(batch.columns[name] for name in names), strict=True)]

    return evaluate


def _reason(rows: Batch, row: int, name: str, refusal: Refusal, columns: tuple[str, ...]) -> Reason:
    return Reason(rows.lines[row], name, refusal.rule, refusal.value, columns)


def _rejected(
    batch: Batch, broken: set[int], reasons: dict[int, list[Reason]]
) -> Iterator[RejectedRow]:
    for row, record in enumerate(batch.record_of if broken else ()):
        if record in broken:
            line = batch.lines[row]
            why = tuple(dict.fromkeys(reasons.get(row, ()))) or (Reason(line, "record", _TOGETHER),)
            yield RejectedRow(row, Rejected(line, batch.texts[row], why))
