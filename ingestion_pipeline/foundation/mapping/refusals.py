"""Why a value can't be used; it stands in the value's place until its row is rejected."""

from dataclasses import dataclass


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
    """

    line: int
    field: str
    rule: str
    value: str = ""

    def __str__(self) -> str:
        shown = f" [{self.value}]" if self.value else ""
        where = f"line {self.line}" if self.line else "the whole file"
        return f"{where}: {self.field} {self.rule}{shown}"


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
