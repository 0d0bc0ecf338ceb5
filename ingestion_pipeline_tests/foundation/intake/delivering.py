"""A file in a text, by a mapping in a text, to the domain that takes its records."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.intake.grouping import ScatteredError
from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.intake.sinks import Delivery, Keeping, Records, Sink, Taken
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.words import Mapped

FIRST = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class Deliveries:
    """Brings files of a tenant, one after the other, an hour apart."""

    engine: sa.Engine
    tenant_id: int
    tenant: str = "acme"
    number: int = 0
    taken: list[Taken] = field(default_factory=list)

    def bring(
        self, mapping: str, content: str, *, name: str = "export.csv", settled: bool = True,
        number: int | None = None,
    ) -> dict[str, int]:  # fmt: skip
        """Land a file, and settle it, unless it is killed before; what became of its records.

        `number` is of a file that came before: it is landed once more.
        """
        mapped = read_mapping(Path("mapping.yaml"), mapping, registry.targets())
        if number is None:
            self.number += 1
        at = self.number if number is None else number
        delivery = Delivery(
            tenant_id=self.tenant_id, tenant=self.tenant, upload_id=at, source=mapped.source,
            mapping=mapped.name, settings=mapped.settings, file_name=name, location=name,
            received_at=FIRST + timedelta(hours=at),
        )  # fmt: skip
        sink = _sink_of(mapped)
        with tempfile.TemporaryDirectory() as folder:
            records = records_of(mapped, content, self.tenant, Path(folder))
            with self.engine.begin() as connection:
                landed = sink.land(connection, delivery, records)
            self.taken.append(landed)
            if settled:
                sink.settle(self.engine, delivery)
        [became] = landed.by_target.values()
        assert sum(became.values()) + len(landed.rejected) == sum(each.number for each in records)
        return {name: number for name, number in became.items() if number}

    @property
    def refused(self) -> list[str]:
        """What the domain said of the last file's records: `line 2: quantity must …`."""
        return [str(reason) for row in self.taken[-1].rejected for reason in row.reasons]


def records_of(mapped: Mapped, content: str, tenant: str, folder: Path) -> Sequence[Records]:
    """What a mapping makes of a file; no row of it may be refused."""
    scattered: frozenset[bytes] = frozenset()
    while True:
        keepings = {emit.label: Keeping(folder, emit, at) for at, emit in enumerate(mapped.emits)}
        run = Run(mapped, io.BytesIO(content.encode()), file_name="export", tenant=tenant,
                  scattered=scattered)  # fmt: skip
        try:
            for part in run.parts():
                assert not part.rejected, part.rejected
                for made in part.made:
                    keepings[made.emit.label].add(made)
        except ScatteredError as error:
            scattered = error.keys
            continue
        return [each.records() for each in keepings.values()]


def _sink_of(mapped: Mapped) -> Sink:
    [name] = {emit.target.name for emit in mapped.emits}
    return registry.sinks()[name]
