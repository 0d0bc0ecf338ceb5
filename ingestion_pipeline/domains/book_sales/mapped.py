"""Book sales to files of any shape: a mapping that makes `sales_events` is a platform's report."""

from collections.abc import Sequence

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.mapped import TARGETS
from ingestion_pipeline.domains.book_sales.merge.mapped import merge_mapped
from ingestion_pipeline.domains.book_sales.publish.daily import sum_up
from ingestion_pipeline.domains.book_sales.sources.registry import platform_for
from ingestion_pipeline.foundation.intake.sinks import Delivery, DomainSink, Records, Taken


def _merge(connection: sa.Connection, delivery: Delivery, records: Sequence[Records]) -> Taken:
    """Into the events of the file's platform, under the platform's lock."""
    platform = platform_for(delivery.settings, delivery.source)
    return merge_mapped(connection, delivery, records, platform=platform)


def _publish(engine: sa.Engine, delivery: Delivery) -> Taken:
    """The platform's days, summed up anew."""
    with engine.begin() as connection:
        sum_up(connection, platform_for(delivery.settings, delivery.source))
    return Taken()


SINK = DomainSink(TARGETS, _merge, _publish)
