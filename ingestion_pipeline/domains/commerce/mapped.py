"""Commerce takes what mappings make: customers, products, orders and their items.

records ─ land: an upload each type, staged ─▶ settle: merged as all staged files are
"""

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.contract.mapped import TARGETS
from ingestion_pipeline.domains.commerce.land.mapped import counts_of, land_records
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.foundation.intake.sinks import Delivery, DomainSink, Taken

_MERGED = ("inserted", "updated", "unchanged", "superseded", "waiting", "removed")


def _merge(engine: sa.Engine, delivery: Delivery) -> Taken:
    for entity in ENTITIES.values():
        merge_claimed(engine, entity)
    with engine.connect() as connection:
        return Taken(counts_of(connection, delivery, _MERGED))


SINK = DomainSink(TARGETS, land_records, _merge)
