"""Rows that are refused: all are counted, the first are kept in full, as far as there is room."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
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


def document(reason: Reason) -> dict[str, Any]:
    """A reason as it is kept."""
    said: dict[str, Any] = storable(asdict(reason))
    return said
