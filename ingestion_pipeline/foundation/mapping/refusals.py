"""Why a value can't be used; it stands in the value's place until its row is rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_NAMED = 5  # columns in a sentence


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule, and what broke it.

    Attributes:
        rule: as the end of a sentence that begins with the field's name.
        value: what was found.
    """

    rule: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row was refused, or what a check found.

    Attributes:
        line: of the file, from 1; 0: the file as a whole.
        field: of ours; `columns`: of the file, as its header calls them, that the value is from.
    """

    line: int
    field: str
    rule: str
    value: str = ""
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f" [{self.value}]" if self.value else ""
        where = f"line {self.line}" if self.line else "the whole file"
        return f"{where}: {sentence(self.field, self.columns, self.rule)}{shown}"


def sentence(field: str, columns: Sequence[str], rule: str) -> str:
    """Why, in one sentence: a field of ours, the columns of the file that it is from, the rule."""
    if not columns or list(columns) == [field]:
        return f"{field} {rule}"
    names = ", ".join(map(repr, columns[:_MOST_NAMED])) + (", …" if columns[_MOST_NAMED:] else "")
    return f"{field} (column{'s' if columns[1:] else ''} {names}) {rule}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not loaded.

    Attributes:
        line: of the file, from 1.
        text: as it stands there.
        reasons: every one of them.
    """

    line: int
    text: str
    reasons: tuple[Reason, ...]
