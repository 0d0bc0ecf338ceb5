"""Tables → the lake: each partition that has changed is read whole and put in place of the old one.

    snapshot of the database ─┬─ which partitions are due (the ledger's marks, as of it)
                              └─ their rows, read under the tenant's role ─▶ new files
    one commit a namespace: new files in place of the old, with the snapshot's horizon
    the pointer; last, the marks that the snapshot has

Killed anywhere, the marks are still there, and the same partitions are written again; files that
no commit names are swept later. What commits after the snapshot has marks that it does not see. One
process writes a table at a time: the lock is taken before the snapshot (decision 0049).
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger import viewers
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.outlets.lake import columns as lake_columns
from ingestion_pipeline.outlets.lake import due, files, whose
from ingestion_pipeline.outlets.lake.archived import Archived, merged
from ingestion_pipeline.outlets.lake.catalogue import Lake, tenant_of
from ingestion_pipeline.outlets.lake.due import Due
from ingestion_pipeline.outlets.lake.reading import Reader, RefusedPartition, reading
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

HORIZON = "ingestion.horizon"
AS_OF = "ingestion.as-of"
MANY_MANIFESTS = 64  # that each reader opens: not all wait for the sweep
_SNAPSHOT = sa.text("""
    SELECT pg_export_snapshot(), CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text),
           to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"')
