"""Markets to files of any shape: a mapping that makes `macro_observations` tells of series of its
tenant's own, beside FRED's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.mapped import TARGETS
from ingestion_pipeline.domains.markets.merge.mapped import merge_mapped
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.targets import Target


@dataclass(frozen=True)
class _Sink:
    """Takes observations (`foundation/intake/sinks.py`)."""

    targets: dict[str, Target] = field(default_factory=lambda: TARGETS)

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Add what a file tells of its tenant's series; nothing that is known is lost."""
        return merge_mapped(connection, delivery, records)

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:  # noqa: ARG002
        """Nothing: what is published of series are FRED's."""
        return Taken()


SINK = _Sink()
