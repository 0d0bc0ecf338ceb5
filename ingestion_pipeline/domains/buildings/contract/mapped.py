"""Samples as mappings make them, and what each is worth."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ingestion_pipeline.domains.buildings.contract.values import judge
from ingestion_pipeline.domains.buildings.contract.windows import TEXT
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # older ones are clocks that were never set
_FUTURE = timedelta(days=1)


def _told(name: str, length: int) -> TargetField:
    return TargetField(name, "text", required=False, nullable=True, maximum_length=length)


BUILDING_SAMPLES = Target(
    name="building_samples",
    key="point",
    fields=(
        TargetField("site", "text", maximum_length=200),
        TargetField("point", "text", maximum_length=500),
        TargetField("timestamp", "instant"),
        TargetField("value", "double", required=False, nullable=True),
        _told("value_text", 10_000),
        _told("quality", 200),
        _told("unit", 200),
        TargetField("metadata", "object", required=False, nullable=True),
    ),
)

TARGETS = {BUILDING_SAMPLES.name: BUILDING_SAMPLES}


class Sample(NamedTuple):
    """A sample as its row has it; `metadata` is the text of a JSON object."""

    site: str
    point: str
    timestamp: datetime
    value: float | None
    value_text: str | None
    quality: str
    metadata: str | None


class Fault(NamedTuple):
    """A field, and the rule that it breaks."""

    field: str
    rule: str
    value: str = ""


def sample_of(record: Mapping[str, Any], *, received_at: datetime) -> Sample | Fault:
    """The sample that a record is.

    Args:
        record: as the mapping made it: the value and the instant are texts.
        received_at: when it came; no sample is much newer.
    """
    for name in ("site", "point"):
        if not record[name].strip():
            return Fault(name, "must not be missing")
    timestamp = datetime.fromisoformat(record["timestamp"])
    if timestamp < _FIRST:
        return Fault("timestamp", "must not be before 1970-01-01", record["timestamp"])
    if timestamp > received_at + _FUTURE:
        return Fault("timestamp", "must not be more than one day in the future",
                     record["timestamp"])  # fmt: skip
    number, text = record.get("value"), record.get("value_text")
    if number is not None and text is not None:
        rule = "must be missing where there is a value: it is what is no number"
        return Fault("value_text", rule, text[:60])
    value, value_text, quality = judge(text if number is None else float(number))
    quality = record.get("quality", quality)
    if value is not None and quality == TEXT:
        return Fault("quality", "must not be 'text' where the value is a number")
    metadata = {**record.get("metadata", {})}
    unit = record.get("unit")
    if unit is not None and metadata.setdefault("unit", unit) != unit:
        return Fault("unit", "is another than the metadata say", unit)
    return Sample(
        record["site"], record["point"], timestamp, value, value_text, quality,
        json.dumps(metadata, ensure_ascii=False) if metadata else None,
    )  # fmt: skip
