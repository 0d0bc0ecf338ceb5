"""How fresh KPIs are: for the health document."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

# The oldest of some that are pending: to find the very oldest by arrival needs an index of its own.
_NEWEST = sa.text("""
    SELECT (SELECT received_at FROM kpi_updates ORDER BY update_id DESC LIMIT 1),
           (SELECT min(received_at) < now() - interval '1 hour' FROM
               (SELECT received_at FROM kpi_updates WHERE pending
                ORDER BY observed_at LIMIT 1000) AS waiting)
""")


def services(connection: sa.Connection, _: Settings) -> Mapping[str, Service]:
    """Workflows send when they like, so age is no fault; a reading unpublished for an hour is."""
    newest, waits = connection.execute(_NEWEST).one()
    return {
        "kpis": Service(
            source="workflows",
            configured=newest is not None,
            last_success_at=newest,
            problem="readings have been waiting for more than an hour" if waits else None,
        )
    }


def ages(_: Settings) -> Mapping[str, timedelta | str]:
    """By asset, why it is no fault that it was made long ago."""
    assets = (
        "updates", "points", "packages", "daily_summary", "timeseries", "jobs", "errors",
    )  # fmt: skip
    why = "Workflows send when they like; the check `published` looks at readings that wait"
    return dict.fromkeys(assets, why)
