"""Whether the lake has what the database has: table by table, partition by partition.

Both sides as of one moment: who writes the lake is kept off it while a snapshot of the database is
taken and the lake's tables are loaded; after that nobody waits. The database is asked once a
namespace, under its tenant's role, so what it shows is what the lake may have. A partition that has
marks is `waiting`; one whose month was dropped is in the lake alone, and `archived`.

One file's batch is in memory at a time, and eight bytes for each row of a partition: the hash of
its primary key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import viewers
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.outlets.lake import columns as lake_columns
from ingestion_pipeline.outlets.lake import files, partitions, whose
from ingestion_pipeline.outlets.lake.archived import Archived
from ingestion_pipeline.outlets.lake.catalogue import (
    OPERATOR,
    SHARED,
    Lake,
    namespace_of,
    tenant_of,
)
from ingestion_pipeline.outlets.lake.due import Due
from ingestion_pipeline.outlets.lake.partitions import Partition
from ingestion_pipeline.outlets.lake.sums import CLOSE, Sum, sums_of
from ingestion_pipeline.outlets.lake.tables import LakeTable, Whose

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

_MARKS = sa.text("""
    SELECT DISTINCT tenant_id, key, CAST(day AS text) FROM changed_parts
    WHERE reader = 'lake' AND source = :source
