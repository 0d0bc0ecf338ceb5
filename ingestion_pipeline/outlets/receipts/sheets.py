"""Refused rows as files: NDJSON to be corrected and sent back, CSV to be read.

In CSV what begins like a formula has an apostrophe in front, so it is no way back.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ingestion_pipeline.foundation.spreadsheets import harmless

_CSV_HEADER = ("file", "line", "field", "rule", "value", "row", "taken_by")


def ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Refused rows as `rejected export` writes them: put `row` right in each line, and send it to
    `POST /api/v1/ingest/rejected/`.
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


def _line(cells: Iterable[object]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(
        [harmless(cell) if isinstance(cell, str) else cell for cell in cells]
    )
    return buffer.getvalue().encode()


def _shown(raw: str) -> Any:
    """A row as the object that it is; else its text."""
    try:
        is_object = isinstance(msgspec.json.decode(raw), dict) and "\n" not in raw
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(raw.encode()) if is_object else raw
