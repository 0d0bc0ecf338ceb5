"""Book sales as assets: reports → sales events → daily sales, with a partition a platform."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.domains.book_sales.publish import daily
from ingestion_pipeline.domains.book_sales.resources import GumroadApi
from ingestion_pipeline.domains.book_sales.sources.described import platforms
from ingestion_pipeline.domains.book_sales.tables import daily_sales as daily_table
from ingestion_pipeline.domains.book_sales.tables import sales_events as events_table
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_table, preview
from ingestion_pipeline.orchestration.resources import (
    CONFIGURATION,
    Configuration,
    Database,
    LandingStore,
)
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing(DOMAIN)
PLATFORMS = tuple(platforms(CONFIGURATION.read()))  # as they are when the code is loaded
PARTITIONS = dg.StaticPartitionsDefinition(PLATFORMS)
TRIGGER = "book_sales/trigger"  # the tag that says whether a schedule or a sensor began a run

_PLATFORM: dict[str, Any] = {
    "partitions_def": PARTITIONS,
    "backfill_policy": dg.BackfillPolicy.single_run(),
}

REPORTS = WING.spec(
    "reports",
    table=jobs_table,
    partitions_def=PARTITIONS,
    kinds={"file", "postgres"},
    description="Reports that were uploaded, orders to ask an API, Gumroad's Pings: each a job, "
    "recorded before it was answered.",
)

_OF_ITS_JOB = {"tenant_id", "platform", "job_id"}
_TIMES = {"received_at", "recorded_at", "updated_at"}
_OF_A_REPORT = [each.name for each in events_table.c if each.name not in _OF_ITS_JOB | _TIMES]


@WING.asset(
    "sales_events",
    deps=[REPORTS],
    **_PLATFORM,
    kinds={"postgres", "table"},
    table=events_table,
    origin=Origin(
        REPORTS.key,
        jobs_table,
        made=dict.fromkeys(_OF_A_REPORT, ("payload",)),
        own=_TIMES,
    ),
    description="One row a sale, refund, free copy, borrowed pages or payment; later reports "
    "correct it. Materializing works off the platform's queue.",
)
def sales_events(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    gumroad: GumroadApi,
    landing: LandingStore,
) -> Iterator[dg.MaterializeResult[None]]:
    """Work off the queued imports of the run's platforms."""
    engine, settings = database.engine(), configuration.read()
    places = work.Places(landing.landed(), gumroad.open)
    for platform in context.partition_keys:
        outcomes = work.tick(
            engine, settings, trigger=context.run.tags.get(TRIGGER, "dagster"),
            limit=settings.batch_uploads, platforms=[platform], run_id=context.run.run_id,
            places=places,
        )  # fmt: skip
        with engine.connect() as connection:
            rows, total = _numbers(connection, events_table, platform)
            provisional = _provisional(connection, platform)
            newest = _newest(connection, events_table.c.occurred_at, platform)
        metadata: dict[str, Any] = {
            "imports": len(outcomes),
            "failed": sum(outcome.status != "completed" for outcome in outcomes),
            **{
                name: sum(outcome.result.get(name, 0) for outcome in outcomes)
                for name in ("rejected", "inserted", "updated", "unchanged", "left_alone")
            },
            "provisional": provisional,
            "dagster/partition_row_count": rows,
            "dagster/row_count": total,
            **newest,
        }
        context.add_asset_metadata(metadata, partition_key=platform)
    yield dg.MaterializeResult()


@WING.asset(
    "daily_sales",
    deps=[sales_events],
    **_PLATFORM,
    kinds={"pandas", "postgres", "table"},
    table=daily_table,
    origin=Origin(
        sales_events.key,
        events_table,
        made={
            "day": ("occurred_at",),
            "events": ("external_id",),
            **dict.fromkeys(("units", "free_units", "pages"), ("quantity", "event_type")),
            "refunded_units": ("refunded_units", "quantity", "event_type"),
            "pending_events": ("amount", "event_type"),
        },
    ),
    description="Units, pages and earnings by day, title, marketplace and currency. A month that "
    "Amazon has settled takes the place of its estimates.",
)
def daily_sales(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Sum up the events of the run's platforms."""
    engine = database.engine()
    for platform in context.partition_keys:
        made = daily.publish_days(engine, platform)
        with engine.connect() as connection:
            rows, total = _numbers(connection, daily_table, platform)
            newest = _newest(connection, daily_table.c.day, platform)
        metadata: dict[str, Any] = {
            "dagster/partition_row_count": rows, "dagster/row_count": total, **newest,
        }  # fmt: skip
        if sums := daily.totals_by_currency(made):
            metadata["by_currency"] = as_table(list(sums))
        if image := daily.plot(made):
            metadata["plot"] = dg.MetadataValue.md(image)
        context.add_asset_metadata(metadata, partition_key=platform)
    yield dg.MaterializeResult()


def _numbers(connection: sa.Connection, table: sa.Table, platform: str) -> tuple[int, int]:
    count = sa.select(sa.func.count()).select_from(table)
    of_platform = connection.execute(count.where(table.c.platform == platform)).scalar_one()
    return of_platform, connection.execute(count).scalar_one()


def _newest(connection: sa.Connection, by: sa.Column[Any], platform: str) -> dict[str, Any]:
    """The platform's newest rows."""
    return preview(connection, by.table, by.table.c.platform == platform, newest_first=by)


def _provisional(connection: sa.Connection, platform: str) -> int:
    """Events of which something is known to be missing."""
    c = events_table.c
    mine = sa.select(sa.func.count()).where(c.platform == platform, c.provisional)
    return connection.execute(mine).scalar_one()


ASSETS = [sales_events, daily_sales]
