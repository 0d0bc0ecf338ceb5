"""What is kept of a file that a mapping read: counts, sums, columns, warnings."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.intake.run import Counts
from ingestion_pipeline.foundation.intake.sinks import Delivery, Taken
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.intake import intake_deliveries
from ingestion_pipeline.foundation.loading.reading import Reading, sums_document
from ingestion_pipeline.foundation.loading.refused import document
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storable import storable

_FATES = ("inserted", "updated", "unchanged", "superseded", "waiting")


def note(
    connection: sa.Connection, delivery: Delivery, mapped: Mapped, reading: Reading, taken: Taken
) -> None:
    """Write what a file came to, in the transaction that lands it.

    Of `uploads`: lines = blank + preamble + rejected + staged, where the preamble is all that is no
    row that is loaded (header, footer, passed over), and what is staged are the rows that were
    used. A row may make several records: what became of these is in the other columns.
    """
    lines = uploaded(reading.counts, len({each.line for each in taken.rejected}))
    uploads.update(
        connection, delivery.upload_id, **lines, **_fates(taken.by_target),
        status="loaded", error=None, staged_at=sa.func.now(), loaded_at=sa.func.now(),
        rejected_kept=reading.refusals.kept, rejected_bytes=reading.refusals.bytes,
    )  # fmt: skip
    values = _values(connection, delivery, mapped, reading, taken)
    statement = insert(intake_deliveries).values(upload_id=delivery.upload_id, **values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["upload_id"], set_={**values, "read_at": sa.func.now()}
        )
    )


def settled(connection: sa.Connection, upload_id: int, taken: Taken) -> None:
    """Add to what became of a file's records what followed in their domain.

    As often as it is told: what is told of a fate takes the place of what was told of it before,
    and a domain that tells nothing takes nothing back.
    """
    c = intake_deliveries.c
    mine = c.upload_id == upload_id
    became = dict(
        connection.execute(sa.select(c.became).where(mine).with_for_update()).scalar_one()
    )
    for name, fates in taken.by_target.items():
        became[name] = {**became.get(name, {}), **fates}
    connection.execute(sa.update(intake_deliveries).where(mine).values(became=became))
    uploads.update(connection, upload_id, **_fates(became))


def _fates(became: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """What became of the records of all types together, as `uploads` has it."""
    return {name: sum(each.get(name, 0) for each in became.values()) for name in _FATES}


def uploaded(counts: Counts, refused_later: int) -> dict[str, int]:
    """What became of a file's lines, as `uploads` has it.

    Args:
        counts: of reading it.
        refused_later: lines whose records their domain refused.
    """
    refused_later = min(refused_later, counts.used)
    return {
        "lines": counts.lines,
        "blank": counts.blank,
        "preamble": counts.preamble + counts.footer + counts.skipped.total(),
        "rejected": counts.rejected + refused_later,
        "staged": counts.used - refused_later,
    }


def _values(
    connection: sa.Connection, delivery: Delivery, mapped: Mapped, reading: Reading, taken: Taken
) -> dict[str, Any]:
    not_read: list[str] = storable(reading.not_read)
    before = _not_read_before(connection, delivery)
    return {
        "tenant_id": delivery.tenant_id,
        "source": delivery.source,
        "mapping": delivery.mapping,
        "mapping_sha256": mapped.sha256,
        "footer": reading.counts.footer,
        "skipped": dict(reading.counts.skipped),
        "made": {each.emit.label: each.number for each in reading.records},
        "became": taken.by_target,
        "refused": len(taken.rejected),
        "not_read": not_read,
        "new_columns": [] if before is None else [each for each in not_read if each not in before],
        "sums": storable(sums_document(reading.sums)),
        "file_says": storable(reading.file_says),
        "warned": reading.warned + len(reading.of_file),
        "warnings": [
            *({**document(each), "of": "file"} for each in reading.of_file),
            *map(document, reading.warnings),
        ],
    }


def _not_read_before(connection: sa.Connection, delivery: Delivery) -> list[str] | None:
    """Columns that the mapping did not read in the file before; None: there was none."""
    c = intake_deliveries.c
    query = (
        sa.select(c.not_read)
        .where(
            c.tenant_id == delivery.tenant_id, c.source == delivery.source,
            c.mapping == delivery.mapping, c.upload_id < delivery.upload_id,
        )
        .order_by(c.upload_id.desc())
        .limit(1)
    )  # fmt: skip
    return connection.execute(query).scalar_one_or_none()
