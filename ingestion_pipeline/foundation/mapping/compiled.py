"""Values and conditions as functions over the columns of a batch, made once a mapping."""

import operator
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ingestion_pipeline.foundation.mapping.batch import Batch, Cell, Remembered
from ingestion_pipeline.foundation.mapping.cells import (
    EXACT,
    Decide,
    Evaluate,
    added,
    all_of,
    any_of,
    as_number,
    choice,
    divided,
    first_in_group,
    first_of,
    multiplied,
    once,
    template,
    total_in_group,
)
from ingestion_pipeline.foundation.mapping.day_order import DayOrder
from ingestion_pipeline.foundation.mapping.identities import Ids, identity_maker
from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.steps import compile_steps
from ingestion_pipeline.foundation.mapping.words import (
    Arithmetic,
    Choice,
    Column,
    Condition,
    Constant,
    FirstOf,
    Footer,
    Identity,
    Mapped,
    Numbers,
    OverGroup,
    Steps,
    Template,
    Test,
    Value,
)

Wanted = Literal["text", "number", "instant"]

_ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z")
_NOTHING = re.compile(r"(?!)")


@dataclass
class Compiler:
    """What all values of a mapping share in one file.

    Attributes:
        space: of ids.
        footer: what the lines below the table say; filled in before checks of the whole file.
        called: what the file calls columns, where the mapping calls them otherwise.
        days: what the file's dates tell of the order of day and month.
    """

    mapped: Mapped
    space: uuid.UUID
    footer: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)
    days: DayOrder = field(default_factory=DayOrder)

    def __post_init__(self) -> None:
        self.number = Remembered(as_number(number_reader(self.mapped.numbers)))
        self._plain = number_reader(Numbers(".", ""))
        self._ids = Ids(self.space)
        self._shared: dict[tuple[Value, Wanted], Evaluate] = {}

    def value(self, value: Value, wanted: Wanted = "text") -> Evaluate:
        """What makes a value's cells of a batch, once, however many fields have it.

        Args:
            wanted: what they are to become; constants are written as the mapping's language has
                them, whatever the source does.
        """
        if isinstance(value, Column):
            return lambda batch: batch.columns[value.name]
        try:
            known = self._shared.get((value, wanted))
        except TypeError:  # a lookup has no hash
            return self._compiled(value, wanted)
        if known is None:
            known = self._shared[value, wanted] = once(self._compiled(value, wanted))
        return known

    def _compiled(self, value: Value, wanted: Wanted) -> Evaluate:
        match value:
            case Column(name):
                return lambda batch: batch.columns[name]
            case Constant(text):
                cell = self.constant(text, wanted)
                return lambda batch: [cell] * batch.size
            case Footer(name):
                return lambda batch: [self.footer.get(name, "")] * batch.size
            case FirstOf(values):
                return first_of([self.value(each, wanted) for each in values])
            case Template(parts):
                return template(
                    [part if isinstance(part, str) else self.value(part) for part in parts]
                )
            case Identity():
                return self._identity(value)
            case Arithmetic(word, terms):
                return self._arithmetic(word, terms)
            case OverGroup(word, of):
                if word == "first":
                    return first_in_group(self.value(of, wanted))
                inside = self.value(of, "number")
                return total_in_group(lambda batch: self.numbers(inside(batch)))
            case Choice(when, then, otherwise):
                return choice(
                    self.condition(when), self.value(then, wanted), self.value(otherwise, wanted)
                )
            case Steps():
                return compile_steps(self, value, wanted)

    def condition(self, condition: Condition) -> Decide:
        """What says of each row of a batch whether it is meant."""
        ways = [[self._test(test) for test in tests] for tests in condition.any_of]

        def decide(batch: Batch) -> list[bool | Refusal]:
            return any_of([all_of([test(batch) for test in way]) for way in ways])

        return decide

    def constant(self, text: str, wanted: Wanted) -> Cell:
        """A text of the mapping's own: numbers with a point, dates as ISO 8601 has them."""
        if wanted == "text" or not text:
            return text
        return self._plain(text) if wanted == "number" else moment_reader(_ISO, None)(text)

    def _identity(self, identity: Identity) -> Evaluate:
        return identity_maker(identity, [self.value(each) for each in identity.parts], self._ids)

    def _arithmetic(self, word: str, terms: Sequence[tuple[int, Value]]) -> Evaluate:
        factors = [(sign, self.value(each, "number")) for sign, each in terms]
        if word == "sum":
            return self._sum(factors)
        return self._product(factors, divided if word == "quotient" else multiplied)

    def _sum(self, terms: list[tuple[int, Evaluate]]) -> Evaluate:
        def evaluate(batch: Batch) -> Sequence[Cell]:
            columns = []
            for sign, of in terms:
                found = self.numbers(of(batch))
                columns.append(found if sign > 0 else list(map(_turned, found)))
            return [added(row) for row in zip(*columns, strict=True)]

        return evaluate

    def _product(
        self,
        terms: list[tuple[int, Evaluate]],
        made_of: Callable[[tuple[Cell, ...], int], Cell],
    ) -> Evaluate:
        sign = 1
        for each, _ in terms:
            sign *= each

        def evaluate(batch: Batch) -> Sequence[Cell]:
            columns = [self.numbers(of(batch)) for _, of in terms]
            return [made_of(row, sign) for row in zip(*columns, strict=True)]

        return evaluate

    def numbers(self, cells: Sequence[Cell]) -> Sequence[Any]:
        """Cells as numbers; an empty text stays nothing."""
        kinds = set(map(type, cells))
        if str not in kinds:
            return cells
        number = self.number
        if kinds == {str}:
            return list(map(number.__getitem__, cells))
        # The hash of a decimal takes longer than all the rest.
        return [number[cell] if isinstance(cell, str) else cell for cell in cells]

    def _test(self, test: Test) -> Decide:
        column, texts, number = test.column, test.texts, test.number
        match test.word:
            case "filled":
                return lambda batch: [cell != "" for cell in batch.columns[column]]
            case "blank":
                return lambda batch: [cell == "" for cell in batch.columns[column]]
            case "in":
                return lambda batch: [cell in texts for cell in batch.columns[column]]
            case "not":
                return lambda batch: [cell not in texts for cell in batch.columns[column]]
            case "same":
                return lambda batch: [
                    a == b
                    for a, b in zip(batch.columns[column], batch.columns[test.other], strict=True)
                ]
            case "like":
                search = (test.pattern or _NOTHING).search
                found = Remembered(lambda text: search(text) is not None)
                return lambda batch: list(map(found.__getitem__, batch.columns[column]))
            case _:
                holds = {"below": operator.lt, "above": operator.gt, "equals": operator.eq}[
                    test.word
                ]

        def compared(cell: Decimal | str | Refusal) -> bool | Refusal:
            if isinstance(cell, Decimal):
                return bool(holds(cell, number))
            return Refusal(cell.rule, cell.value) if cell else False  # type: ignore[union-attr]

        return lambda batch: [compared(cell) for cell in self.numbers(batch.columns[column])]


def _turned(cell: Any) -> Any:
    return EXACT.minus(cell) if isinstance(cell, Decimal) else cell
