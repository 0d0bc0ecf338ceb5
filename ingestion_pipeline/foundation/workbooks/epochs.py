"""From which year a workbook counts its days: 1900, or 1904 as old Macintoshes.

The library that reads workbooks knows it for cells that are formatted as dates, and keeps it to
itself; a day number in a plain cell is four years off where it is not known.

    .xls    record Date1904 ([MS-XLS] 2.4.77) of the globals, which begin with a BOF of type 5
    .xlsb   record BrtWbProp ([MS-XLSB] 2.4.822) of `xl/workbook.bin`, its first bit
    .ods    `table:null-date` (OpenDocument 1.3 part 3, 9.4.2) of `content.xml`, before its tables
"""

import struct
from collections.abc import Iterable, Mapping
from xml.parsers import expat

from ingestion_pipeline.foundation.errors import ContractError

_GLOBALS = b"\x09\x08\x10\x00\x00\x06\x05\x00"  # BOF: 16 bytes, BIFF8, the workbook's globals
_DATE_1904, _END = 0x22, 0x0A
_SECTOR = 64  # streams begin at a multiple of it, small ones, too
_WB_PROP = 153
_TABLES = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
_OF_1900, _OF_1904 = "1899-12-30", "1904-01-01"


def xls_counts_from_1904(content: bytes) -> bool:
    """Whether a workbook of Excel 97 to 2003 does; without the record it does not."""
    at = content.find(_GLOBALS)
    while at >= 0 and at % _SECTOR:
        at = content.find(_GLOBALS, at + 1)
    while 0 <= at <= len(content) - 6:
        kind, size, value = struct.unpack_from("<HHH", content, at)
        if kind == _DATE_1904:
            return bool(size == 2 and value == 1)
        if kind == _END:
            break
        at += 4 + size
    return False


def xlsb_counts_from_1904(part: bytes) -> bool:
    """Whether the workbook whose `xl/workbook.bin` this is does; without the record it does not."""
    at = 0
    while at < len(part):
        kind, at = _number(part, at, most=2)
        size, at = _number(part, at, most=4)
        if kind == _WB_PROP:
            return bool(part[at : at + 1] and part[at] & 1)
        at += size
    return False


def ods_counts_from_1904(pieces: Iterable[bytes]) -> bool:
    """Whether the workbook whose `content.xml` this is does; where it does not say, it does not.

    Raises:
        ContractError: it counts from another day, or declares entities.
        ExpatError: it is no XML up to there.
    """
    said: list[str] = []
    tables: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == f"{_TABLES} null-date" and not tables:
            said.append(attributes.get(f"{_TABLES} date-value", _OF_1900)[:10])
        elif name == f"{_TABLES} table":
            tables.append(name)

    def refuse(*_: object) -> None:
        raise ContractError("file: content.xml declares entities, which no spreadsheet does")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, refuse
    for piece in pieces:
        parser.Parse(piece, False)
        if tables:
            break
    since = said[-1] if said else _OF_1900
    if since not in (_OF_1900, _OF_1904):
        raise ContractError(
            f"file: counts its days from {since[:20]!r}; {_OF_1900} and {_OF_1904} are known"
        )
    return since == _OF_1904


def _number(part: bytes, at: int, *, most: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first ([MS-XLSB] 2.1.4); and where it ends."""
    found = 0
    for place in range(most):
        byte = part[at] if at < len(part) else 0
        found |= (byte & 0x7F) << (7 * place)
        at += 1
        if not byte & 0x80:
            break
    return found, at
