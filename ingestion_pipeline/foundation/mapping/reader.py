"""Reading nodes of a mapping: what is there is taken, what is wrong is noted, and all goes on.

One reading of a file finds all its faults; whoever reads gets a harmless value in the place of one
that is at fault.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion_pipeline.foundation.mapping.day_order import turned
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.faults import Fault, meant
from ingestion_pipeline.foundation.mapping.moments import BadFormatError, moment_reader
from ingestion_pipeline.foundation.mapping.months import LANGUAGES
from ingestion_pipeline.foundation.mapping.words import MappedColumn

_NEVER = re.compile(r"(?!)")
_UTC = ZoneInfo("UTC")
_LONGEST_PATTERN = 200


class Reader:
    """The faults of a file, and the columns that it names.

    Attributes:
        uses: columns, each with the place that names it first.
        settings: what `{setting: name}` stands for.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.settings: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.uses: dict[str, MappedColumn] = {}

    def fault(self, node: Node, rule: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(self.file, node.place, node.path, rule))

    def mapping(
        self,
        node: Node | None,
        allowed: Iterable[str] | None = None,
        *,
        instead: Mapping[str, str] | None = None,
    ) -> Mapping[str, Node]:
        """The values of a mapping by their keys, those that are allowed.

        Args:
            node: None stands for nothing.
            allowed: None: whatever they are.
            instead: of words that other languages have, what is said here.
        """
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.fault(node, f"must be a mapping, and is {node.describe()}")
            return {}
        if allowed is None:
            return node.value
        known = list(allowed)
        for name, child in node.value.items():
            if name not in known:
                ours = (instead or {}).get(name)
                told = meant(name, known) if ours is None else f", did you mean {ours!r}?"
                self.fault(child, f"is unknown{told}")
        return {name: child for name, child in node.value.items() if name in known}

    def has_unknown(self, node: Node, allowed: Iterable[str]) -> bool:
        """Whether a mapping has keys that are not allowed."""
        return isinstance(node.value, dict) and bool(set(node.value) - set(allowed))

    def items(self, node: Node | None) -> tuple[Node, ...]:
        """The items of a list; a single value is a list of one."""
        if node is None:
            return ()
        if isinstance(node.value, tuple):
            if not node.value:
                self.fault(node, "must not be an empty list")
            return node.value
        return (node,)

    def text(self, node: Node | None, default: str = "") -> str:
        """A text that says something."""
        if node is None:
            return default
        if not isinstance(node.value, str):
            self.fault(node, f"must be a text, and is {node.describe()}")
            return default
        if not node.value or node.tag == "null":
            self.fault(node, "must not be empty")
        return node.value

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """A list of texts, or one."""
        return tuple(self.text(each) for each in self.items(node))

    def one_of(self, node: Node | None, allowed: Iterable[str], default: str) -> str:
        """A text that is one of a few."""
        if node is None:
            return default
        value, known = self.text(node), list(allowed)
        if value not in known:
            self.fault(node, f"is {value!r}{meant(value, known)}")
            return default
        return value

    def flag(self, node: Node | None, *, default: bool = False) -> bool:
        """`true` or `false`, unquoted or not."""
        if node is None:
            return default
        if node.value not in ("true", "false"):
            self.fault(node, f"must be true or false, and is {node.describe()}")
            return default
        return node.value == "true"

    def whole(self, node: Node, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        text = node.value if isinstance(node.value, str) else ""
        if not re.fullmatch(r"-?[0-9]{1,6}", text) or not least <= int(text) <= most:
            self.fault(
                node, f"must be a whole number from {least} to {most}, and is {node.describe()}"
            )
            return least
        return int(text)

    def number(self, node: Node | None, default: Decimal = Decimal(0)) -> Decimal:
        """A number as the mapping writes it: with a point."""
        if node is None:
            return default
        try:
            number = Decimal(node.value) if isinstance(node.value, str) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite():
            self.fault(node, f"must be a number such as 0.05, and is {node.describe()}")
            return default
        return number

    def pattern(self, node: Node) -> re.Pattern[str]:
        """A regular expression."""
        text = self.text(node)
        if len(text) > _LONGEST_PATTERN:
            self.fault(node, f"must be at most {_LONGEST_PATTERN} characters long")
            return _NEVER
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            self.fault(node, f"is no regular expression: {error}")
            return _NEVER

    def zone(self, node: Node | None) -> ZoneInfo | None:
        """A time zone by its name."""
        if node is None:
            return None
        name = self.text(node)
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fault(node, f"is {name!r}, and must be a time zone such as Europe/London")
            return _UTC

    def dates(self, node: Node | None) -> tuple[str, ...]:
        """How dates are written: one format or several."""
        formats = []
        for each in self.items(node):
            text = self.text(each)
            try:
                moment_reader((text,), None)
            except BadFormatError as error:
                self.fault(each, str(error))
            else:
                if turned(text) != text and turned(text) in formats:
                    told = f"beside {turned(text)}: of 5/6/2022 nobody could tell which is meant"
                    self.fault(each, f"is {text!r} {told}")
                formats.append(text)
        return tuple(formats)

    def languages(self, node: Node | None) -> tuple[str, ...]:
        """Languages of the names of months: English where nothing is said."""
        return tuple(self.one_of(each, LANGUAGES, "en") for each in self.items(node)) or ("en",)

    def column(self, node: Node, name: str | None = None) -> str:
        """The name of a column, which a file must have."""
        name = self.text(node) if name is None else name
        if name:
            self.uses.setdefault(name, MappedColumn(node.place, node.path))
        return name

    def columns(self, node: Node | None) -> tuple[str, ...]:
        """Names of columns, or one."""
        return tuple(self.column(each) for each in self.items(node))
