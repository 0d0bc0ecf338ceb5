"""What came, counted: how many readings were new, known, corrected, another value, or refused.

A reading leaves a row of its own only where it is news. Here is what became of the others, in the
transaction that records them, so that whatever was answered is counted, and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.tables import receipts
from ingestion_pipeline.foundation.storable import storable

MOST_KEPT = 20  # refusals of a request that are kept with their reasons; all are counted
_LONGEST = 300  # characters of a field's name, or of a rule
_COUNTS = ("sent", "stored", "known", "corrected", "conflicts", "refused")


@dataclass(frozen=True)
class Channel:
    """How readings came: `post`, or `import` of a file."""

    name: str
    file_name: str | None = None


POST = Channel("post")


@dataclass(frozen=True)
class Refusals:
    """Readings that break the contract.

    Attributes:
        number: how many.
        first: where they were and why, a field and a rule each.
    """

    tenant_id: int
    number: int
    first: Sequence[tuple[str, str, str]]
    channel: Channel = POST


def counted(
    updates: Iterable[Update], fates: Iterable[str], channel: Channel
) -> list[dict[str, Any]]:
    """The rows of `kpi_receipts` that a transaction writes, one a tenant.

    Args:
        updates: that it records.
        fates: what became of each: stored, known, corrected or conflicts.
        channel: how they came.
    """
    rows: dict[int, dict[str, Any]] = {}
    for update, fate in zip(updates, fates, strict=True):
        row = rows.get(update.tenant_id)
        if row is None:
            row = rows[update.tenant_id] = {
                "tenant_id": update.tenant_id, "channel": channel.name,
                "file_name": channel.file_name, **dict.fromkeys(_COUNTS, 0),
            }  # fmt: skip
        row["sent"] += 1
        row[fate] += 1
    return list(rows.values())


def land_refusals(connection: sa.Connection, refused: Sequence[Refusals]) -> list[None]:
    """Note what was refused, of all who wait at once; a row each."""
    rows = [
        {
            "tenant_id": each.tenant_id, "channel": each.channel.name,
            "file_name": each.channel.file_name,
            **dict.fromkeys(_COUNTS, 0), "sent": each.number, "refused": each.number,
            "refusals": [
                storable({"at": at[:_LONGEST], "field": field[:_LONGEST], "rule": rule[:_LONGEST]})
                for at, field, rule in each.first[:MOST_KEPT]
            ],
        }
        for each in refused
    ]  # fmt: skip
    connection.execute(sa.insert(receipts), rows)
    return [None] * len(rows)
