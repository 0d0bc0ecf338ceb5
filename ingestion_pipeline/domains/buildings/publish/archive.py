"""Old months of `timeseries_raw` → Parquet, one file a month; then their partitions are dropped.

The file is written, read back and counted before anything is dropped, in one transaction that
keeps writers of that month waiting. A month that is collected again afterwards is archived again,
into another file.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any

import fsspec
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, lock, months_there
from ingestion_pipeline.domains.buildings.tables import archived_months, timeseries_raw
from ingestion_pipeline.foundation.errors import TransientError

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

_ROWS = 50_000  # at a time
_AWAITED = sa.text("""
    SELECT EXISTS (
        SELECT FROM changed_parts
        WHERE reader = 'lake' AND source = 'timeseries_raw'
          AND (day = 'infinity' OR date_trunc('month', day) = CAST(:first AS date)))
""")


@dataclass(frozen=True)
class Archived:
    """A month that is now a file."""

    month: date
    location: str
    rows: int
    bytes: int


def publish_archive(
    engine: sa.Engine,
    *,
    keep: int,
    archive_url: str,
    today: date | None = None,
    followed: bool = False,
) -> list[Archived]:
    """Archive and drop every month that is more than `keep` whole months ago, oldest first.

    Args:
        engine: of the database.
        keep: whole months that stay.
        archive_url: where files go.
        today: the UTC day that it is.
        followed: the lake takes all samples: a month of which it lacks some stays until then.

    Raises:
        TransientError: a file does not hold what was written; the month stays.
    """
    newest = Month.of(today or datetime.now(UTC).date()).back(keep + 1)
    with engine.connect() as connection:
        old = [month for month in months_there(connection) if month <= newest]
    archived = []
    for month in old:
        with engine.begin() as connection:
            done = _archive(connection, month, archive_url, followed=followed)
        if done is not None:
            archived.append(done)
    return archived


def _archive(
    connection: sa.Connection, month: Month, archive_url: str, *, followed: bool
) -> Archived | None:
    lock(connection)
    if month not in months_there(connection):
        return None
    connection.exec_driver_sql(f"LOCK TABLE {month.partition} IN SHARE ROW EXCLUSIVE MODE")
    # Whoever writes samples of it waits for the lock, or its marks are there to be seen.
    if followed and connection.scalar(_AWAITED, {"first": month.first}):
        logger.info("%s stays: the lake has not got all of it yet", month.partition)
        return None
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    name = f"timeseries_raw/{month.first:%Y-%m}-{stamp}.parquet"
    location = f"{archive_url.rstrip('/')}/{name}"
    with fsspec.open(location, "wb", auto_mkdir=True) as file:
        rows = _write(connection, month, file)
    with fsspec.open(location, "rb") as file:
        counted, size = _count(file)
    if counted != rows:
        raise TransientError(f"{location}: {rows} rows were written, {counted} are there")
    archived = Archived(month.first, location, rows, size)
    connection.execute(
        sa.insert(archived_months).values(
            month=archived.month, location=name, rows=rows, bytes=size
        )
    )
    connection.execute(sa.select(sa.func.drop_timeseries_month(month.first)))
    return archived


def _write(connection: sa.Connection, month: Month, file: IO[bytes]) -> int:
    """Write a month's rows, a block at a time; returns how many."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema()
    of_month = timeseries_raw.alias("of_month")
    names = [sa.cast(c, sa.Text) if c.name == "metadata" else c for c in of_month.columns]
    query = sa.select(*names).where(
        of_month.c.timestamp >= _midnight(month), of_month.c.timestamp < _midnight(month.back(-1))
    )
    rows = 0
    ordered = query.order_by(of_month.c.site_name, of_month.c.point_name, of_month.c.timestamp)
    with (
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        connection.execute(ordered, execution_options={"yield_per": _ROWS}) as result,
    ):
        for block in result.partitions():
            columns = [list(column) for column in zip(*block, strict=True)]
            arrays = [
                pa.array(column, type_) for column, type_ in zip(columns, schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(block)
    return rows


def _count(file: IO[bytes]) -> tuple[int, int]:
    """Rows of a Parquet file by its own account, and its bytes."""
    from pyarrow import parquet

    rows = parquet.ParquetFile(file).metadata.num_rows
    return int(rows), file.seek(0, 2)


def _schema() -> "pa.Schema":
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    types: dict[str, Any] = {
        "site_name": pa.string(),
        "point_name": pa.string(),
        "timestamp": instant,
        "value": pa.float64(),
        "value_text": pa.string(),
        "quality": pa.string(),
        "metadata": pa.string(),
        "collected_at": instant,
    }
    return pa.schema([(column.name, types[column.name]) for column in timeseries_raw.columns])


def _midnight(month: Month) -> datetime:
    return datetime(month.first.year, month.first.month, 1, tzinfo=UTC)
