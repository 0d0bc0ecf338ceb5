"""KPIs as assets: updates → points → packages, time series and daily summaries; jobs and errors.

A run that a sensor has started deals with what is pending. Any other run (materializing by hand, a
backfill) makes its partitions anew from the inbox. Both may be repeated at any time.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.merge import grade as grading
from ingestion_pipeline.domains.kpis.publish import documents as publish
from ingestion_pipeline.domains.kpis.publish.counts import (
    older_days,
    package_count,
    points_by_quality,
)
from ingestion_pipeline.domains.kpis.publish.summary import day_points, publish_summary, sparkline
from ingestion_pipeline.domains.kpis.tables import daily_summary as summary_table
from ingestion_pipeline.domains.kpis.tables import errors as errors_table
from ingestion_pipeline.domains.kpis.tables import jobs as jobs_table
from ingestion_pipeline.domains.kpis.tables import points as points_table
from ingestion_pipeline.domains.kpis.tables import series as series_table
from ingestion_pipeline.domains.kpis.tables import updates as updates_table
from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import (
    CONFIGURATION,
    Configuration,
    Database,
    KeyValueStore,
)
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("kpis")
# Readings of tomorrow are welcome: the clocks of senders differ, and so do their days.
# The first stands for all days before it, too: a list that began in 1970 would show nothing else.
FIRST_DAY = min(CONFIGURATION.read().kpi_first_day, datetime.now(UTC).date())
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), end_offset=2)
_DAILY: dict[str, Any] = {
    "partitions_def": PARTITIONS,
    "backfill_policy": dg.BackfillPolicy.multi_run(30),
}
FAILED_DAYS = "kpis/failed_days"  # the tag of a run that failed by some of its days
PENDING_ONLY = {"kpis/scope": "pending"}  # the tags of runs that make nothing anew

_SHOWN = 10
_MOST_NAMED = 20  # days; where more fail, it is not the days' fault
_OUTAGES = (TransientError, OSError, sa.exc.OperationalError, sa.exc.InterfaceError)


def _again(context: dg.AssetExecutionContext) -> bool:
    """Whether everything is to be made anew, not only what is pending."""
    return not PENDING_ONLY.items() <= context.run.tags.items()


def _each_day(
    context: dg.AssetExecutionContext, engine: sa.Engine, work: Callable[[date], dict[str, Any]]
) -> Iterator[dg.MaterializeResult[None]]:
    """Do the work of every day of the run; each day gets the metadata that its work returns.

    A day that fails does not keep the others of its run back: the run fails at the end, and a tag
    of it says by which days.
    """
    partitions = context.partition_keys
    failures: dict[str, Exception] = {}
    for partition in partitions:
        try:
            metadata = _day_and_older(context, engine, date.fromisoformat(partition), work)
        except _OUTAGES:
            raise
        except Exception as error:
            if len(partitions) == 1:
                raise
            context.log.exception(f"{partition} failed; the other days go on")
            failures[partition] = error
        else:
            context.add_asset_metadata(metadata, partition_key=partition)
    if failures:
        if len(failures) <= _MOST_NAMED:
            context.instance.add_run_tags(context.run.run_id, {FAILED_DAYS: ",".join(failures)})
        first = next(iter(failures.values()))
        first.add_note(f"days that failed: {', '.join(failures)}")
        raise first
    yield dg.MaterializeResult()


def _day_and_older(
    context: dg.AssetExecutionContext,
    engine: sa.Engine,
    day: date,
    work: Callable[[date], dict[str, Any]],
) -> dict[str, Any]:
    """The work of a partition's day, and of all days before, where it is the first."""
    if day != FIRST_DAY:
        return work(day)
    with engine.connect() as connection:
        older = older_days(connection, before=day, again=_again(context))
    for each in older:
        work(each)
    return {**work(day), "older_days": len(older)}


UPDATES = WING.spec(
    "updates",
    kinds={"postgres", "table"},
    table=updates_table,
    description="Readings that workflows posted to the gateway. Each is a row of `kpi_updates`, "
    "recorded before it was answered.",
)


