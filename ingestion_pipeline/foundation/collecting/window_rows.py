"""The row of a window: what is known of it, of its file, and of what came of that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.collecting.fetching import Fetched
from ingestion_pipeline.foundation.collecting.tables import series_windows
from ingestion_pipeline.foundation.ledger.tables.intake import intake_deliveries
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.mapping.words import Mapped

_c, _u, _d = series_windows.c, uploads.c, intake_deliveries.c
_AROUND = series_windows.outerjoin(uploads, _u.upload_id == _c.upload_id).outerjoin(
    intake_deliveries, _d.upload_id == _c.upload_id
)


@dataclass(frozen=True)
class Before:
    """What is known of a window that was read before, and of the file of its records.

    Attributes:
        status: of the file's upload; None: there is none.
        mapping_sha256: by which the file was loaded; None: it was not.
    """

    content_sha256: str | None = None
    upload_id: int | None = None
    status: str | None = None
    mapping_sha256: str | None = None


@dataclass(frozen=True)
class WindowRow:
    """The row of one window."""

    tenant_id: int
    mapped: Mapped
    window: str

    def before(self, connection: sa.Connection) -> Before:
        """What is known of it; of a window that was never read, nothing."""
        query = sa.select(_c.content_sha256, _c.upload_id, _u.status, _d.mapping_sha256)
        row = connection.execute(query.select_from(_AROUND).where(*self._mine)).one_or_none()
        return Before() if row is None else Before(*row)

    def note(
        self,
        connection: sa.Connection,
        fetched: Fetched,
        *,
        upload_id: int | None,
        is_new_content: bool,
    ) -> None:
        """Write that it was read to its end."""
        values: dict[str, Any] = {
            "pages": fetched.pages, "records": fetched.records, "upload_id": upload_id,
            "collected_at": sa.func.now(),
        }  # fmt: skip
        if is_new_content:
            values["content_sha256"] = fetched.sha256
        statement = insert(series_windows).values(
            tenant_id=self.tenant_id, source=self.mapped.source, mapping=self.mapped.name,
            period=self.window, most_records=fetched.records, **values,
        )  # fmt: skip
        most = sa.func.greatest(_c.most_records, fetched.records)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(series_windows.primary_key),
                set_={**values, "most_records": most},
            )
        )

    def came_to(self, connection: sa.Connection) -> dict[str, Any]:
        """What its file came to when it was loaded; nothing, where there is none."""
        query = sa.select(
            _c.pages, _c.records, _c.most_records, _c.upload_id, _u.lines, _u.rejected, _d.made,
            _d.became, _d.refused, _d.warned,
        )  # fmt: skip
        row = connection.execute(query.select_from(_AROUND).where(*self._mine)).mappings().one()
        return dict(row)

    def is_done_since(self, connection: sa.Connection, moment: datetime) -> bool:
        """Whether it was read to its end since a moment, and what it had is loaded."""
        loaded = sa.or_(_c.upload_id.is_(None), _u.status == "loaded")
        query = sa.select(sa.literal(1)).select_from(_AROUND)
        query = query.where(*self._mine, _c.collected_at >= moment, loaded)
        return connection.scalar(query) is not None

    @property
    def _mine(self) -> list[sa.ColumnElement[bool]]:
        return [
            _c.tenant_id == self.tenant_id, _c.source == self.mapped.source,
            _c.mapping == self.mapped.name, _c.period == self.window,
        ]  # fmt: skip


def status_of(connection: sa.Connection, upload_id: int) -> tuple[str, str | None]:
    """The status of an upload, and why it can't be used."""
    query = sa.select(_u.status, _u.error).where(_u.upload_id == upload_id)
    row = connection.execute(query).one()
    return row.status, row.error
