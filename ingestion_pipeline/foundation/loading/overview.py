"""What has come for each mapping: the last file, how many, of what."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.loading.known import DOMAIN


@dataclass(frozen=True)
class Came:
    """What has come for a mapping.

    Attributes:
        last: when the last file came.
        used: lines that were used; `rejected`: that were refused.
    """

    mapping: str
    files: int
    waiting: int
    failed: int
    used: int
    rejected: int
    last: datetime


def overview(connection: sa.Connection, *, tenant_id: int | None = None) -> dict[str, Came]:
    """By `source/mapping`, what has come; of a tenant, or of all."""
    c = uploads.c
    query = (
        sa.select(
            c.type,
            sa.func.count(),
            sa.func.count().filter(c.status == "recorded"),
            sa.func.count().filter(c.status == "failed"),
            sa.func.coalesce(sa.func.sum(c.staged), 0),
            sa.func.coalesce(sa.func.sum(c.rejected), 0),
            sa.func.max(c.recorded_at),
        )
        .where(c.domain == DOMAIN, sa.true() if tenant_id is None else c.tenant_id == tenant_id)
        .group_by(c.type)
        .order_by(c.type)
    )
    return {
        name: Came(name, files, waiting, failed, int(used), int(rejected), last)
        for name, files, waiting, failed, used, rejected, last in connection.execute(query)
    }
