"""Buildings to files of any shape: a mapping that makes `building_samples` tells what a site's
points measured, of a site that nobody else collects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.mapped import BUILDING_SAMPLES, TARGETS
from ingestion_pipeline.domains.buildings.merge.mapped import merge_mapped
from ingestion_pipeline.domains.buildings.publish.alerts import publish_alerts
from ingestion_pipeline.domains.buildings.publish.by_file import publish_mapped_days
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.targets import Target


@dataclass(frozen=True)
class _Sink:
    """Takes samples of buildings (`foundation/intake/sinks.py`)."""

    targets: dict[str, Target] = field(default_factory=lambda: TARGETS)

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Merge a file's samples into those of its sites, which have to be the tenant's."""
        return merge_mapped(connection, delivery, records)

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:  # noqa: ARG002
        """Make hours, days and alerts of the days whose samples have changed."""
        publish_mapped_days(engine, publish_alerts)
        return Taken()


SINK = _Sink()
ASSETS = {BUILDING_SAMPLES.name: "timeseries_raw"}
