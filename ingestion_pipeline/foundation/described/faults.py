"""A fault of a file that describes a source."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ingestion_pipeline.foundation.printable import printable

_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where.

    Attributes:
        file: the file, or the folder that should have one.
        line: counted from 1.
        field: its way in the file (`attributes.series[2]`); empty: the file as a whole.
        rule: what it must be.
        kind: which kind of source it was to be, where that can be told.
        column: counted from 1, where it is known.
    """

    file: Path
    line: int
    field: str
    rule: str
    kind: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = self.file.relative_to(Path.cwd()) if self.file.is_relative_to(Path.cwd()) else None
        column = "" if self.column is None else f":{self.column}"
        parts = (f"{where or self.file}:{self.line}{column}", self.field, self.rule)
        return printable(": ".join(part for part in parts if part))


def path_of(location: tuple[object, ...]) -> str:
    """`("attributes", "series", 2)` as `attributes.series[2]`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def rule_of(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What pydantic found, in the words of YAML: what is there, and what is allowed."""
    value, kind = error["input"], error["type"]
    if kind in {"extra_forbidden", "invalid_key"}:
        return f"is unknown; allowed are {', '.join(model.model_fields)}"
    if kind == "missing":
        return f"is missing: {model.model_fields[str(error['loc'][0])].description}"
    if kind == "string_type":
        return f"must be text, and is {_shown(value)}{_hint(value)}"
    if kind == "list_type":
        return f"must be a list, and is {_shown(value)}"
    return error["msg"].removeprefix("Value error, ")


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, list | dict):  # its text may be endless: aliases
        return "a list" if isinstance(value, list) else "a mapping"
    name = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
    return f"{name.get(type(value), type(value).__name__)} ({str(value)[:_SHOWN]})"


def _hint(value: object) -> str:
    if value is None or isinstance(value, list | dict):
        return ""
    return "; YAML reads it so without quotes: put it in quotes"
