"""Refused rows as files: NDJSON to be corrected and sent back, CSV to be read.

What begins as a formula is a text to a spreadsheet where an apostrophe stands in front of it
(<https://owasp.org/www-community/attacks/CSV_Injection>), so CSV is no way back.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CSV_HEADER = ("file", "line", "field", "rule", "value", "row", "taken_by")


def ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Refused rows as `rejected export` writes them: put `row` right in each line, and send it to
    `POST /api/receipts/replay`.
    """
    for row in rows:
        if row["replayed_by"] is None:
            yield msgspec.json.encode(
                {
                    "upload_id": row["upload_id"], "line_number": row["line_number"],
                    "row": _shown(row["raw"]), "file_name": row["file_name"],
                    "reasons": row["reasons"],
                }
            ) + b"\n"  # fmt: skip


def as_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Refused rows for a spreadsheet, a line a reason; UTF-8 with the mark that Excel wants."""
    yield b"\xef\xbb\xbf" + _line(_CSV_HEADER)
    for row in rows:
        for reason in row["reasons"] or [{}]:
            said = reason if isinstance(reason, dict) else {"rule": reason}
            rule = said.get("rule") or said.get("message") or ""
            yield _line(
                (
                    row["file_name"], row["line_number"], said.get("field") or "", rule,
                    said.get("value"), row["raw"], row["replayed_by"],
                )
            )  # fmt: skip


def safe(value: object) -> object:
    """A value that no spreadsheet takes for a formula.

    >>> safe("=1+1"), safe("-5"), safe(" =x"), safe(12), safe(None)
    ("'=1+1", "'-5", "' =x", 12, '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    begins = value.lstrip(" \u00a0").startswith(_FORMULA) or value.startswith(_FORMULA)
    return f"'{value}" if begins else value


def _line(cells: Iterable[object]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe(cell) for cell in cells])
    return buffer.getvalue().encode()


def _shown(raw: str) -> Any:
    """A row as the object that it is; else its text."""
    try:
        is_object = isinstance(msgspec.json.decode(raw), dict) and "\n" not in raw
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(raw.encode()) if is_object else raw
