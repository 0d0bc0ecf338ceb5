"""What waits, and what for: rows for their parents, files for their bytes, all else for its turn.

Nothing that waits is lost, and nothing is stored twice when it is taken up: what is known already
is counted as known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity
from ingestion_pipeline.domains.commerce.tables import FINAL, STAGING
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads

MOST = 100
_JOBS = sa.text("""
    SELECT j.job_id, j.kind, j.status, j.attempt, j.max_attempts, j.available_at, j.created_at,
           j.error, u.upload_id, u.file_name, u.status AS file_status
    FROM jobs AS j LEFT JOIN uploads AS u ON u.job_id = j.job_id AND u.mapped_from IS NULL
    WHERE j.tenant_id = :tenant_id AND j.status IN ('pending', 'processing', 'retrying')
      AND NOT starts_with(j.kind, 'outside.')
      AND (CAST(:job_id AS bigint) IS NULL OR j.job_id = :job_id)
    ORDER BY j.job_id LIMIT :limit
""")
_HALVES = sa.text("""
    SELECT d.site_name, d.day, d.missing, d.collected_at FROM collected_days AS d
    JOIN tenant_sites AS s ON s.site_name = d.site_name AND s.tenant_id = :tenant_id
    WHERE cardinality(d.missing) > 0 ORDER BY d.day DESC, d.site_name LIMIT :limit
""")
_HALF = sa.text("""
    SELECT d.site_name, d.day, d.missing, d.collected_at FROM collected_days AS d
    JOIN tenant_sites AS s ON s.site_name = d.site_name AND s.tenant_id = :tenant_id
    WHERE cardinality(d.missing) > 0 AND d.site_name = :site AND d.day = CAST(:day AS date)
""")
# Tenants' roles may read no session: its token, and where its chunks are.
_COMING = sa.text("""
    SELECT s.session_id, f.file_name, f.bytes, s.created_at, s.expires_at,
           (SELECT coalesce(sum(c.last_byte - c.first_byte + 1), 0)
            FROM upload_chunks AS c WHERE c.session_file_id = f.session_file_id) AS received
    FROM upload_sessions AS s JOIN upload_session_files AS f ON f.session_id = s.session_id
    WHERE s.tenant_id = :tenant_id AND s.expires_at > now() AND f.upload_id IS NULL
    ORDER BY f.session_file_id LIMIT :limit
