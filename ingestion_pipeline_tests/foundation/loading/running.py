"""A domain of the tests' own that takes records, and files that go through the whole of loading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading.claimed import Attempt, load_waiting
from ingestion_pipeline.foundation.loading.known import Known, known_of
from ingestion_pipeline.foundation.loading.recording import Recorded, record
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing, landing_name
from ingestion_pipeline_tests.foundation.intake.running import TARGETS

_UPSERT = sa.text("""
    INSERT INTO shelf VALUES (:tenant_id, :target, :key, :upload_id, CAST(:said AS jsonb))
    ON CONFLICT (tenant_id, target, key) DO UPDATE SET said = excluded.said,
        upload_id = excluded.upload_id
    WHERE shelf.upload_id <= excluded.upload_id AND shelf.said <> excluded.said
""")


@dataclass
class Shelf:
    """A sink that keeps every record under its key in a table; the later file wins.

    Attributes:
        refuses: keys of records that it does not take.
        settled: deliveries for which `settle` was called.
        breaks: how often `settle` fails, from now on.
        follows: what `settle` tells.
    """

    targets: Mapping[str, Target] = field(default_factory=lambda: TARGETS)
    refuses: frozenset[str] = frozenset()
    settled: list[int] = field(default_factory=list)
    breaks: int = 0
    follows: dict[str, dict[str, int]] = field(default_factory=dict)

    @staticmethod
    def build(engine: sa.Engine) -> "Shelf":
        """With its table."""
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE shelf (tenant_id int, target text, key text, upload_id bigint, "
                "said jsonb, PRIMARY KEY (tenant_id, target, key))"
            )
        return Shelf()

    def land(
        self, connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
    ) -> Taken:
        """Take what is not refused."""
        taken = Taken()
        for each in records:
            target = each.emit.target
            counts = taken.by_target.setdefault(target.name, {"updated": 0, "unchanged": 0})
            for batch in each.batches():
                for line, said in batch:
                    key = said[target.key]
                    if key in self.refuses:
                        reason = Reason(line, target.key, "is not wanted", key)
                        taken.rejected.append(Rejected(line, key, (reason,)))
                        continue
                    changed = connection.execute(_UPSERT, {
                        "tenant_id": delivery.tenant_id, "target": target.name, "key": key,
                        "upload_id": delivery.upload_id, "said": msgspec.json.encode(said).decode(),
                    }).rowcount  # fmt: skip
                    counts["updated" if changed else "unchanged"] += 1
        return taken

    def settle(self, engine: sa.Engine, delivery: Delivery) -> Taken:
        """Remember for whom."""
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("cut off")
        self.settled.append(delivery.upload_id)
        return Taken(self.follows)


def on_the_shelf(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """All records, without the files that they are of."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT tenant_id, target, key, said::text FROM shelf ORDER BY 1, 2, 3"
        )
        return [tuple(row) for row in rows]


def known(text: str, shelf: Shelf) -> Known:
    """A mapping, its records kept on the shelf."""
    mapped = read_mapping(Path("mapping.yaml"), text, shelf.targets)
    return known_of(mapped, dict.fromkeys(shelf.targets, shelf))


def deliver(
    engine: sa.Engine,
    configuration: Settings,
    tenant_id: int,
    mapping: Known,
    content: str,
    *,
    file_name: str = "export.csv",
) -> Recorded:
    """A file that came."""
    landing = Landing(configuration.landing)
    landed = landing.write(landing_name("acme", file_name), [content.encode()])
    with engine.begin() as connection:
        return record(
            connection, tenant_id=tenant_id, mapping=mapping.name, file_name=file_name,
            landed=landed, source="http", attempts=3,
        )  # fmt: skip


def load_all(engine: sa.Engine, configuration: Settings, mapping: Known) -> list[Attempt]:
    """Load what waits for a mapping."""
    worker = Worker("test", None, timedelta(minutes=5), timedelta(seconds=0))
    return list(load_waiting(engine, configuration, mapping, worker))
