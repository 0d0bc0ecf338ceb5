"""Rows → Parquet files of the lake, with what its manifests keep of each; a row group in memory."""

import uuid
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from ingestion_pipeline.outlets.lake.partitions import Partition
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table

ROW_GROUP = 128 * 1024  # rows, at least, but for the last, and for wide ones:
ROW_GROUP_BYTES = 32 * 2**20  # of Arrow, which are in memory until they are written
PROPERTIES = "ingestion."  # what ours of snapshots begin with
LARGEST_ROWS = 8 * 1024 * 1024  # of a file: beyond, a partition has another one


def schema_of(table: "Table") -> "pa.Schema":
    """The schema of its files: Arrow's types, each with the number of its field."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    return schema_to_pyarrow(table.schema())


def as_in(schema: "pa.Schema", rows: Any) -> "pa.RecordBatch | pa.Table":
    """Rows as a schema has them: columns that came later are empty in older files.

    Args:
        schema: of a table's files.
        rows: a batch, or a table, of columns of its own.
    """
    import pyarrow as pa

    columns = [
        rows.column(field.name).cast(field.type)
        if field.name in rows.schema.names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return type(rows).from_arrays(columns, schema=schema)


def write(
    table: "Table", of: LakeTable, partition: Partition, batches: "Iterator[pa.RecordBatch]"
) -> "list[DataFile]":
    """Write the rows of a partition into new files that nobody reads yet; none for no rows."""
    files, groups = [], row_groups(batches)
    group = next(groups, None)
    while group is not None:
        file, group = _file(table, partition.values(of), group, groups)
        files.append(file)
    return files


def row_groups(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.Table]":
    """Batches as they come → row groups; a reader has its costs for each."""
    import pyarrow as pa

    found: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        found.append(batch)
        rows, size = sum(b.num_rows for b in found), sum(b.nbytes for b in found)
        if rows >= ROW_GROUP or size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(found)
            found.clear()
    if found:
        yield pa.Table.from_batches(found)


def _file(
    table: "Table",
    values: tuple[Any, ...],
    group: "pa.Table | None",
    groups: "Iterator[pa.Table]",
) -> "tuple[DataFile, pa.Table | None]":
    """Write one file; also what is left after it."""
    from pyarrow import parquet

    # No value of a row: what is in a key need not be the name of a file, nor in a store's logs.
    location = f"{table.location()}/data/{uuid.uuid4()}.parquet"
    output = table.io.new_output(location)
    rows = 0
    with (
        output.create() as sink,
        parquet.ParquetWriter(
            sink, schema_of(table), compression="zstd", store_decimal_as_integer=True
        ) as writer,
    ):
        while group is not None and rows < LARGEST_ROWS:
            writer.write_table(group, row_group_size=group.num_rows)
            rows += group.num_rows
            group = next(groups, None)
    return _described(table, values, location, len(output), writer.writer.metadata), group


def _described(
    table: "Table", values: tuple[Any, ...], location: str, size: int, metadata: Any
) -> "DataFile":
    from pyiceberg.io.pyarrow import (
        compute_statistics_plan,
        data_file_statistics_from_parquet_metadata,
        parquet_path_to_id_mapping,
    )
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    schema = table.schema()
    statistics = data_file_statistics_from_parquet_metadata(
        parquet_metadata=metadata,
        stats_columns=compute_statistics_plan(schema, table.metadata.properties),
        parquet_column_mapping=parquet_path_to_id_mapping(schema),
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=Record(*values),
        file_size_in_bytes=size,
        sort_order_id=None,
        spec_id=table.metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def there(
    table: "Table", of: "Collection[tuple[Any, ...]] | None" = None
) -> "dict[tuple[Any, ...], list[DataFile]]":
    """The files of a table's newest snapshot, by partition.

    Args:
        table: of the lake.
        of: partitions, by what the lake calls them; None: all of them. Manifests that can have no
            file of these are not read, so that a piece's costs do not grow with the table.
    """
    found: dict[tuple[Any, ...], list[DataFile]] = {}
    snapshot = table.current_snapshot()
    if snapshot is None:
        return found
    may_have = _may_have(table, of)
    for manifest in snapshot.manifests(table.io):
        if not may_have(manifest):
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            file = entry.data_file
            values = tuple(file.partition[at] for at in range(len(file.partition)))
            if of is None or values in of:
                found.setdefault(values, []).append(file)
    return found


def _may_have(
    table: "Table", of: "Collection[tuple[Any, ...]] | None"
) -> "Callable[[ManifestFile], bool]":
    """Whether a manifest may have files of partitions, by the bounds that its list keeps."""
    from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, In
    from pyiceberg.expressions.visitors import manifest_evaluator

    wanted: BooleanExpression = AlwaysTrue()
    for at, field in enumerate(table.spec().fields):
        if of is not None:
            wanted = And(wanted, In(term=field.name, literals={values[at] for values in of}))
    return manifest_evaluator(table.spec(), table.schema(), wanted)


def paths(table: "Table") -> list[str]:
    """The files that a table's rows are in, sorted: all that an engine needs that knows no Iceberg.

    There are no delete files (decision 0049): these are the table, whole, and nothing else.
    """
    return sorted(file.file_path for files in there(table).values() for file in files)


def replace(
    table: "Table",
    *,
    gone: "list[DataFile]",
    new: "list[DataFile]",
    properties: dict[str, str],
) -> None:
    """Commit that some files are in place of others: all of it, or nothing.

    Raises:
        pyiceberg.exceptions.CommitFailedException: another has committed meanwhile.
    """
    with (
        table.transaction() as transaction,
        transaction.update_snapshot(snapshot_properties=properties).overwrite() as snapshot,
    ):
        for file in gone:
            snapshot.delete_data_file(file)
        for file in new:
            snapshot.append_data_file(file)


def merge_manifests(table: "Table", *, beyond: int = 16) -> None:
    """Have a table's manifests in few files: a commit adds two, and whoever reads it opens all.

    The snapshot that does it has the rows, and our properties, of the one before.
    """
    snapshot = table.current_snapshot()
    if snapshot is None or len(snapshot.manifests(table.io)) <= beyond:
        return
    said: Any = snapshot.summary.additional_properties if snapshot.summary else {}
    properties = {name: said[name] for name in said if name.startswith(PROPERTIES)}
    with (
        table.transaction() as transaction,
        transaction.update_snapshot(snapshot_properties=properties).merge_append(),
    ):
        pass  # no file comes
