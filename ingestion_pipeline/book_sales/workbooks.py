"""The sheets of an .xlsx file as rows of texts, as they are written there.

KDP's workbooks declare the size of every sheet as `A1`, so readers that trust it see one cell.
This one takes the cells that are there. Numbers stay texts: no float comes between the sheet and
the database.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree

from ingestion_pipeline.errors import ContractError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_COLUMN = re.compile(r"[A-Z]{1,3}")
_LARGEST_PART = 512 * 1024 * 1024  # bytes unpacked: a small file can hold terabytes of nothing


@dataclass(frozen=True)
class Row:
    """A row: its number in the sheet, from 1, and its cells from column A on."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """A sheet by its name."""

    name: str
    rows: list[Row] = field(repr=False)


def read_workbook(file: IO[bytes]) -> list[Sheet]:
    """All sheets of a workbook in their order.

    Raises:
        ContractError: it is no workbook, or a damaged one.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            shared = _shared_texts(archive)
            return [
                Sheet(name, list(_rows(_part(archive, path), shared)))
                for name, path in _sheets(archive)
            ]
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError) as error:
        raise ContractError(f"file: is not a readable .xlsx workbook ({error})") from None


def _part(archive: zipfile.ZipFile, path: str) -> ElementTree.Element:
    if archive.getinfo(path).file_size > _LARGEST_PART:
        raise ContractError(f"file: {path} is larger than {_LARGEST_PART} bytes")
    content = archive.read(path)
    if b"<!DOCTYPE" in content[:1024] or b"<!ENTITY" in content:
        raise ContractError(f"file: {path} declares entities, which no spreadsheet does")
    return ElementTree.fromstring(content)  # noqa: S314 - without entities it is harmless


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _part(archive, "xl/_rels/workbook.xml.rels")
    }
    for sheet in _part(archive, "xl/workbook.xml").iter(f"{_MAIN}sheet"):
        target = targets[sheet.get(f"{_RELATIONS}id")]
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        yield sheet.get("name", ""), path


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    path = "xl/sharedStrings.xml"
    if path not in archive.namelist():
        return []
    return [_text(item) for item in _part(archive, path).iter(f"{_MAIN}si")]


def _text(node: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in node.iter(f"{_MAIN}t"))


def _rows(sheet: ElementTree.Element, shared: list[str]) -> Iterator[Row]:
    for position, row in enumerate(sheet.iter(f"{_MAIN}row"), start=1):
        cells: list[str] = []
        for cell in row.iter(f"{_MAIN}c"):
            column = _column(cell.get("r"), len(cells))
            cells.extend([""] * (column - len(cells)))
            cells.append(_value(cell, shared))
        yield Row(int(row.get("r", position)), cells)


def _column(reference: str | None, following: int) -> int:
    """The column of a cell, from 0; a cell without a reference follows the one before."""
    letters = _COLUMN.match(reference or "")
    if letters is None:
        return following
    column = 0
    for letter in letters.group():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        return _text(cell)
    value = cell.findtext(f"{_MAIN}v") or ""
    return shared[int(value)] if kind == "s" and value else value
