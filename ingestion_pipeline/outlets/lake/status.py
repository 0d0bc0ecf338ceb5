"""How the lake stands: its tables, how far each is, and what waits."""

from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sync import AS_OF

_WAITING = sa.text("""
    SELECT source, count(DISTINCT (tenant_id, key, day)) FILTER (WHERE refused IS NULL),
           count(DISTINCT (tenant_id, key, day)) FILTER (WHERE refused IS NOT NULL)
    FROM changed_parts WHERE reader = 'lake' GROUP BY source ORDER BY source
""")
_REFUSED = sa.text("""
    SELECT DISTINCT source, tenant_id, key, CAST(day AS text), refused FROM changed_parts
    WHERE reader = 'lake' AND refused IS NOT NULL ORDER BY 1, 2, 3, 4 LIMIT 20
""")


@dataclass(frozen=True)
class TableStatus:
    """A table of the lake.

    Attributes:
        namespace: that it is in.
        name: of the table.
        rows: that it has.
        files: of them.
        bytes: of these.
        as_of: the instant of the database that was written last, ISO 8601; None: nothing was.
        location: its folder, or the URL of it, which other engines open.
    """

    namespace: str
    name: str
    rows: int
    files: int
    bytes: int
    as_of: str | None
    location: str


@dataclass(frozen=True)
class Waiting:
    """What of a table of the database is still to be written.

    Attributes:
        source: the table.
        partitions: that have changed since; all of them count as one.
        refused: that hold what the lake can't keep.
    """

    source: str
    partitions: int
    refused: int


def tables(lake: Lake) -> list[TableStatus]:
    """All tables of all namespaces, as their newest snapshots say."""
    return [
        found
        for namespace in lake.namespaces()
        for _, name in sorted(lake.catalog.list_tables(namespace))
        if (found := _status(lake, namespace, name))
    ]


def in_namespaces(lake: Lake, name: str) -> list[TableStatus]:
    """A table in each namespace that has it."""
    found = (_status(lake, namespace, name) for namespace in lake.namespaces())
    return [each for each in found if each]


def _status(lake: Lake, namespace: str, name: str) -> TableStatus | None:
    table = lake.table(namespace, name)
    if table is None:
        return None
    snapshot = table.current_snapshot()
    said = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    return TableStatus(
        namespace,
        name,
        rows=int(said.get("total-records", 0)),
        files=int(said.get("total-data-files", 0)),
        bytes=int(said.get("total-files-size", 0)),
        as_of=said.get(AS_OF),
        location=table.location(),
    )


def waiting(connection: sa.Connection) -> list[Waiting]:
    """What waits, by table; none where all of it is written."""
    return [Waiting(*row) for row in connection.execute(_WAITING)]


def refusals(connection: sa.Connection) -> list[str]:
    """The first partitions that could not be written, each with the reason."""
    told = []
    for source, tenant, key, day, why in connection.execute(_REFUSED):
        whose = f"tenant {tenant}" if tenant else ""
        told.append(f"{' '.join(part for part in (source, whose, key, day) if part)}: {why}")
    return told
