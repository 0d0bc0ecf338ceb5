"""Book sales to files of any shape: a mapping that makes `sales_events` is a platform's report."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.mapped import TARGETS
from ingestion_pipeline.domains.book_sales.merge.mapped import merge_mapped
from ingestion_pipeline.domains.book_sales.publish.daily import publish_days
from ingestion_pipeline.domains.book_sales.sources.registry import platform_for
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.targets import Target


@dataclass(frozen=True)
class _Sink:
    """Takes sales events (`foundation/intake/sinks.py`)."""

    targets: dict[str, Target] = field(default_factory=lambda: TARGETS)

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Merge a file's events into those of its platform, under the platform's lock."""
        platform = platform_for(delivery.settings, delivery.source)
        return merge_mapped(connection, delivery, records, platform=platform)

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:
        """Sum up the platform's days anew."""
        publish_days(engine, platform_for(delivery.settings, delivery.source))
        return Taken()


SINK = _Sink()
