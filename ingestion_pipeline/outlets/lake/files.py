"""Rows → Parquet files of the lake, with what its manifests keep of each; one batch in memory."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingestion_pipeline.outlets.lake.partitions import Partition
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

ROW_GROUP = 128 * 1024  # rows
PROPERTIES = "ingestion."  # what ours of snapshots begin with
LARGEST_ROWS = 8 * 1024 * 1024  # of a file: beyond, a partition has another one


def schema_of(table: "Table") -> "pa.Schema":
    """The schema of its files: Arrow's types, each with the number of its field."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    return schema_to_pyarrow(table.schema())


def write(
    table: "Table", of: LakeTable, partition: Partition, batches: "Iterator[pa.RecordBatch]"
) -> "list[DataFile]":
    """Write the rows of a partition into new files that nobody reads yet; none for no rows."""
    files, batches = [], iter(batches)
    batch = next(batches, None)
    while batch is not None:
        file, batch = _file(table, partition.values(of), batch, batches)
        files.append(file)
    return files


def _file(
    table: "Table",
    values: tuple[Any, ...],
    batch: "pa.RecordBatch | None",
    batches: "Iterator[pa.RecordBatch]",
) -> "tuple[DataFile, pa.RecordBatch | None]":
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
        while batch is not None and rows < LARGEST_ROWS:
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            rows += batch.num_rows
            batch = next(batches, None)
    return _described(table, values, location, len(output), writer.writer.metadata), batch


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


def there(table: "Table") -> "dict[tuple[Any, ...], list[DataFile]]":
    """The files of a table's newest snapshot, by partition."""
    found: dict[tuple[Any, ...], list[DataFile]] = {}
    snapshot = table.current_snapshot()
    if snapshot is None:
        return found
    for manifest in snapshot.manifests(table.io):
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            file = entry.data_file
            values = tuple(file.partition[at] for at in range(len(file.partition)))
            found.setdefault(values, []).append(file)
    return found


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


def merge_manifests(table: "Table", *, beyond: int = 16) -> "Table":
    """Have a table's manifests in few files: a commit adds two, and whoever reads it opens all.

    The snapshot that does it has the rows, and our properties, of the one before.
    """
    snapshot = table.current_snapshot()
    if snapshot is None or len(snapshot.manifests(table.io)) <= beyond:
        return table
    said: Any = snapshot.summary.additional_properties if snapshot.summary else {}
    properties = {name: said[name] for name in said if name.startswith(PROPERTIES)}
    with (
        table.transaction() as transaction,
        transaction.update_snapshot(snapshot_properties=properties).merge_append(),
    ):
        pass  # no file comes
    return table.refresh()
