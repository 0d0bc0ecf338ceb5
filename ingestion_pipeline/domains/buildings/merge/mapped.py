"""Samples that a mapping made of a file → `timeseries_raw`, where the file that came later wins.

They are put into a temporary table and merged a month at a time, as a window of the collector is;
`collected_at` is when their file came, so that an older file that is loaded late changes nothing.
What follows of them (`publish/by_file.py`) is due from the same transaction on.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.mapped import BUILDING_SAMPLES, Fault, sample_of
from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.domains.buildings.tables import collected_windows, tenant_sites
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_COLUMNS = (
    "position", "site_name", "point_name", "timestamp", "value", "value_text", "quality",
    "metadata",
)  # fmt: skip
_MAKE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS mapped_samples (
        position bigint NOT NULL, site_name text COLLATE "C", point_name text COLLATE "C",
        timestamp timestamptz, value double precision, value_text text, quality text,
        metadata jsonb
    ) ON COMMIT DROP
"""
_MONTHS = "SELECT DISTINCT date_trunc('month', timestamp, 'UTC') FROM mapped_samples ORDER BY 1"
_SITES = "SELECT DISTINCT site_name FROM mapped_samples ORDER BY 1"
_MERGE = sa.text("""
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (site_name, point_name, timestamp)
               site_name, point_name, timestamp, value, value_text, quality, metadata
        FROM mapped_samples WHERE timestamp >= :start AND timestamp < :end
        ORDER BY site_name, point_name, timestamp, position DESC
    ), changed AS MATERIALIZED (
        SELECT latest.*, current.collected_at
        FROM latest LEFT JOIN timeseries_raw AS current
          ON current.site_name = latest.site_name AND current.point_name = latest.point_name
         AND current.timestamp = latest.timestamp
         AND current.timestamp >= :start AND current.timestamp < :end
        WHERE current.site_name IS NULL
           OR (current.value, current.value_text, current.quality, current.metadata)
              IS DISTINCT FROM (latest.value, latest.value_text, latest.quality, latest.metadata)
    ), inserted AS (
        INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, value_text, quality,
                                    metadata, collected_at)
        SELECT site_name, point_name, timestamp, value, value_text, quality, metadata, :came
        FROM changed WHERE collected_at IS NULL ORDER BY site_name, point_name, timestamp
        RETURNING site_name, timestamp
    ), updated AS (
        UPDATE timeseries_raw AS target
        SET value = changed.value, value_text = changed.value_text, quality = changed.quality,
            metadata = changed.metadata, collected_at = :came
        FROM changed
        WHERE changed.collected_at <= :came AND target.site_name = changed.site_name
          AND target.point_name = changed.point_name AND target.timestamp = changed.timestamp
          AND target.timestamp >= :start AND target.timestamp < :end
        RETURNING target.site_name, target.timestamp
    ), due AS (
        INSERT INTO mapped_days AS known (site_name, day)
        SELECT DISTINCT site_name, CAST(timestamp AT TIME ZONE 'UTC' AS date)
        FROM (SELECT * FROM inserted UNION ALL SELECT * FROM updated) AS written ORDER BY 1, 2
        ON CONFLICT (site_name, day) DO UPDATE SET changed_at = now(), summed_at = NULL
    )
    SELECT (SELECT count(*) FROM mapped_samples WHERE timestamp >= :start AND timestamp < :end),
           (SELECT count(*) FROM latest), (SELECT count(*) FROM inserted),
           (SELECT count(*) FROM updated),
           (SELECT count(*) FROM changed WHERE collected_at > :came)
""")
# What a later file says alike is known as of the later one: one between the two can't change it.
_CONFIRM = sa.text("""
    UPDATE timeseries_raw AS known SET collected_at = :came
    FROM mapped_samples AS said
    WHERE known.site_name = said.site_name AND known.point_name = said.point_name
      AND known.timestamp = said.timestamp AND known.collected_at < :came
      AND known.timestamp >= :start AND known.timestamp < :end
      AND said.timestamp >= :start AND said.timestamp < :end
""")


def merge_mapped(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
) -> Taken:
    """Merge a file's samples within the caller's transaction."""
    taken = Taken()
    connection.exec_driver_sql(_MAKE)
    connection.exec_driver_sql("TRUNCATE mapped_samples")
    _stage(connection, delivery, records, taken)
    connection.exec_driver_sql("ANALYZE mapped_samples")
    for site in connection.scalars(sa.text(_SITES)).all():
        locks.hold(connection, locks.LOADING_SAMPLES.of(site))
    became = {"inserted": 0, "updated": 0, "unchanged": 0, "superseded": 0}
    months = [Month.of(start) for start in connection.scalars(sa.text(_MONTHS)).all()]
    # All before the first is merged, since a prepared statement does not see one that another
    # connection makes meanwhile; and there: an empty month does no harm, who makes it holds a lock.
    for month in months:
        with connection.engine.begin() as other:
            ensure_month(other, month)
    for month in months:
        values = {"start": _instant(month), "end": _instant(month.back(-1)),
                  "came": delivery.received_at}  # fmt: skip
        staged, latest, inserted, updated, older = connection.execute(_MERGE, values).one()
        connection.execute(_CONFIRM, values)
        became["inserted"] += inserted
        became["updated"] += updated
        became["superseded"] += staged - latest + older
        became["unchanged"] += latest - inserted - updated - older
    taken.by_target[BUILDING_SAMPLES.name] = became
    return taken


def _instant(month: Month) -> datetime:
    return datetime(month.first.year, month.first.month, 1, tzinfo=UTC)


def _stage(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records], taken: Taken
) -> None:
    """Stage the records that are samples of a site of the tenant's that nobody else collects."""
    mine = tenant_sites.c.tenant_id == delivery.tenant_id
    sites = set(connection.scalars(sa.select(tenant_sites.c.site_name).where(mine)))
    w = collected_windows.c.site_name
    collected = set(connection.scalars(sa.select(w).where(w.in_(sites)).distinct()))
    position = 0
    for each in records:
        for batch in each.batches():
            rows: list[tuple[Any, ...]] = []
            for line, record in batch:
                found = sample_of(record, received_at=delivery.received_at)
                if not isinstance(found, Fault) and (
                    rule := _not_to_be_loaded(found.site, sites, collected, delivery.tenant)
                ):
                    found = Fault("site", rule, found.site[:60])
                if isinstance(found, Fault):
                    text = json.dumps(record, ensure_ascii=False)
                    columns = each.columns.get(found.field, ())
                    reason = Reason(line, *found, columns=columns)
                    taken.rejected.append(Rejected(line, text, (reason,)))
                else:
                    rows.append((position, *found))
                    position += 1
            copy_rows(connection, "mapped_samples", _COLUMNS, rows)


def _not_to_be_loaded(site: str, sites: set[str], collected: set[str], tenant: str) -> str | None:
    if site not in sites:
        return f"is none of {tenant}'s (ingestion-pipeline tenants sites add {tenant} SITE)"
    if site in collected:
        return "is collected from the ACE IoT API: what a file says would be written over"
    return None
