"""Of which columns of a file a value is, and which of them a refused cell is from.

A refusal is worked out of texts, whichever column they are of, so that each is worked out once.
Which column it was is asked of the refused row alone, along the way that its value took.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import (
    Arithmetic,
    Choice,
    Column,
    Condition,
    Emit,
    FirstOf,
    Identity,
    Mapped,
    OverGroup,
    Steps,
    Template,
    Value,
)

_NUMERIC = frozenset({"below", "above", "equals"})
Columns = tuple[str, ...]


def columns_of(value: Value) -> Columns:
    """All columns that a value may be from, as the mapping calls them, each once."""
    return tuple(dict.fromkeys(_columns_of(value)))


def _columns_of(value: Value) -> Iterator[str]:
    match value:
        case Column(name):
            yield name
        case Template(parts):
            yield from (part.name for part in parts if isinstance(part, Column))
        case FirstOf(values) | Identity(parts=values):
            for each in values:
                yield from _columns_of(each)
        case Arithmetic(_, terms):
            for _, each in terms:
                yield from _columns_of(each)
        case OverGroup(_, of):
            yield from _columns_of(of)
        case Choice(_, then, otherwise):
            yield from _columns_of(then)
            yield from _columns_of(otherwise)
        case Steps(of=of, otherwise=otherwise, zone_of=zone):
            for part in (of, otherwise, zone):
                if part is not None:
                    yield from _columns_of(part)


class Origins:
    """Which columns of the file refused cells are from, as the file calls them."""

    def __init__(self, mapped: Mapped, compiler: Compiler) -> None:
        self._compiler = compiler
        self._made_of = _made_columns(mapped)

    def called(self, columns: Sequence[str]) -> Columns:
        """Columns as the file's own header has them."""
        names: list[str] = []
        for name in columns:
            names += self._made_of.get(name, (name,))
        called = self._compiler.called
        return tuple(dict.fromkeys(called.get(name, name) for name in names))

    def of_emit(self, emit: Emit) -> dict[str, Columns]:
        """The columns of a type's fields."""
        found = {
            field.name: self.called(columns_of(value)) for field, value in emit.fields
        }  # fmt: skip
        return found | ({emit.target.key: self.called(emit.key)} if emit.key else {})

    def of_cell(self, value: Value, rows: Batch, row: int) -> Columns:
        """The columns that a row's refused cell of a value is from."""
        return self.called(_Row(self._compiler, rows, row).columns(value))

    def of_condition(self, condition: Condition, rows: Batch, row: int) -> Columns:
        """The columns that a condition can't compare."""
        return self.called(_Row(self._compiler, rows, row).compared(condition))


class _Row:
    """One row by itself."""

    def __init__(self, compiler: Compiler, rows: Batch, row: int) -> None:
        self._compiler, self._rows, self._row = compiler, rows, row

    @cached_property
    def _alone(self) -> Batch:
        alone = self._rows.taken([self._row])
        alone.starts = alone.record_of = [0]
        return alone

    def columns(self, value: Value) -> Columns:
        match value:
            case FirstOf(values):
                said = next((each for each in values if self._cell(each) != ""), None)
                return columns_of(value) if said is None else self.columns(said)
            case Arithmetic(_, terms):
                refused = (each for _, each in terms if self._is_refused(each, self._number))
                first = next(refused, None)
                return columns_of(value) if first is None else self.columns(first)
            case Identity(parts=parts):
                refused = (each for each in parts if self._is_refused(each, self._cell))
                first = next(refused, None)
                return columns_of(value) if first is None else self.columns(first)
            case Choice(when, then, otherwise):
                says = self._compiler.condition(when)(self._alone)[0]
                if isinstance(says, Refusal):
                    return self.compared(when)
                return self.columns(then if says else otherwise)
            case Steps():
                return self._columns_of_steps(value)
        return columns_of(value)

    def _columns_of_steps(self, steps: Steps) -> Columns:
        if isinstance(steps.negate, Condition) and (unread := self.compared(steps.negate)):
            return unread
        if steps.zone_of is not None and self._is_refused(steps.zone_of, self._cell):
            return self.columns(steps.zone_of)
        instead = steps.otherwise if steps.lookup is not None else None
        if instead is not None and str(self._cell(steps.of)) not in (steps.lookup or {}):
            return self.columns(instead)
        return self.columns(steps.of) + (columns_of(steps.zone_of) if steps.zone_of else ())

    def compared(self, condition: Condition) -> Columns:
        """Columns of a condition that should be numbers, and are none."""
        asked = [test.column for way in condition.any_of for test in way if test.word in _NUMERIC]
        number, cells = self._compiler.number, self._alone.columns
        return tuple(name for name in asked if isinstance(number[cells[name][0]], Refusal))

    def _cell(self, value: Value) -> Cell:
        return self._compiler.value(value)(self._alone)[0]

    def _number(self, value: Value) -> Cell:
        cells = self._compiler.value(value, "number")(self._alone)
        found: Cell = self._compiler.numbers(cells)[0]
        return found

    def _is_refused(self, value: Value, cell: Callable[[Value], Cell]) -> bool:
        return isinstance(cell(value), Refusal)


def _made_columns(mapped: Mapped) -> Mapping[str, Columns]:
    """Columns that no file has, as rows are made of others: what each is made of."""
    made: dict[str, Columns] = {}
    if mapped.explode is not None:
        made |= dict.fromkeys(mapped.explode.columns, (mapped.explode.cell,))
    for way in mapped.unpivot:
        for new, old in way.columns.items():
            made[new] = (*made.get(new, ()), old)
        made |= {new: () for new in way.texts if new not in made}
    return made
