"""Keeping the lake small: old snapshots go, then the files that no snapshot names.

pyiceberg's expiry forgets snapshots and deletes no file; this deletes, a bounded number a run, what
is in a table's folder and older than a grace, unless a snapshot that is kept names it, or the
catalogue, or it is the pointer. So a reader has as long as snapshots are kept. Who is killed before
a commit leaves files, and who is killed before a table is in the catalogue a whole folder: both go
the same way. Nobody writes the table meanwhile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.outlets.lake import columns as lake_columns
from ingestion_pipeline.outlets.lake import due, files
from ingestion_pipeline.outlets.lake.catalogue import POINTER, Lake
from ingestion_pipeline.outlets.lake.tables import LakeTable

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.table import Table

KEEP = timedelta(days=1)
GRACE = timedelta(days=1)
MOST_FILES = 10_000  # deleted in one run
MOST_SNAPSHOTS = 200  # kept, once they are older than a query lasts
_A_QUERY = timedelta(hours=1)
_NAMESPACES = re.compile(r"tenant_\d+|operator|shared")


@dataclass
class Swept:
    """What a sweep did with a table.

    Attributes:
        expired: snapshots that can't be read any more.
        files: that were deleted.
        bytes: of these.
        left: files that are for the next run: there were too many.
        faults: what is wrong with the table, a sentence each; nothing of it is deleted then.
    """

    expired: int = 0
    files: int = 0
    bytes: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)


def sweep(
    engine: sa.Engine,
    lake: Lake,
    table: LakeTable,
    *,
    keep: timedelta = KEEP,
    grace: timedelta = GRACE,
    most: int = MOST_FILES,
) -> Swept:
    """Expire snapshots of a table in all namespaces, merge its manifests, delete what is unnamed.

    Also gives it the columns that the database has by now, if no row changes for long.

    Args:
        engine: of the database.
        lake: which.
        table: of it.
        keep: how long a snapshot that is not the newest can be read.
        grace: how old a file is, at least, that is deleted.
        most: how many files are deleted.
    """
    swept = Swept()
    with (
        engine.connect() as connection,
        locks.held_by_session(connection, locks.WRITING_LAKE.of(table.name)),
    ):
        for namespace in sorted({*lake.namespaces(), *folders(lake)}):
            location, named = lake.location(namespace, table.name), set()
            try:
                found = lake.table(namespace, table.name)
                if found is not None:
                    columns = lake_columns.columns_of(connection, table.name)
                    connection.commit()
                    due.follow(engine, table, found, columns)
                    files.merge_manifests(found)
                    _expire(found, keep, swept)
                    lake.point(found)
                    named = _named(found)
                elif lake.stranger(namespace, table.name):
                    swept.faults.append(f"{namespace}: a table that this database does not know")
                    continue
            except FileNotFoundError as error:
                swept.faults.append(f"{namespace}: a file of its snapshot is missing: {error}")
                continue
            _delete(lake.io(location), location, named, grace, most, swept)
    return swept


def _expire(table: "Table", keep: timedelta, swept: Swept) -> None:
    """Take the snapshots from a table that are too old, or too many."""
    newest = table.current_snapshot()
    if newest is None:
        return
    now = datetime.now(UTC).timestamp() * 1000
    snapshots = sorted(table.snapshots(), key=lambda each: each.timestamp_ms, reverse=True)
    gone = [
        each.snapshot_id
        for at, each in enumerate(snapshots)
        if each.snapshot_id != newest.snapshot_id
        and now - each.timestamp_ms
        >= (min(keep, _A_QUERY) if at >= MOST_SNAPSHOTS else keep).total_seconds() * 1000
    ]
    if gone:
        table.maintenance.expire_snapshots().by_ids(gone).commit()
        swept.expired += len(gone)


def _named(table: "Table") -> set[str]:
    """The paths of all files that are to stay.

    Raises:
        FileNotFoundError: one that says so is missing, of the newest snapshot.
    """
    metadata, newest = table.metadata, table.current_snapshot()
    found = {table.metadata_location, f"{table.location()}/metadata/{POINTER}"}
    found |= {entry.metadata_file for entry in metadata.metadata_log}
    read: set[str] = set()
    for snapshot in metadata.snapshots:
        found.add(snapshot.manifest_list)
        try:
            for manifest in snapshot.manifests(table.io):
                if manifest.manifest_path in read:
                    continue
                found.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                found |= {entry.data_file.file_path for entry in entries}
                read.add(manifest.manifest_path)
        except FileNotFoundError:
            # Nobody can read an older one without it; what others name of it stays.
            if newest is not None and snapshot.snapshot_id == newest.snapshot_id:
                raise
    return {_path(table.io, location) for location in found}


def _delete(
    io: "FileIO", location: str, named: set[str], grace: timedelta, most: int, swept: Swept
) -> None:
    """Delete files of a folder that are not named, and old; the oldest first."""
    system = _system(io, location)
    before = datetime.now(UTC) - grace
    unnamed = [
        file
        for file in _files(system, _path(io, location))
        if file.path not in named and (file.mtime is None or file.mtime <= before)
    ]
    unnamed.sort(key=lambda file: (file.mtime is not None, file.mtime))
    room = max(most - swept.files, 0)
    for file in unnamed[:room]:
        try:
            system.delete_file(file.path)
        except FileNotFoundError:
            continue
        swept.files += 1
        swept.bytes += file.size or 0
    swept.left += len(unnamed[room:])


def _files(system: Any, path: str) -> Iterator[Any]:
    from pyarrow import fs

    for found in system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True)):
        if found.type == fs.FileType.File:
            yield found


def folders(lake: Lake) -> Iterator[str]:
    """Namespaces that have a folder, whether the catalogue knows them or not."""
    from pyarrow import fs

    io = lake.io(lake.url)
    selector = fs.FileSelector(_path(io, lake.url), recursive=False, allow_not_found=True)
    for found in _system(io, lake.url).get_file_info(selector):
        if found.type == fs.FileType.Directory and _NAMESPACES.fullmatch(found.base_name):
            yield found.base_name


def _path(io: Any, location: str) -> str:
    path: str = io.parse_location(location, io.properties)[2]
    return path


def _system(io: Any, location: str) -> Any:
    scheme, host, _ = io.parse_location(location, io.properties)
    return io.fs_by_scheme(scheme, host)
