"""Rows that are refused: all are counted, the first are kept in full, as far as there is room."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected, sentence
from ingestion_pipeline.foundation.mapping.telling import is_impersonal
from ingestion_pipeline.foundation.storable import storable
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_COLUMNS = ("upload_id", "line_number", "tenant_id", "file_name", "raw", "reasons")


class Refusals:
    """Refused rows of a file, by line: several rows of a line are refused together.

    Attributes:
        bytes: of those that are kept, with their reasons.
    """

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self._most = min(most_bytes, uploads.MOST_KEPT_BYTES)
        self._kept: dict[int, tuple[str, list[dict[str, Any]]]] = {}
        self._full = False

    @property
    def kept(self) -> int:
        """How many are kept in full."""
        return len(self._kept)

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Keep rows while there is room."""
        for each in rejected:
            if self._full:
                return
            self._keep(each)

    def _keep(self, rejected: Rejected) -> None:
        reasons = [document(reason) for reason in rejected.reasons]
        known = self._kept.get(rejected.line)
        raw = "" if known else storable(rejected.text)
        size = len(raw.encode()) + len(json.dumps(reasons))
        if self.bytes + size > self._most or (not known and self.kept >= uploads.MOST_KEPT):
            self._full = True
            return
        self.bytes += size
        if known:
            known[1].extend(reasons)
        else:
            self._kept[rejected.line] = (raw, reasons)

    def write(
        self, connection: sa.Connection, *, upload_id: int, tenant_id: int, file_name: str
    ) -> None:
        """Write those that are kept, in the place of what an earlier reading kept."""
        mine = rejected_rows.c.upload_id == upload_id
        connection.execute(sa.delete(rejected_rows).where(mine))
        rows = [
            (upload_id, line, tenant_id, file_name, raw, json.dumps(reasons))
            for line, (raw, reasons) in sorted(self._kept.items())
        ]
        copy_rows(connection, rejected_rows.name, _COLUMNS, rows)


def first_rejected(
    connection: sa.Connection, upload_ids: Sequence[int], *, most: int
) -> list[dict[str, Any]]:
    """The first refused rows of files, in their order, without their text, which may be personal.

    Each with its upload, file, line and reasons; of a reason, the field of ours, the columns of the
    file, the rule, and the value where it is a number or a date, and so nobody's name.
    """
    c = rejected_rows.c
    query = (
        sa.select(c.upload_id, c.file_name.label("file"), c.line_number.label("line"), c.reasons)
        .where(c.upload_id.in_(upload_ids))
        .order_by(c.upload_id, c.line_number)
        .limit(most)
    )
    return [
        {**row, "reasons": [_told(reason) for reason in row["reasons"]]}
        for row in map(dict, connection.execute(query).mappings())
    ]


def first_of_each(
    connection: sa.Connection, upload_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """By upload, the first of its refused rows that were not replayed, as `first_rejected` does."""
    c = rejected_rows.c
    query = (
        sa.select(c.upload_id, c.line_number, c.reasons)
        .where(c.upload_id.in_(upload_ids), c.replayed_by.is_(None))
        .distinct(c.upload_id)
        .order_by(c.upload_id, c.line_number)
    )
    return {
        upload_id: {"line": line, "reasons": [_told(reason) for reason in reasons]}
        for upload_id, line, reasons in connection.execute(query)
    }


def why(reasons: Iterable[Mapping[str, Any]]) -> str:
    """Reasons as one sentence, as they are kept or told."""
    return "; ".join(
        sentence(each["field"], each.get("columns") or (), each["rule"])
        + (f" [{each['value']}]" if each.get("value") else "")
        for each in reasons
    )


def _told(reason: Mapping[str, Any]) -> dict[str, Any]:
    value = reason.get("value") or ""
    return {
        "field": reason["field"], "columns": reason.get("columns") or [], "rule": reason["rule"],
        "value": value if is_impersonal(value) else "",
    }  # fmt: skip


def document(reason: Reason) -> dict[str, Any]:
    """A reason as it is kept."""
    said: dict[str, Any] = storable(asdict(reason))
    return said