""")
_JOB_OF = {
    "f": sa.text("SELECT job_id FROM uploads WHERE upload_id = CAST(:key AS bigint) "
                 "AND tenant_id = :tenant_id"),
    "p": sa.text("SELECT job_id FROM gumroad_pings WHERE ping_id = CAST(:key AS bigint) "
                 "AND tenant_id = :tenant_id"),
    "e": sa.text("SELECT job_id FROM ingestion_events WHERE ingestion_id = :key "
                 "AND tenant_id = :tenant_id"),
    "j": sa.text("SELECT job_id FROM jobs WHERE job_id = CAST(:key AS bigint) "
                 "AND tenant_id = :tenant_id"),
}  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """Something that waits.

    Attributes:
        what: rows of a type, a file, an event …
        number: of rows; None where that is not known before it is read.
        waits_for: the reason, in words.
        since: when it began to, UTC.
        receipt: of the delivery that it is part of; None: of several, or it is none yet.
        session: number of the upload session in which it is still coming.
    """

    what: str
    number: int | None
    waits_for: str
    since: datetime | None
    receipt: str | None = None
    session: int | None = None


def of_tenant(connection: sa.Connection, *, tenant_id: int, limit: int = MOST) -> list[Waiting]:
    """All that has come of a tenant and waits: by the parent that is missing, and job by job."""
    found = [
        each
        for entity in ENTITIES.values()
        for each in _rows(connection, entity, tenant_id, upload_id=None, limit=limit)
    ]
    found += _jobs(connection, tenant_id, limit=limit)
    halves = connection.execute(_HALVES, {"tenant_id": tenant_id, "limit": limit})
    return found + [_half(row) for row in halves]


def of_delivery(connection: sa.Connection, *, tenant_id: int, receipt: str) -> list[Waiting]:
    """What waits of a delivery: rows of a file, or of the records that a mapping made of it, by
    their parents; its own turn; what was not collected of a day.

    Args:
        receipt: of one that there is.
    """
    letter, key = receipt[0], receipt[1:]
    if letter == "c":
        site, _, day = key.rpartition("@")
        values = {"tenant_id": tenant_id, "site": site, "day": day}
        return [_half(row) for row in connection.execute(_HALF, values)]
    found = [
        each
        for entity in (ENTITIES.values() if letter == "f" else ())
        for each in _rows(connection, entity, tenant_id, upload_id=int(key), limit=MOST)
    ]
    job = _JOB_OF.get(letter)
    values = {"tenant_id": tenant_id, "key": key}
    job_id = None if job is None else connection.scalar(job, values)
    return found if job_id is None else found + _jobs(connection, tenant_id, job_id=job_id)


def coming(connection: sa.Connection, *, tenant_id: int, limit: int = MOST) -> list[Waiting]:
    """Files that were announced in upload sessions, and are not whole yet.

    Args:
        connection: of the gateway's own role, which sees everybody's.
    """
    return [
        Waiting(
            row.file_name, None,
            f"the rest of its bytes: {row.received:,} of {row.bytes:,} have come "
            f"(upload session {row.session_id}, until {row.expires_at:%Y-%m-%d %H:%M} UTC)",
            row.created_at, session=row.session_id,
        )
        for row in connection.execute(_COMING, {"tenant_id": tenant_id, "limit": limit})
    ]  # fmt: skip


def _half(row: Any) -> Waiting:
    return Waiting(
        f"{row.site_name}, {row.day}", None, f"{' and '.join(row.missing)}: not collected",
        row.collected_at, f"c{row.site_name}@{row.day}",
    )  # fmt: skip


def _rows(
    connection: sa.Connection,
    entity: Entity,
    tenant_id: int,
    *,
    upload_id: int | None,
    limit: int,
) -> Iterator[Waiting]:
    """Rows of a type that wait, by the parent that is not there; most rows first."""
    table = STAGING[entity.name]
    mine = [table.c.waiting.is_(True), table.c.tenant_id == tenant_id]
    if upload_id is not None:
        u = uploads.c
        parts = sa.select(u.upload_id).where(u.tenant_id == tenant_id, u.mapped_from == upload_id)
        mine.append(sa.or_(table.c.upload_id == upload_id, table.c.upload_id.in_(parts)))
    for field, parent in entity.parents.items():
        target, key = FINAL[parent], ENTITIES[parent].key
        there = sa.exists().where(
            target.c.tenant_id == table.c.tenant_id, target.c[key] == table.c[field]
        )
        query = (
            sa.select(
                table.c[field].label("id"), sa.func.count().label("number"),
                sa.func.min(table.c.waiting_since).label("since"),
                sa.func.min(table.c.upload_id).label("first"),
                sa.func.count(table.c.upload_id.distinct()).label("files"),
            )
            .where(*mine, ~there)
            .group_by(table.c[field])
            .order_by(sa.func.count().desc(), table.c[field])
            .limit(limit)
        )  # fmt: skip
        for row in connection.execute(query).all():
            receipt = f"f{row.first}" if row.files == 1 else None
            yield Waiting(
                f"{entity.name}", row.number, f"{field} {row.id}, which has not come", row.since,
                receipt,
            )  # fmt: skip


def _jobs(
    connection: sa.Connection, tenant_id: int, *, job_id: int | None = None, limit: int = MOST
) -> list[Waiting]:
    values = {"tenant_id": tenant_id, "job_id": job_id, "limit": limit}
    return [
        Waiting(
            row.file_name or row.kind, None, _turn(row), row.created_at,
            None if row.upload_id is None else f"f{row.upload_id}",
        )
        for row in connection.execute(_JOBS, values)
    ]  # fmt: skip


def _turn(row: Any) -> str:
    if row.status == "processing":
        return f"is being worked on, attempt {row.attempt} of {row.max_attempts}"
    if row.attempt:
        return f"its next attempt ({row.attempt} of {row.max_attempts} failed: {row.error or '?'})"
    return "to be merged" if row.file_status == "staged" else "its turn"
