"""KPIs to files of any shape: a mapping that makes `kpi_points` tells readings.

The first value of an instant is kept, another is a conflict; points are pending until the wing's
own runs have graded and published them.
"""

from ingestion_pipeline.domains.kpis.contract.mapped import TARGETS
from ingestion_pipeline.domains.kpis.land.mapped import land_mapped
from ingestion_pipeline.foundation.intake.sinks import DomainSink

SINK = DomainSink(TARGETS, land_mapped)
ASSETS = {"kpi_points": "points"}
