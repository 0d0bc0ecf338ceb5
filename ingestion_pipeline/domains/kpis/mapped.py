"""KPIs to files of any shape: a mapping that makes `kpi_points` tells readings."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.mapped import TARGETS
from ingestion_pipeline.domains.kpis.land.mapped import land_mapped
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.targets import Target


@dataclass(frozen=True)
class _Sink:
    """Takes points of KPIs (`foundation/intake/sinks.py`)."""

    targets: dict[str, Target] = field(default_factory=lambda: TARGETS)

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Record a file's points: the first value of an instant is kept, another is a conflict."""
        return land_mapped(connection, delivery, records)

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:  # noqa: ARG002
        """Nothing: points are pending until the wing's own runs have graded and published them."""
        return Taken()


SINK = _Sink()
ASSETS = {"kpi_points": "points"}
