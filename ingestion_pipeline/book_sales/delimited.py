"""Text reports as rows: whatever the encoding, the end of lines and the delimiter are."""

import csv
import io
from dataclasses import dataclass, field

from ingestion_pipeline.book_sales.workbooks import Row
from ingestion_pipeline.errors import ContractError

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Text:
    """A text report.

    Attributes:
        decimal_comma: where semicolons delimit, a comma is in the numbers: Excel writes both in
            countries that have them.
    """

    rows: list[Row] = field(repr=False)
    delimiter: str
    decimal_comma: bool


def is_workbook(content: bytes) -> bool:
    """Whether a file is an .xlsx, whatever its name is."""
    return content.startswith(_ZIP)


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, else Windows-1252.

    Raises:
        ContractError: it is no text.
    """
    if content.startswith(_OLD_EXCEL):
        raise ContractError("file: is a binary .xls workbook; save it as .xlsx or as text")
    if is_workbook(content):
        raise ContractError("file: is an .xlsx workbook, where this platform sends text")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise ContractError("file: is no text")
    # csv knows no lone CR, which is how old spreadsheets end a line.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(content: bytes, *, delimiter: str | None = None, quoted: bool = True) -> Text:
    """The rows of a text report; without a delimiter, that of its first line.

    Raises:
        ContractError: it is no text, or has an unclosed quote.
    """
    text = decoded(content)
    found = delimiter or _delimiter(text.partition("\n")[0])
    reader = csv.reader(
        io.StringIO(text),
        delimiter=found,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    try:
        rows = [Row(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise ContractError(f"file: line {reader.line_num}: {error}") from None
    return Text(rows, found, decimal_comma=found == ";")


def _delimiter(line: str) -> str:
    return max((",", ";", "\t"), key=line.count)
