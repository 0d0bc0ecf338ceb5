"""How fresh book sales are: for the health document."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land.queue import kinds_of
from ingestion_pipeline.domains.book_sales.sources.described import platforms
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

# The newest import is looked for among the newest jobs: an index finds these, of however many.
_NEWEST = sa.text("""
    SELECT (SELECT max(updated_at) FROM
               (SELECT kind, status, updated_at FROM jobs
                WHERE status IN ('completed', 'failed', 'dead')
                ORDER BY updated_at DESC LIMIT 10000) AS newest
            WHERE kind IN :kinds AND status = 'completed'),
           (SELECT max(loaded_at) FROM (SELECT loaded_at FROM uploads WHERE domain = 'book_sales'
                                        ORDER BY upload_id DESC LIMIT 1000) AS loaded),
           (SELECT min(available_at) < now() - interval '1 hour' FROM jobs
            WHERE kind IN :kinds AND status IN ('pending', 'retrying'))
""").bindparams(sa.bindparam("kinds", expanding=True))


def services(connection: sa.Connection, configuration: Settings) -> Mapping[str, Service]:
    """Reports come as authors export them, so age is no fault; an import due for an hour is."""
    imported, loaded, waits = connection.execute(
        _NEWEST, {"kinds": list(kinds_of(platforms(configuration)))}
    ).one()
    newest = max((moment for moment in (imported, loaded) if moment is not None), default=None)
    return {
        "book_sales": Service(
            source="reports and Gumroad",
            configured=newest is not None,
            last_success_at=newest,
            problem="an import has been due for more than an hour" if waits else None,
        )
    }


def ages(_: Settings) -> Mapping[str, timedelta | str]:
    """By asset, why it is no fault that it was made long ago."""
    why = "Reports come as authors export them; the check `imported_in_time` looks at what waits"
    return dict.fromkeys(("reports", "sales_events", "daily_sales"), why)
