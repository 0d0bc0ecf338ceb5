"""Months of samples that were archived: gone from the database, they stay in the lake.

Dropping a month fires no trigger, so nothing becomes due. A sample that comes late afterwards makes
its day due, of which the database has little more than that sample: it is merged over what the lake
has, and wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingestion_pipeline.outlets.lake.files import as_in, schema_of
from ingestion_pipeline.outlets.lake.partitions import Partition
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

_MONTHS = sa.text("SELECT DISTINCT CAST(month AS text) FROM archived_months")


@dataclass(frozen=True)
class Archived:
    """The months of a table that were dropped, as YYYY-MM."""

    months: frozenset[str]

    @classmethod
    def of(cls, connection: sa.Connection, table: LakeTable) -> "Archived":
        """As the connection sees it."""
        if not table.archived:
            return cls(frozenset())
        return cls(frozenset(month[:7] for month in connection.scalars(_MONTHS)))

    def has(self, partition: Partition) -> bool:
        """Whether a partition's rows may be in the lake alone."""
        return partition.day[:7] in self.months


def merged(
    table: "Table",
    there: "list[DataFile]",
    batches: "Iterator[pa.RecordBatch]",
    *,
    key: list[str],
) -> "Iterator[pa.RecordBatch]":
    """The late rows of a partition and those of its files that have another key, in its order.

    All of them are in memory: a site's day.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = schema_of(table)
    late = pa.Table.from_batches(list(batches), schema=schema)
    kept = []
    for file in there:
        with table.io.new_input(file.file_path).open() as source:
            rows = as_in(schema, parquet.read_table(source))
        kept.append(
            rows.join(late.select(key), keys=key, join_type="left anti").select(schema.names)
        )
    found = pa.concat_tables([late, *(each.cast(schema) for each in kept)])
    return iter(found.sort_by([(name, "ascending") for name in key]).to_batches())