""")
_NOBODYS = "NOT EXISTS (SELECT FROM tenant_sites AS t WHERE t.site_name = {}.site_name)"


@dataclass(frozen=True, order=True)
class Difference:
    """Something that is not the same on both sides.

    Attributes:
        namespace: of the lake.
        partition: of the table.
        column: which, and what of it; empty: the rows.
        database: what it has.
        lake: what that has.
    """

    namespace: str
    partition: str
    column: str
    database: str
    lake: str

    def __str__(self) -> str:
        what = self.column or "rows"
        return f"{self.namespace} {self.partition}: {what}: {self.database}, lake {self.lake}"


@dataclass
class Verified:
    """What became of a comparison of one table.

    Attributes:
        table: its name.
        partitions: how many are the same.
        rows: of these.
        differences: what is not.
        waiting: partitions that will be written by the next sync.
        archived: partitions that the lake alone has, as it should.
    """

    table: str
    partitions: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)


def verify(engine: sa.Engine, lake: Lake, table: LakeTable) -> Verified:
    """Compare a table with the database's.

    Raises:
        ConfigurationError: tenants' roles are not made.
    """
    viewers.ensure(engine)  # as far as our role may make them
    verified = Verified(table.name)
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as connection, connection.begin():
        with (
            engine.connect() as other,
            locks.held_by_session(other, locks.WRITING_LAKE.of(table.name)),
        ):
            comparing = _Comparing.begun(connection, table, verified)
            there = {name: lake.table(name, table.name) for name in lake.namespaces()}
        for namespace in sorted({*there, *comparing.namespaces()}):
            comparing.compare(namespace, there.get(namespace))
    return verified


@dataclass(frozen=True)
class _Comparing:
    connection: sa.Connection
    table: LakeTable
    verified: Verified
    columns: list[lake_columns.Column]
    key: list[str]
    sums: list[tuple[lake_columns.Column, Sum]]
    tenants: frozenset[int]
    unreadable: frozenset[int]
    owners: whose.Owners
    archived: Archived
    marks: frozenset[tuple[int, str, str]]

    @classmethod
    def begun(cls, connection: sa.Connection, table: LakeTable, verified: Verified) -> "_Comparing":
        """Take the snapshot, and all that is small."""
        columns = lake_columns.columns_of(connection, table.name)
        return cls(
            connection,
            table,
            verified,
            columns,
            lake_columns.key_of(connection, table.name),
            [(column, each) for column in columns for each in sums_of(column)],
            frozenset(connection.scalars(sa.text("SELECT tenant_id FROM tenants"))),
            viewers.unreadable(connection),
            whose.Owners.of(connection),
            Archived.of(connection, table),
            frozenset(
                (tenant, key, day)
                for tenant, key, day in connection.execute(_MARKS, {"source": table.name})
            ),
        )

    def namespaces(self) -> set[str]:
        """Those that may have rows of the table."""
        if self.table.whose is Whose.EVERYBODY:
            return {SHARED}
        return {OPERATOR, *(namespace_of(tenant) for tenant in self.tenants)}

    def compare(self, namespace: str, table: "Table | None") -> None:
        """Compare what a namespace has of the table."""
        if tenant_of(namespace) in self.unreadable:
            self.verified.differences.append(
                Difference(namespace, "all", "", "has no viewer to read as", "was not compared")
            )
            return
        there = files.there(table) if table else {}
        in_lake = {whose.due_of(self.table, namespace, values): f for values, f in there.items()}
        left = {(part.partition.key, part.partition.day): part for part in in_lake}
        if namespace in self.namespaces():
            for key, day, *found in self._database(namespace):
                part = left.pop((key, day), None)
                if part is None:
                    tenant_id = whose.due_of(self.table, namespace, self._values(key)).tenant_id
                    self._lacks(namespace, Due(tenant_id, Partition(key, day, None)), found[0])
                else:
                    self._partition(namespace, table, part, in_lake[part], found)
        for part in left.values():
            self._partition(namespace, table, part, in_lake[part], None)

    def _values(self, key: str) -> tuple[Any, ...]:
        return (*((key,) if self.table.key else ()), *((0,) if self.table.time else ()))

    def _database(self, namespace: str) -> Iterator[sa.Row[Any]]:
        """Key, day, rows and sums of each partition that the database shows a namespace."""
        types = {column.name: column.type for column in self.columns}
        key, day = partitions.of_row(self.table, types)
        sums = "".join(f", {each.sql}" for _, each in self.sums)
        tenant = tenant_of(namespace)
        where = whose.condition(self.table, tenant)
        if self.table.whose is Whose.SITES and tenant is None:
            where = _NOBODYS.format(self.table.name)
        query = f"""
            SELECT {key}, CAST({day} AS text), count(*){sums}
            FROM {self.table.name} WHERE {where} GROUP BY 1, 2
        """  # noqa: S608
        with self._under(tenant):
            yield from self.connection.exec_driver_sql(query, execution_options={"yield_per": 1000})

    @contextmanager
    def _under(self, tenant: int | None) -> Iterator[None]:
        if tenant is None:
            yield
            return
        self.connection.exec_driver_sql(f'SET LOCAL ROLE "{viewers.role_of(tenant)}"')
        try:
            yield
        finally:
            self.connection.exec_driver_sql("RESET ROLE")

    def _waits(self, part: Due) -> bool:
        key, day = part.partition.key, part.partition.day
        return bool(
            self.marks
            & {
                (part.tenant_id, key, day),
                *((t, k, "infinity") for t in (0, part.tenant_id) for k in ("", key)),
            }
        )

    def _lacks(self, namespace: str, part: Due, rows: int) -> None:
        if self._waits(part):
            self.verified.waiting.append(f"{namespace} {part.partition}")
        else:
            self._differs(namespace, part, "", rows, "has no such partition")

    def _partition(
        self,
        namespace: str,
        table: "Table | None",
        part: Due,
        of_it: "list[DataFile]",
        database: list[Any] | None,
    ) -> None:
        """Compare one that the lake has; the database may have nothing of it."""
        if self._waits(part):
            self.verified.waiting.append(f"{namespace} {part.partition}")
            return
        rows = sum(file.record_count for file in of_it)
        told = database[0] if database else 0
        mine = self.owners.has(self.table, namespace, part.partition.key)
        if mine and self.archived.has(part.partition) and told <= rows:
            self.verified.archived.append(f"{namespace} {part.partition}")
            return
        if table is None or database is None:
            self._differs(namespace, part, "", told, rows)
            return
        before = len(self.verified.differences)
        try:
            self._contents(namespace, table, part, of_it, database)
        except FileNotFoundError as error:
            self._differs(namespace, part, "", told, f"a file is missing: {error}")
        if len(self.verified.differences) == before:
            self.verified.partitions += 1
            self.verified.rows += told

    def _contents(
        self,
        namespace: str,
        table: "Table",
        part: Due,
        of_it: "list[DataFile]",
        database: list[Any],
    ) -> None:
        has = {field.name for field in table.schema().fields}
        for lacking in [column.name for column in self.columns if column.name not in has]:
            self._differs(namespace, part, lacking, "has it", "has no such column")
        found = _Found(self.sums)
        for file in of_it:
            found.add(table, file, self.key)
        rows, *sums = database
        if found.rows != rows:
            self._differs(namespace, part, "", rows, found.rows)
        if doubled := found.doubled():
            self._differs(namespace, part, f"key ({', '.join(self.key)})", 0, f"{doubled} doubled")
        for (column, each), one, other in zip(self.sums, sums, found.sums, strict=True):
            if column.name in has and not _same(each, one, other, found.amount(column)):
                self._differs(namespace, part, f"{column.name} ({each.what})", one, other)

    def _differs(
        self, namespace: str, part: Due, column: str, database: object, lake: object
    ) -> None:
        self.verified.differences.append(
            Difference(namespace, str(part.partition), column, str(database), str(lake))
        )


class _Found:
    """What files of a partition hold."""

    def __init__(self, sums: list[tuple[lake_columns.Column, Sum]]) -> None:
        self.rows = 0
        self.sums: list[Any] = [None] * len(sums)
        self._of = sums
        self._keys: list[Any] = []

    def add(self, table: "Table", file: "DataFile", key: list[str]) -> None:
        """Read a file, a batch at a time."""
        from pyarrow import parquet

        schema = files.schema_of(table)
        with table.io.new_input(file.file_path).open() as source:
            for batch in parquet.ParquetFile(source).iter_batches():
                self._add(files.as_in(schema, batch), key)

    def _add(self, batch: Any, key: list[str]) -> None:
        import pandas as pd

        self.rows += batch.num_rows
        for at, (column, each) in enumerate(self._of):
            if column.name not in batch.schema.names:
                continue
            one, other = self.sums[at], each.arrow(batch.column(column.name))
            known = [value for value in (one, other) if value is not None]
            self.sums[at] = each.joined(*known) if len(known) == 2 else (known or [None])[0]
        rows = batch.select(key).to_pandas()
        self._keys.append(pd.util.hash_pandas_object(rows, index=False).to_numpy())

    def doubled(self) -> int:
        """How many rows have a primary key that another one has."""
        import numpy as np

        if not self._keys:
            return 0
        return self.rows - len(np.unique(np.concatenate(self._keys)))

    def amount(self, column: lake_columns.Column) -> float:
        """What the floats of a column amount to, whatever their signs."""
        for (of, each), value in zip(self._of, self.sums, strict=True):
            if of == column and each.what == "sum of amounts":
                return float(value or 0.0)
        return 0.0


def _same(of: Sum, database: Any, lake: Any, amount: float) -> bool:
    if database is None or lake is None:
        return database is None and lake is None
    if of.close:
        return abs(float(database) - float(lake)) <= CLOSE * amount
    return bool(database == lake)
