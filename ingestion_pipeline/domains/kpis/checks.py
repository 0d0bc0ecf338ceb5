"""What must hold of KPIs, as asset checks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis import offenders
from ingestion_pipeline.domains.kpis.assets import WING
from ingestion_pipeline.domains.kpis.publish import differing as published_documents
from ingestion_pipeline.domains.kpis.publish.differing import Stores
from ingestion_pipeline.domains.kpis.tables import points
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.checks import checks_of, documents_result, schema_check
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


def _documents_check(asset: str, differing: Differing) -> dg.AssetChecksDefinition:
    """As `orchestration.checks.documents_check`, of documents that may be on another server."""

    @dg.asset_check(
        name="documents_equal_tables",
        asset=WING.key(asset),
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
    *checks_of(WING, offenders),
    schema_check(
        asset=WING.key("points"),
        table=points,
        newest_first=points.c.received_at,
        schema=points_schema,
    ),
    _documents_check("packages", _packages),
    _documents_check("timeseries", _series),
    _documents_check("jobs", _jobs),
    _documents_check("errors", _errors),
]
