"""A partition of a lake table: what the ledger calls it, what SQL finds its rows, what the lake
calls it.

    ledger (changed_parts)         PostgreSQL                        lake
    key 'plant-1', 2026-03-01      site_name = 'plant-1' AND         site_name = plant-1,
                                   timestamp >= … AND < …            timestamp_month = 674

Transforms count days, months and years from 1970: <https://iceberg.apache.org/spec/#partition-transforms>
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ingestion_pipeline.outlets.lake.columns import quoted
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema

NO_TIME = "-infinity"
# The number that the lake has for a partition's day, in SQL.
ORDINALS = {
    "day": "day - DATE '1970-01-01'",
    "month": "CAST((extract(year FROM day) - 1970) * 12 + extract(month FROM day) - 1 AS integer)",
    "year": "CAST(extract(year FROM day) - 1970 AS integer)",
}


@dataclass(frozen=True, order=True)
class Partition:
    """One partition of one table.

    Attributes:
        key: its key; empty: the table has none.
        day: its first UTC day, ISO 8601; -infinity: the table has no time.
        ordinal: the same as a number of the lake's.
    """

    key: str
    day: str
    ordinal: int | None

    def __str__(self) -> str:
        return " ".join(each for each in (self.key, self.day) if each not in ("", NO_TIME)) or "all"

    def values(self, table: LakeTable) -> tuple[Any, ...]:
        """What the lake calls it: a value a field of the table's partition spec."""
        return (
            *((self.key,) if table.key else ()),
            *((self.ordinal,) if table.time else ()),
        )

    def condition(self, table: LakeTable, types: dict[str, str]) -> str:
        """The rows of it, as a condition in SQL that their indexes can serve.

        Args:
            table: whose partition it is.
            types: of its columns, by name.
        """
        found = []
        if table.key and table.by_first:
            first = int(self.key, 16)
            found.append(f"{quoted(table.key)} >= CAST('{first:x}{_ZEROS}' AS uuid)")
            if first < 15:
                found.append(f"{quoted(table.key)} < CAST('{first + 1:x}{_ZEROS}' AS uuid)")
        elif table.key:
            found.append(f"{quoted(table.key)} = {literal(self.key)}")
        if table.time:
            time, grain = quoted(table.time), table.grain.value
            start, end = f"DATE '{self.day}'", f"DATE '{self.day}' + INTERVAL '1 {grain}'"
            if types[table.time] == "date":
                found.append(f"{time} >= {start} AND {time} < CAST({end} AS date)")
            else:
                found.append(
                    f"{time} >= CAST({start} AS timestamp) AT TIME ZONE 'UTC' "
                    f"AND {time} < ({end}) AT TIME ZONE 'UTC'"
                )
        return " AND ".join(found) or "true"


_ZEROS = "0000000-0000-0000-0000-000000000000"


def literal(text: str) -> str:
    """A text as SQL has it."""
    return sql.Literal(text).as_string(None)


def of_row(table: LakeTable, types: dict[str, str]) -> tuple[str, str]:
    """The key and the day of the partition that a row is in, in SQL."""
    key, day = "''", f"CAST('{NO_TIME}' AS date)"
    if table.key:
        key = f"left(CAST({table.key} AS text), 1)" if table.by_first else quoted(table.key)
    if table.time:
        time = quoted(table.time)
        if types[table.time] == "timestamptz":
            time += " AT TIME ZONE 'UTC'"
        day = f"CAST(date_trunc('{table.grain.value}', {time}) AS date)"
    return key, day


def spec_of(table: LakeTable, schema: "Schema") -> "PartitionSpec":
    """How the lake partitions a table."""
    from pyiceberg import transforms
    from pyiceberg.partitioning import PartitionField, PartitionSpec

    fields = []
    if table.key:
        name = f"{table.key}_first" if table.by_first else table.key
        by: Any = (
            transforms.TruncateTransform(width=1)
            if table.by_first
            else transforms.IdentityTransform()
        )
        fields.append(PartitionField(schema.find_field(table.key).field_id, 1000, by, name))
    if table.time:
        transform = getattr(transforms, f"{table.grain.value.title()}Transform")()
        fields.append(
            PartitionField(
                schema.find_field(table.time).field_id, 1000 + len(fields), transform,
                f"{table.time}_{table.grain.value}",
            )
        )  # fmt: skip
    return PartitionSpec(*fields)