""")


@dataclass
class Synced:
    """What a sync did.

    Attributes:
        partitions: how many were written or removed.
        rows: that were written.
        bytes: of the files that were written.
        commits: how many.
        refused: partitions that could not be written, each with the reason.
    """

    partitions: int = 0
    rows: int = 0
    bytes: int = 0
    commits: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """A table as the database has it now."""

    table: LakeTable
    columns: list[lake_columns.Column]
    key: list[str]
    comment: str

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.columns}

    @property
    def rows_move(self) -> bool:
        """Whether a row may go from one partition to another: its primary key does not say which
        it is in."""
        return not {self.table.key, self.table.time} - {None} <= set(self.key)


def sync(engine: sa.Engine, lake: Lake, table: LakeTable) -> Synced:
    """Write what had changed of a table when it began.

    Raises:
        ConfigurationError: tenants' roles are not made, or a column's type has changed.
        TransientError: somebody else has committed to the table meanwhile.
    """
    viewers.ensure(engine)  # as far as our role may make them
    synced = Synced()
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with (
        snapshot.connect() as connection,
        locks.held_by_session(connection, locks.WRITING_LAKE.of(table.name)),
        ExitStack() as stack,
    ):
        with connection.begin():
            _take_apart(connection, lake, _source(connection, table))
        after: Due | None = None
        reader: Reader | None = None
        while True:
            with connection.begin():
                exported, horizon, as_of = connection.execute(_SNAPSHOT).one()
                source = _source(connection, table)
                parts = due.next_due(connection, table, after, together=source.rows_move)
                if not parts:
                    return synced
                properties = {HORIZON: horizon, AS_OF: as_of}
                reader = reader or stack.enter_context(reading(engine.url))
                with reader.as_of(exported):
                    piece = _Piece(
                        connection, lake, source, reader, properties, synced,
                        unreadable=viewers.unreadable(connection),
                        archived=Archived.of(connection, table),
                    )  # fmt: skip
                    piece.write(parts)
            after = parts[-1]


def _source(connection: sa.Connection, table: LakeTable) -> _Source:
    comment = connection.scalar(
        sa.text("SELECT coalesce(obj_description(to_regclass(:table), 'pg_class'), '')"),
        {"table": table.name},
    )
    columns = lake_columns.columns_of(connection, table.name)
    return _Source(table, columns, lake_columns.key_of(connection, table.name), comment or "")


def _take_apart(connection: sa.Connection, lake: Lake, source: _Source) -> None:
    """Take apart the marks that stand for all partitions, and what nobody may see any more away."""
    marks = due.marked_whole(connection, source.table)
    if not marks:
        return
    archived = Archived.of(connection, source.table)
    owners = whose.Owners.of(connection)
    there = []
    for namespace in lake.namespaces():
        table = lake.table(namespace, source.table.name)
        if table is None:
            continue
        strangers: list[DataFile] = []
        for values, of_partition in files.there(table).items():
            part = whose.due_of(source.table, namespace, values)
            if not any(
                mark in ((0, ""), (0, part.partition.key), (part.tenant_id, "")) for mark in marks
            ):
                continue
            if not owners.has(source.table, namespace, part.partition.key):
                strangers += of_partition
            elif not archived.has(part.partition):
                there.append(part)
        if strangers:
            files.replace(table, gone=strangers, new=[], properties={})
            lake.point(table)
    due.take_apart(connection, source.table, source.types, there)


@dataclass
class _Piece:
    """Some partitions of a table, in one snapshot."""

    connection: sa.Connection
    lake: Lake
    source: _Source
    reader: Reader
    properties: dict[str, str]
    synced: Synced
    unreadable: frozenset[int]
    archived: Archived

    def write(self, parts: list[Due]) -> None:
        """Write each in the namespaces that it is of; then remove its marks."""
        owners = whose.Owners.of(self.connection)
        by_namespace: dict[str, list[Due]] = {}
        for part in parts:
            for namespace in owners.namespaces(self.source.table, part):
                by_namespace.setdefault(namespace, []).append(part)
        refused: dict[Due, str] = {}
        for namespace, of_it in by_namespace.items():
            self._commit(namespace, of_it, refused)
        for part, why in refused.items():
            due.refused(self.connection, self.source.table, part, why)
            self.synced.refused.append(f"{part.partition}: {why}")
        due.done(self.connection, self.source.table, [p for p in parts if p not in refused])
        self.synced.partitions += len(parts) - len(refused)

    def _commit(self, namespace: str, parts: list[Due], refused: dict[Due, str]) -> None:
        tenant = tenant_of(namespace)
        if tenant in self.unreadable:  # a tenant that runs have made, who make no roles
            why = (
                f"tenant {tenant} has no role to be read as: `ingestion-pipeline db roles`, run by "
                "whoever may make roles, makes it"
            )
            refused.update(dict.fromkeys(parts, why))
            return
        table = self._table(namespace)
        of_part = {part: part.partition.values(self.source.table) for part in parts}
        there = files.there(table, set(of_part.values())) if table else {}
        gone: list[DataFile] = []
        new: list[DataFile] = []
        with self.reader.under(tenant):
            for part, values in of_part.items():
                try:
                    written, table = self._written(namespace, table, part, there.get(values, []))
                except RefusedPartition as error:
                    refused[part] = str(error)
                    table = table or self._table(namespace)  # it may have been made for this one
                    continue
                gone += there.get(values, [])
                new += written
        if table is None or not (gone or new):
            return
        self._be_no_older(table)
        files.replace(table, gone=gone, new=new, properties=self.properties)
        files.merge_manifests(table, beyond=MANY_MANIFESTS)
        self.lake.point(table)
        self.synced.commits += 1
        self.synced.rows += sum(file.record_count for file in new)
        self.synced.bytes += sum(file.file_size_in_bytes for file in new)

    def _table(self, namespace: str) -> "Table | None":
        """The table of a namespace, with the columns that the database has."""
        table = self.lake.table(namespace, self.source.table.name)
        if table is None:
            return None
        due.follow(self.connection.engine, self.source.table, table, self.source.columns)
        return table

    def _written(
        self, namespace: str, table: "Table | None", part: Due, there: "list[DataFile]"
    ) -> "tuple[list[DataFile], Table | None]":
        """The new files of a partition, and the table, which is made for the first rows."""
        tenant = tenant_of(namespace)
        where = (
            f"{part.partition.condition(self.source.table, self.source.types)} "
            f"AND {whose.condition(self.source.table, tenant)}"
        )
        name, columns = self.source.table.name, self.source.columns
        rows = self.reader.count(name, where, columns)
        if table is None:
            if not rows:
                return [], None
            table = self.lake.make(
                namespace, self.source.table, columns, comment=self.source.comment
            )
        batches = self.reader.batches(
            name, where, columns, order=self.source.key, schema=files.schema_of(table)
        )
        if there and self.archived.has(part.partition):
            late = merged(table, there, batches, key=self.source.key)
            return files.write(table, self.source.table, part.partition, late), table
        written = files.write(table, self.source.table, part.partition, batches)
        if (found := sum(file.record_count for file in written)) != rows:
            raise TransientError(f"{name} {part.partition}: {rows} rows were there, {found} read")
        return written, table

    def _be_no_older(self, table: "Table") -> None:
        snapshot = table.current_snapshot()
        known: Any = snapshot.summary if snapshot else None
        if known and known.additional_properties.get(AS_OF, "") > self.properties[AS_OF]:
            raise TransientError(f"{'.'.join(table.name())} is newer than what was read")
