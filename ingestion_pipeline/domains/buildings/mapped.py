"""Buildings to files of any shape: a mapping that makes `building_samples` tells what a site's
points measured, of a site that is the tenant's and that nobody else collects.
"""

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.mapped import BUILDING_SAMPLES, TARGETS
from ingestion_pipeline.domains.buildings.merge.mapped import merge_mapped
from ingestion_pipeline.domains.buildings.publish.alerts import publish_alerts
from ingestion_pipeline.domains.buildings.publish.by_file import publish_mapped_days
from ingestion_pipeline.foundation.intake.sinks import Delivery, DomainSink, Taken

ASSETS = {BUILDING_SAMPLES.name: "timeseries_raw"}


def _publish(engine: sa.Engine, _: Delivery) -> Taken:
    """Hours, days and alerts of the days whose samples have changed."""
    publish_mapped_days(engine, publish_alerts)
    return Taken()


SINK = DomainSink(TARGETS, merge_mapped, _publish)
