"""Rows of a partition, out of the database as Arrow: in one snapshot, under one role, in batches.

The reader is ADBC's, which copies in binary and makes Arrow of it in C. Two things it does not do
for us are done here: infinity, of which it makes a date without a word, is looked for first and
refused; numerics come as text and are made decimals of the column's digits, or refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import viewers
from ingestion_pipeline.outlets.lake.columns import Column, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 4 * 2**20


class RefusedPartition(Exception):  # noqa: N818
    """A partition has what the lake can't keep; the message names the column and the rule."""


@dataclass(frozen=True)
class Reader:
    """A connection that reads, in one snapshot after another.

    Attributes:
        cursor: of ADBC.
    """

    cursor: Any

    @contextmanager
    def as_of(self, snapshot: str) -> Iterator[None]:
        """See a snapshot that another connection has exported.

        Args:
            snapshot: what `pg_export_snapshot()` said; its transaction is still open.
        """
        self.cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            self.cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield
        finally:
            self.cursor.execute("ROLLBACK")

    @contextmanager
    def under(self, tenant_id: int | None) -> Iterator[None]:
        """Read as a tenant's viewer, whose policies apply; None: as the connection's own.

        Raises:
            ConfigurationError: the policies would show that viewer nothing, or another's rows: as
                if the tenant had none.
        """
        if tenant_id is None:
            yield
            return
        role = viewers.role_of(tenant_id)
        self.cursor.execute(f'SET LOCAL ROLE "{role}"')
        try:
            self.cursor.execute(viewers.IS_OF)
            if self.cursor.fetchone() != (tenant_id,):
                raise ConfigurationError(
                    f"{role} is no viewer of tenant {tenant_id} here: let the tables' owner run "
                    "`ingestion-pipeline db roles`"
                )
            yield
        finally:
            self.cursor.execute("RESET ROLE")

    def count(self, table: str, where: str, columns: list[Column]) -> int:
        """How many rows there are.

        Raises:
            RefusedPartition: there is an infinite instant or day among them.
        """
        timed = [column for column in columns if column.has_infinity]
        finite = "".join(
            f", count(*) FILTER (WHERE NOT isfinite({quoted(column.name)}))" for column in timed
        )
        self.cursor.execute(f"SELECT count(*){finite} FROM {table} WHERE {where}")  # noqa: S608
        rows, *infinite = self.cursor.fetchone()
        for column, number in zip(timed, infinite, strict=True):
            if number:
                raise RefusedPartition(
                    f"{column.name} is infinite in {number} of {rows} rows, which the lake can't "
                    "keep"
                )
        return int(rows)

    def batches(
        self,
        table: str,
        where: str,
        columns: list[Column],
        *,
        order: list[str],
        schema: "pa.Schema",
    ) -> "Iterator[pa.RecordBatch]":
        """The rows in the order of some columns, as the lake's schema has them.

        Raises:
            RefusedPartition: a number has more digits than the column, or is none (NaN).
        """
        selected = ", ".join(column.selected for column in columns)
        by = ", ".join(f"{table}.{quoted(name)}" for name in order)
        self.cursor.execute(
            f"SELECT {selected} FROM {table} WHERE {where} ORDER BY {by}"  # noqa: S608
        )
        for batch in self.cursor.fetch_record_batch():
            yield _as(schema, batch)


def _as(schema: "pa.Schema", batch: "pa.RecordBatch") -> "pa.RecordBatch":
    import pyarrow as pa

    arrays = []
    for field in schema:
        if (at := batch.schema.get_field_index(field.name)) < 0:  # gone in the database
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        array = batch.column(at)
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        try:
            arrays.append(array.cast(field.type))
        except pa.ArrowInvalid as error:
            raise RefusedPartition(
                f"{field.name} has a number that is no {field.type}: {error}"
            ) from None
    return pa.record_batch(arrays, schema=schema)


@contextmanager
def reading(url: sa.URL) -> Iterator[Reader]:
    """A connection of its own, for as many snapshots as come: to connect reads all of the types.

    Args:
        url: of the database.
    """
    from adbc_driver_postgresql import dbapi

    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        # As of all our connections (storage/database.py): compiling costs more than it saves here.
        cursor.execute("SET jit = off")
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET work_mem = '128MB'")  # else a day is sorted on disk
        # Rows come in the primary key's order: out of its index for a third of what sorting them
        # costs, which the planner's guess of 1990's disks (4) hides from it.
        cursor.execute("SET random_page_cost = 1.1")
        cursor.adbc_statement.set_options(
            **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        )
        yield Reader(cursor)
