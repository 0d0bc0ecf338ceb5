"""Files through a mapping into commerce: Run → Keeping → land → settle, as they are loaded."""

import io
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN
from ingestion_pipeline.domains.commerce.contract.mapped import TARGETS
from ingestion_pipeline.domains.commerce.mapped import SINK
from ingestion_pipeline.foundation.intake.grouping import ScatteredError
from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.intake.sinks import Delivery, Keeping, Records, Taken
from ingestion_pipeline.foundation.ledger import tenants, uploads
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.words import Mapped

TENANT = "acme"


def understood(text: str) -> Mapped:
    """A mapping."""
    return read_mapping(Path("mapping.yaml"), text, TARGETS)


@dataclass
class Came:
    """A file that came: what was made of it, and what is said of it."""

    delivery: Delivery
    records: list[Records]
    refused: int


def came(
    engine: sa.Engine, mapping: str | Mapped, file: str | bytes, *, tenant: str = TENANT
) -> Came:
    """Record a file and run its mapping; nothing is landed yet."""
    mapped = understood(mapping) if isinstance(mapping, str) else mapping
    content = file.encode() if isinstance(file, str) else file
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, tenant)
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain="intake", type_=mapped.name,
            file_name="export.csv", source="http", location="file:///landed/export.csv",
        )  # fmt: skip
        assert upload_id is not None
    delivery = Delivery(
        tenant_id, tenant, upload_id, mapped.source, mapped.name, mapped.settings, "export.csv",
        "file:///landed/export.csv", datetime.now(UTC),
    )  # fmt: skip
    records, refused = made(mapped, content, tenant)
    return Came(delivery, records, refused)


def made(
    mapped: Mapped, content: bytes, tenant: str, scattered: frozenset[bytes] = frozenset()
) -> tuple[list[Records], int]:
    """The records that a file comes to, and how many rows were refused."""
    folder = Path(tempfile.mkdtemp(prefix="made-"))
    kept = {each.label: Keeping(folder, each, n) for n, each in enumerate(mapped.emits)}
    run = Run(
        mapped, io.BytesIO(content), file_name="export.csv", tenant=tenant, scattered=scattered
    )
    refused = 0
    try:
        for part in run.parts():
            refused += len(part.rejected)
            for each in part.made:
                kept[each.emit.label].add(each)
    except ScatteredError as error:
        return made(mapped, content, tenant, error.keys)
    return [each.records() for each in kept.values()], refused


def land(engine: sa.Engine, file: Came) -> Taken:
    """Land what was made of a file."""
    with engine.begin() as connection:
        uploads.update(connection, file.delivery.upload_id, status="loaded")
        return SINK.land(connection, file.delivery, file.records)


def load(
    engine: sa.Engine, mapping: str | Mapped, file: str | bytes, *, tenant: str = TENANT
) -> Taken:
    """All of it; what became of the records."""
    came_in = came(engine, mapping, file, tenant=tenant)
    refused = land(engine, came_in)
    taken = SINK.settle(engine, came_in.delivery)
    taken.rejected = refused.rejected
    return taken


def mapped_statuses(engine: sa.Engine) -> set[str]:
    """The statuses of the uploads that commerce made of mapped files."""
    with engine.connect() as connection:
        return set(
            connection.execute(
                sa.text("SELECT status FROM uploads WHERE domain = :domain AND source = 'mapped'"),
                {"domain": DOMAIN},
            ).scalars()
        )
