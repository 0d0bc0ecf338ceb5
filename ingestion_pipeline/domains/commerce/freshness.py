"""How fresh commerce is: for the health document."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

_NEWEST = sa.text("""
    SELECT (SELECT max(loaded_at) FROM (SELECT loaded_at FROM uploads WHERE domain = 'commerce'
                                        ORDER BY upload_id DESC LIMIT 1000) AS newest),
           (SELECT min(recorded_at) < now() - interval '1 hour' FROM uploads
            WHERE domain = 'commerce' AND status IN ('recorded', 'staged'))
""")


def services(connection: sa.Connection, _: Settings) -> Mapping[str, Service]:
    """Senders send when they like, so age is no fault; an upload that waits for an hour is."""
    newest, waits = connection.execute(_NEWEST).one()
    return {
        "commerce": Service(
            source="uploads",
            configured=newest is not None,
            last_success_at=newest,
            problem="an upload has been waiting for more than an hour" if waits else None,
        )
    }


def ages(_: Settings) -> Mapping[str, timedelta | str]:
    """By asset, why it is no fault that it was made long ago."""
    assets = ["uploads", *(f"{name}_staging" for name in ENTITIES), *ENTITIES]
    why = "Senders send when they like; the checks `fresh` look at uploads that wait"
    return dict.fromkeys(assets, why)
