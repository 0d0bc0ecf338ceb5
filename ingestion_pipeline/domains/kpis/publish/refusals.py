"""What was refused, as receipts keep it: of each reading its faults, with its place; pure."""

from collections.abc import Sequence

from ingestion_pipeline.domains.kpis.contract.batch import Refused, Sent
from ingestion_pipeline.domains.kpis.contract.readings import Readings, Unusable
from ingestion_pipeline.foundation.errors import FieldError

# Of one reading: (its place in what was sent, field, rule), a fault each.
Refusal = Sequence[tuple[str, str, str]]


def of_body(message: str, errors: Sequence[FieldError]) -> Refusal:
    """Of a body that holds no reading, or none that can be used."""
    faults = errors or [FieldError("body", message)]
    return [("body", fault.field, fault.message) for fault in faults]


def of_kpis(readings: Readings, *, at: str = "body") -> list[Refusal]:
    """Of a body with `kpiIds`: those that it has no usable value of, each a reading."""
    return [
        [(at, f"data.{entry.kpi_id}", entry.message)]
        for entry in readings.entries
        if isinstance(entry, Unusable)
    ]


def of_one(sent: Sent, parsed: Readings | Refused) -> list[Refusal]:
    """Of one of several: itself, or those of its KPIs that can't be used."""
    [(name, number)] = sent.place.items()
    at = f"{name} {number}"
    if isinstance(parsed, Refused):
        return [[(at, fault.field, fault.message) for fault in parsed.faults]]
    return of_kpis(parsed, at=at)
