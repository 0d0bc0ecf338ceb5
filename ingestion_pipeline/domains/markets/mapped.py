"""Markets to files of any shape: a mapping that makes `macro_observations` tells of series of its
tenant's own, beside FRED's. Nothing that is known is lost; what is published of series are FRED's.
"""

from ingestion_pipeline.domains.markets.contract.mapped import TARGETS
from ingestion_pipeline.domains.markets.merge.mapped import merge_mapped
from ingestion_pipeline.foundation.intake.sinks import DomainSink

SINK = DomainSink(TARGETS, merge_mapped)
