"""A tick that somebody asked for: what is queued, and the days that follow from it."""

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge.claimed import Outcome, tick
from ingestion_pipeline.domains.book_sales.publish.daily import publish_days
from ingestion_pipeline.foundation.settings import Settings


def tick_now(engine: sa.Engine, configuration: Settings, *, limit: int) -> list[Outcome]:
    """A tick that somebody asked for, with the days summed up: no Dagster run follows it."""
    outcomes = tick(engine, configuration, trigger="http", limit=limit)
    for platform in {each.platform for each in outcomes if each.status == "completed"}:
        publish_days(engine, platform)
    return outcomes
