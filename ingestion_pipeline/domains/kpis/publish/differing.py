"""Published documents beside what the tables say: the keys of those that differ.

Only what is settled is compared: what is pending is expected to differ.
"""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.publish.documents import (
    error_document,
    error_key,
    job_key,
    package_key,
    series_key,
)
from ingestion_pipeline.domains.kpis.publish.packages import package_document, package_rows
from ingestion_pipeline.domains.kpis.publish.reading import job_documents, series_document
from ingestion_pipeline.domains.kpis.tables import errors, job_kpis, jobs, points, series, updates
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.key_value.contract import KeyValue

Stores = Callable[[str], KeyValue]
"""The store of a namespace: where documents are read."""
_Document = tuple[int, str, Any]


def differing_packages(
    connection: sa.Connection, sample: int, *, stores: Stores, late: timedelta
) -> list[str]:
    """The keys of published packages that differ, among the newest."""
    u = updates.c
    unsettled = updates.alias()
    query = (
        sa.select(u.tenant_id, u.trace_id, u.kpi_id)
        .join(
            points,
            sa.and_(
                points.c.tenant_id == u.tenant_id,
                points.c.kpi_id == u.kpi_id,
                points.c.observed_at == u.observed_at,
            ),
        )
        .where(
            u.error.is_(None),
            points.c.quality.is_not(None),
            ~sa.exists().where(
                unsettled.c.tenant_id == u.tenant_id,
                unsettled.c.trace_id == u.trace_id,
                unsettled.c.kpi_id == u.kpi_id,
                unsettled.c.pending,
            ),
        )
        .order_by(u.update_id.desc())
        .limit(sample)
    )
    keys = {(row[0], row[1], row[2]) for row in connection.execute(query)}
    return _differing(
        connection,
        stores,
        (
            (
                row.tenant_id,
                package_key(row.trace_id, row.kpi_id),
                package_document(connection, row, late=late),
            )
            for row in package_rows(connection, keys)
        ),
    )


def differing_series(
    connection: sa.Connection, sample: int, *, stores: Stores, newest: int
) -> list[str]:
    """The keys of published time series that differ."""
    settled = connection.execute(sa.select(series).where(~series.c.pending).limit(sample)).all()
    return _differing(
        connection,
        stores,
        (
            (
                row.tenant_id,
                series_key(row.kpi_id),
                series_document(
                    connection, tenant_id=row.tenant_id, kpi_id=row.kpi_id, newest=newest
                ),
            )
            for row in settled
            if not _has_ungraded(connection, row)
        ),
    )


def differing_jobs(connection: sa.Connection, sample: int, *, stores: Stores) -> list[str]:
    """The keys of published jobs that differ, among the newest."""
    unsettled = sa.exists().where(
        job_kpis.c.tenant_id == jobs.c.tenant_id,
        job_kpis.c.trace_id == jobs.c.trace_id,
        job_kpis.c.pending,
    )
    settled = (
        sa.select(jobs.c.tenant_id, jobs.c.trace_id)
        .where(~jobs.c.pending, ~unsettled)
        .order_by(jobs.c.updated_at.desc())
        .limit(sample)
    )
    keys = [(row[0], row[1]) for row in connection.execute(settled)]
    made = job_documents(connection, keys)
    return _differing(
        connection,
        stores,
        ((tenant_id, job_key(trace_id), made[tenant_id, trace_id]) for tenant_id, trace_id in keys),
    )


def differing_errors(connection: sa.Connection, sample: int, *, stores: Stores) -> list[str]:
    """The keys of published error reports that differ, among the newest."""
    settled = (
        sa.select(errors).where(~errors.c.pending).order_by(errors.c.error_id.desc()).limit(sample)
    )
    rows = connection.execute(settled).all()
    return _differing(
        connection, stores, ((row.tenant_id, error_key(row), error_document(row)) for row in rows)
    )


def _has_ungraded(connection: sa.Connection, row: Any) -> bool:
    of_series = (points.c.tenant_id == row.tenant_id, points.c.kpi_id == row.kpi_id)
    return bool(
        connection.scalar(sa.select(sa.exists().where(*of_series, points.c.quality.is_(None))))
    )


def _differing(
    connection: sa.Connection, stores: Stores, expected: Iterable[_Document]
) -> list[str]:
    names = dict(connection.execute(sa.select(tenants.c.tenant_id, tenants.c.name)).tuples().all())
    found: list[str] = []
    for tenant_id, key, document in expected:
        entry = stores(names[tenant_id]).get(key) if tenant_id in names else None
        if entry is None or _numbers_alike(entry.value) != _numbers_alike(document):
            found.append(key)
    return found


def _numbers_alike(document: Any) -> Any:
    """A document whose numbers are all floats: a float of 1e16 may come back as an integer."""
    return json.loads(json.dumps(document), parse_int=float)
