"""How fresh buildings are: for the health document."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.sources.ace_iot.api import NAME
from ingestion_pipeline.domains.buildings.tables import collected_days
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

_FRESH_FOR = timedelta(days=2)  # a day is collected after it is over


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
            fresh_for=_FRESH_FOR if configured else None,
            upstream=NAME,
            details={"last_row_as_of": None if last_day is None else last_day.isoformat()},
        )
    }
