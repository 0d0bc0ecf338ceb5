"""Points as mappings make them, as readings that name no workflow (`kpis import`)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.kpis.contract.readings import LONGEST_TYPE, Update, parse_readings
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField

DEFAULT_TYPE = "history"  # of readings that name none

KPI_POINTS = Target(
    name="kpi_points",
    key="kpi_id",
    fields=(
        TargetField("kpi_id", "text", maximum_length=128),
        TargetField("timestamp", "instant"),
        TargetField("value", "double"),
        TargetField(
            "kpi_type", "text", required=False, nullable=True, maximum_length=LONGEST_TYPE
        ),
        TargetField("unit", "text", required=False, nullable=True, maximum_length=200),
        TargetField("trace_id", "text", required=False, nullable=True, maximum_length=200),
        TargetField("metadata", "object", required=False, nullable=True),
    ),
)  # fmt: skip

TARGETS = {KPI_POINTS.name: KPI_POINTS}
_FIELDS = {
    "kpiId": "kpi_id", "kpiType": "kpi_type", "traceId": "trace_id", "data.value": "value",
    "data": "value",
}  # fmt: skip


def history_trace(kpi_id: object) -> str:
    """The trace of a reading that names none: of a KPI all are of one, so that the same reading is
    the same, whichever file it comes in.
    """
    return f"history.{kpi_id}"


def update_of(
    record: Mapping[str, Any], metadata: Mapping[str, Any], *, tenant_id: int, now: datetime
) -> Update | list[tuple[str, str]]:
    """The reading that a record is; or every fault of it, field and rule.

    Args:
        record: as the mapping made it; the value and the instant are texts.
        metadata: the columns that it keeps beside them.
        now: no reading is much newer.
    """
    value = Decimal(record["value"])
    said = {"unit": record["unit"]} if "unit" in record else {}
    body = {
        "traceId": record.get("trace_id", history_trace(record["kpi_id"])),
        "kpiId": record["kpi_id"],
        "timestamp": record["timestamp"],
        "kpiType": record.get("kpi_type", DEFAULT_TYPE),
        "data": {"value": int(value) if value == value.to_integral_value() else float(value)},
        "metadata": {**metadata, **said} or None,
    }
    try:
        [update] = parse_readings(body, tenant_id=tenant_id, now=now).updates
    except ContractError as error:
        return [
            (_FIELDS.get(each.field, each.field), each.message)
            for each in error.errors
            # Where it was made of the KPI's id, that is at fault and told already.
            if each.field != "traceId" or "trace_id" in record
        ]
    return update
