"""The header of a CSV file: its delimiter, its columns, and whether a line may be one at all."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator

from ingestion_pipeline.domains.commerce.contract.entities import Entity
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError

_DELIMITERS = ",;\t|"
# Excel's own first line.
SEPARATOR_LINE = re.compile(rb"\s*\"?sep=([,;\t|:^~])\"?\s*", re.IGNORECASE)
_SHOWN = 500  # characters of a header


class Header:
    """What the header line says.

    Attributes:
        line: its bytes, without its end.
        names: of the columns, known ones as the contract spells them.
    """

    def __init__(self, line: bytes, delimiter: str, entity: Entity) -> None:
        self.line = line.strip()
        text = self.line.decode("utf-8", "surrogateescape")
        spaced = 0 < text.count(delimiter) == text.count(f"{delimiter} ")
        self._delimiter, self._spaced = delimiter, spaced
        try:
            [cells] = self.reader([text])
        except csv.Error as error:
            raise WrongFileError(f"header: must be a CSV record: {error}") from None
        known = {field.name for field in entity.fields}
        self.names = [_column(cell, known) for cell in cells]
        self.known = len(known & set(self.names))

    def reader(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """A reader of records that are written as the header is."""
        return csv.reader(
            texts, delimiter=self._delimiter, skipinitialspace=self._spaced, strict=True
        )

    def require(self, entity: Entity) -> None:
        """Raise WrongFileError unless a file of the entity may have this header."""
        try:
            readable = b"\x00" not in "".join(self.names).encode()
        except UnicodeEncodeError:
            readable = False
        if not readable:
            found = f"{self.names!r:.{_SHOWN}}"
            raise WrongFileError(f"header: must be UTF-8 without NUL, found {found}")
        twice = sorted({name for name in self.names if name and self.names.count(name) > 1})
        if twice:
            names = f"{', '.join(twice):.{_SHOWN}}"
            raise WrongFileError(f"header: the column {names} is there twice")
        needed = {
            field.name for field in entity.fields if not field.nullable and field.kind != "object"
        }
        if missing := needed - set(self.names):
            raise WrongFileError(
                f"header: {entity.name} needs the columns {', '.join(sorted(missing))}; "
                f"found {', '.join(self.names):.{_SHOWN}}"
            )


def begins_with_header(head: bytes, entity: Entity) -> bool:
    """Whether what a file begins with is a header of the entity's, `sep=;` before it or not."""
    lines = [line for line in head.splitlines()[:3] if line.strip()]
    if lines and SEPARATOR_LINE.fullmatch(lines[0]):
        return True
    return bool(lines) and is_header(lines[0], entity)


def is_header(line: bytes, entity: Entity) -> bool:
    """Whether a file of the entity's may have this line as its header."""
    try:
        best_header(line, "", entity).require(entity)
    except WrongFileError:
        return False
    return True


def beginning_of_headers(entity: Entity) -> Callable[[bytes], object]:
    """What tells at little cost that a line can't be a header: it begins with no column's name."""
    names = "|".join(field.name.replace("_", r"[\s_-]") for field in entity.fields)
    return re.compile(rf"[\s\"]*(?:{names})[\s\"]*[{_DELIMITERS}]".encode(), re.IGNORECASE).match


def _column(cell: str, known: set[str]) -> str:
    spelled = re.sub(r"[\s-]+", "_", cell.strip().lower())
    return spelled if spelled in known else cell.strip()


def best_header(line: bytes, hint: str, entity: Entity) -> Header:
    """The header that a line is, under the delimiter that makes most known columns of it.

    Args:
        line: with its end or without.
        hint: the delimiter that is tried first, or none.
        entity: whose columns are known.

    Raises:
        WrongFileError: it is no CSV under any of them.
    """
    failed: WrongFileError | None = None
    headers: list[Header] = []
    for delimiter in dict.fromkeys(f"{hint}{_DELIMITERS}"):
        try:
            headers.append(Header(line, delimiter, entity))
        except WrongFileError as error:
            failed = failed or error
    if not headers and failed:
        raise failed
    return max(headers, key=lambda header: header.known)  # the first of the best
