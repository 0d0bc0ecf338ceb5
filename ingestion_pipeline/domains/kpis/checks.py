"""What must hold of KPIs, as asset checks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis import offenders
from ingestion_pipeline.domains.kpis.assets import UPDATES, key
from ingestion_pipeline.domains.kpis.publish import differing as published_documents
from ingestion_pipeline.domains.kpis.publish.differing import Stores
from ingestion_pipeline.domains.kpis.tables import (
    points,
)
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.checks import (
    documents_result,
    offenders_check,
    schema_check,
)
from ingestion_pipeline.orchestration.resources import Configuration, Database, KeyValueStore

if TYPE_CHECKING:
    import pandera.pandas as pa

_SAMPLE = 100


def points_schema() -> "pa.DataFrameSchema":
    """The contract of a point as a pandera schema."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "kpi_id": pa.Column(None, pa.Check.str_matches(r"^[A-Za-z0-9._-]{1,128}$")),
            "value": pa.Column(float, pa.Check.in_range(-1.8e308, 1.8e308)),
            "quality": pa.Column(None, pa.Check.isin(["high", "medium", "low"]), nullable=True),
        },
        unique=["tenant_id", "kpi_id", "observed_at"],
        strict=False,
    )


Differing = Callable[[sa.Connection, Stores, Settings], list[str]]


def _documents_check(asset: dg.AssetKey, differing: Differing) -> dg.AssetChecksDefinition:
    """As `orchestration.checks.documents_check`, of documents that may be on another server."""

    @dg.asset_check(
        name="documents_equal_tables",
        asset=asset,
        description=f"The {_SAMPLE} newest published documents say what the tables say.",
    )
    def check(
        configuration: Configuration, database: Database, key_value: KeyValueStore
    ) -> dg.AssetCheckResult:
        stores, settings = key_value.namespace, configuration.read()
        return documents_result(
            database.engine(), lambda connection: differing(connection, stores, settings)
        )

    return check


def _packages(connection: sa.Connection, stores: Stores, settings: Settings) -> list[str]:
    return published_documents.differing_packages(
        connection, _SAMPLE, stores=stores, late=settings.kpi_late
    )


def _series(connection: sa.Connection, stores: Stores, settings: Settings) -> list[str]:
    newest = settings.kpi_document_points
    return published_documents.differing_series(connection, _SAMPLE, stores=stores, newest=newest)


def _jobs(connection: sa.Connection, stores: Stores, _: Settings) -> list[str]:
    return published_documents.differing_jobs(connection, _SAMPLE, stores=stores)


def _errors(connection: sa.Connection, stores: Stores, _: Settings) -> list[str]:
    return published_documents.differing_errors(connection, _SAMPLE, stores=stores)


CHECKS = [
    offenders_check(
        asset=UPDATES.key,
        name="published",
        description="No update has been pending for 15 minutes.",
        offenders=offenders.overdue,
        warning=True,
    ),
    offenders_check(
        asset=UPDATES.key,
        name="publishable",
        description="No update of the last seven days could not be published.",
        offenders=offenders.unpublishable,
        warning=True,
    ),
    offenders_check(
        asset=key("points"),
        name="agree_with_updates",
        description="The newest updates have their points, with a value that was sent first.",
        offenders=offenders.updates_without_their_point,
    ),
    schema_check(
        asset=key("points"),
        table=points,
        newest_first=points.c.received_at,
        schema=points_schema,
    ),
    _documents_check(key("packages"), _packages),
    _documents_check(key("timeseries"), _series),
    _documents_check(key("jobs"), _jobs),
    _documents_check(key("errors"), _errors),
    offenders_check(
        asset=key("jobs"),
        name="states_are_consistent",
        description="What came is completed, and what is completed says when.",
        offenders=offenders.inconsistent_jobs,
    ),
    offenders_check(
        asset=key("jobs"),
        name="timeouts_are_applied",
        description="No KPI is still pending 15 minutes after its job's timeout.",
        offenders=offenders.still_waiting,
        warning=True,
    ),
    offenders_check(
        asset=key("errors"),
        name="few_of_a_kind",
        description="No error was reported ten times within a day.",
        offenders=offenders.many_errors,
        warning=True,
    ),
    offenders_check(
        asset=key("daily_summary"),
        name="possible",
        description="Mean and last value lie between the extremes.",
        offenders=offenders.impossible_summaries,
    ),
    offenders_check(
        asset=key("daily_summary"),
        name="no_series_fell_silent",
        description="No KPI has been away three times as long as it usually is.",
        offenders=offenders.silent_series,
        warning=True,
    ),
]