@WING.asset(
    "points",
    deps=[UPDATES],
    kinds={"postgres", "table"},
    table=points_table,
    origin=Origin(
        UPDATES.key,
        updates_table,
        made={
            "in_order": ("observed_at", "received_at"),
            "quality": ("value", "observed_at", "received_at"),
        },
    ),
    description="One row a tenant, KPI and instant, the first write kept; graded by how far it can "
    "be trusted. Partitioned by the UTC day of the reading.",
    **_DAILY,
)
def points(
    context: dg.AssetExecutionContext, configuration: Configuration, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Grade a day's points; anew, and with those that are missing, when the day is made anew."""
    engine, settings = database.engine(), configuration.read()

    def work(day: date) -> dict[str, Any]:
        graded = grading.merge_points(
            engine,
            day,
            late=settings.kpi_late,
            limit=settings.batch_updates,
            again=_again(context),
        )
        with engine.connect() as connection:
            by_quality = points_by_quality(connection, day)
            total = row_count(connection, points_table)
        return {
            "graded": graded.points,
            "recreated": graded.recreated,
            **{f"quality_{name}": number for name, number in by_quality.items()},
            "dagster/partition_row_count": sum(by_quality.values()),
            "dagster/row_count": total,
        }

    yield from _each_day(context, engine, work)


@WING.asset(
    "packages",
    deps=[points],
    kinds={"json"},
    description="Documents `package:{traceId}:{kpiId}`: a reading with its data, chart, analysis "
    "and quality. Partitioned by the UTC day of the reading.",
    **_DAILY,
)
def packages(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    key_value: KeyValueStore,
) -> Iterator[dg.MaterializeResult[None]]:
    """Publish a day's pending packages, or all of them when the day is made anew."""
    engine, settings = database.engine(), configuration.read()

    def work(day: date) -> dict[str, Any]:
        published = publish.publish_packages(
            engine,
            day,
            late=settings.kpi_late,
            limit=settings.batch_updates,
            elsewhere=key_value.elsewhere(),
            again=_again(context),
        )
        with engine.connect() as connection:
            of_day, total = package_count(connection, day), package_count(connection)
        return {
            "published": published.documents,
            "failed": published.failures,
            "dagster/partition_row_count": of_day,
            "dagster/row_count": total,
        }

    yield from _each_day(context, engine, work)


@WING.asset(
    "daily_summary",
    deps=[points],
    kinds={"pandas", "postgres", "table"},
    table=summary_table,
    origin=Origin(
        points.key,
        points_table,
        made={
            "day": ("observed_at",),
            "points": ("observed_at",),
            **dict.fromkeys(("minimum", "maximum", "mean"), ("value",)),
            **dict.fromkeys(("last", "change"), ("value", "observed_at")),
        },
    ),
    description="Min, max, mean, last value and change of every KPI, by UTC day.",
    **_DAILY,
)
def daily_summary(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Summarize a day from its points."""
    engine = database.engine()

    def work(day: date) -> dict[str, Any]:
        summary = publish_summary(engine, day)
        with engine.connect() as connection:
            plot = sparkline(day_points(connection, day))
            total = row_count(connection, summary_table)
        metadata: dict[str, Any] = {
            "kpis": len(summary),
            "dagster/partition_row_count": len(summary),
            "dagster/row_count": total,
        }
        if plot:
            metadata["plot"] = dg.MetadataValue.md(plot)
            shown = summary.head(_SHOWN).to_dict("records")
            metadata["preview"] = as_table(
                [{str(name): str(value) for name, value in row.items()} for row in shown]
            )
        return metadata

    yield from _each_day(context, engine, work)


@WING.asset(
    "timeseries",
    deps=[points],
    kinds={"json"},
    description="Documents `timeseries:{kpiId}`: the newest points of every KPI.",
)
def timeseries(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    key_value: KeyValueStore,
) -> dg.MaterializeResult[None]:
    """Publish the series that have new points."""
    engine, settings = database.engine(), configuration.read()
    published = publish.publish_series(
        engine,
        newest=settings.kpi_document_points,
        limit=settings.batch_updates,
        elsewhere=key_value.elsewhere(),
        again=_again(context),
    )
    return _documents(engine, published, series_table)


@WING.asset(
    "jobs",
    deps=[UPDATES],
    kinds={"json"},
    description="Documents `job:{traceId}`: which KPIs a workflow's job has brought, lost, or "
    "still owes.",
)
def jobs(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    key_value: KeyValueStore,
) -> dg.MaterializeResult[None]:
    """Publish the jobs that have changed."""
    engine = database.engine()
    published = publish.publish_jobs(
        engine,
        limit=configuration.read().batch_updates,
        elsewhere=key_value.elsewhere(),
        again=_again(context),
    )
    return _documents(engine, published, jobs_table)


@WING.asset(
    "errors",
    deps=[UPDATES],
    kinds={"json"},
    description="Documents `error:{traceId}:{instant}:{n}`: what workflows reported, without "
    "secrets.",
)
def errors(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    key_value: KeyValueStore,
) -> dg.MaterializeResult[None]:
    """Publish the error reports that are new."""
    engine = database.engine()
    published = publish.publish_errors(
        engine,
        limit=configuration.read().batch_updates,
        elsewhere=key_value.elsewhere(),
        again=_again(context),
    )
    return _documents(engine, published, errors_table)


def _documents(
    engine: sa.Engine, published: publish.Published, table: sa.Table
) -> dg.MaterializeResult[None]:
    with engine.connect() as connection:
        total = row_count(connection, table)
    return dg.MaterializeResult(
        metadata={"published": published.documents, "dagster/row_count": total}
    )


ASSETS = [points, packages, daily_summary, timeseries, jobs, errors]
