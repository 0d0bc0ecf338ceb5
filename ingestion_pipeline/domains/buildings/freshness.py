"""How fresh buildings are: for the health document."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.ages import (
    ARCHIVED_WITHIN,
    COLLECTED_WITHIN,
    SNAPSHOT_WITHIN,
)
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import NAME
from ingestion_pipeline.domains.buildings.tables import collected_days
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

_OF_DAYS = (
    "timeseries_raw", "weather_raw", "timeseries_hourly", "timeseries_daily", "coverage", "alerts",
)  # fmt: skip


def services(connection: sa.Connection, configuration: Settings) -> Mapping[str, Service]:
    """Collected every day, so two days without a collection are a fault."""
    c = collected_days.c
    newest, last_day = connection.execute(
        sa.select(sa.func.max(c.collected_at), sa.func.max(c.day)).where(
            ~c.missing.contains(["samples"])
        )
    ).one()
    configured = configuration.ace_iot_api_base_url is not None
    return {
        "buildings": Service(
            source="ACE IoT",
            configured=configured,
            last_success_at=newest,
            fresh_for=COLLECTED_WITHIN if configured else None,
            upstream=NAME,
            details={"last_row_as_of": None if last_day is None else last_day.isoformat()},
        )
    }


def ages(configuration: Settings) -> Mapping[str, timedelta | str]:
    """By asset, how long ago it may have been made; or why that is no fault."""
    collected: dict[str, timedelta | str] = dict.fromkeys(_OF_DAYS, COLLECTED_WITHIN)
    collected["weather_snapshot"] = SNAPSHOT_WITHIN
    if configuration.ace_iot_api_base_url is None:
        why = "ACE_IOT_API_BASE_URL is not set: no schedule collects"
        collected = dict.fromkeys(collected, why)
    return {**collected, "archived_months": ARCHIVED_WITHIN}
