"""How fresh commerce is: for the health document."""

from collections.abc import Mapping

import sqlalchemy as sa

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
