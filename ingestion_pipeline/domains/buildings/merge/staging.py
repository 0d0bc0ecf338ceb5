"""Rows of a window → `timeseries_raw`: straight where none was there, else staged and compared.

Straight is COPY into the table itself. When that meets a row that is there already (samples that
come twice, a page fetched again after a kill), the rest of the window is staged.

Staging is an unlogged table of the window's own, in a schema that has no other. In the end one
statement takes the last of every point and instant, inserts what is new, sorted by key, and updates
what differs. Rows that are equal are not touched. What a server crash takes of it is fetched again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

import psycopg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Window
from ingestion_pipeline.domains.buildings.land.samples import COLUMNS, refused
from ingestion_pipeline.domains.buildings.merge.months import Month
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Unusable
from ingestion_pipeline.domains.buildings.tables import timeseries_raw
from ingestion_pipeline.foundation.ledger import changes
from ingestion_pipeline.foundation.storage.bulk import CopyStream, Row, copy_encoded
from ingestion_pipeline.foundation.storage.privileges import STAGING

_PREFIX = "timeseries_staging_"

_MERGE = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (point_name, timestamp)
               point_name, timestamp, value, value_text, quality, metadata
        FROM {staging}
        ORDER BY point_name, timestamp, position DESC
    ), changed AS MATERIALIZED (
        SELECT latest.*, current.site_name IS NULL AS is_new
        FROM latest LEFT JOIN timeseries_raw AS current
          ON current.site_name = :site AND current.point_name = latest.point_name
         AND current.timestamp = latest.timestamp
         AND current.timestamp >= :start AND current.timestamp < :end
        WHERE current.site_name IS NULL
           OR (current.value, current.value_text, current.quality, current.metadata)
              IS DISTINCT FROM (latest.value, latest.value_text, latest.quality, latest.metadata)
    ), inserted AS (
        INSERT INTO timeseries_raw
               (site_name, point_name, timestamp, value, value_text, quality, metadata)
        SELECT :site, point_name, timestamp, value, value_text, quality, metadata
        FROM changed WHERE is_new ORDER BY point_name, timestamp
        RETURNING 1
    ), updated AS (
        UPDATE timeseries_raw AS target
        SET value = changed.value, value_text = changed.value_text, quality = changed.quality,
            metadata = changed.metadata, collected_at = now()
        FROM changed
        WHERE NOT changed.is_new AND target.site_name = :site
          AND target.point_name = changed.point_name AND target.timestamp = changed.timestamp
          AND target.timestamp >= :start AND target.timestamp < :end
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM latest), (SELECT count(*) FROM inserted),
           (SELECT count(*) FROM updated)
"""


def copy_straight(
    connection: sa.Connection, payload: bytes, *, site: str, window: Window, binary: bool
) -> bool:
    """COPY a page's encoded rows into their month; False, and nothing is written, where one can't
    go in.

    Into its partition, because COPY does not go into a table that has policies. No trigger of the
    table fires for that: the day (a window is within one) is marked as changed here.
    """
    if not _copied(connection, Month.of(window.start).partition, payload, binary=binary):
        return False
    if payload.strip():
        day = window.start.astimezone(UTC).date()
        changes.mark_day(connection, timeseries_raw.name, key=site, day=day)
    return True


def _copied(connection: sa.Connection, table: str, payload: bytes, *, binary: bool) -> bool:
    if not payload.strip():
        return True
    try:
        with connection.begin_nested():
            copy_encoded(connection, table, COLUMNS, payload, binary=binary)
    except (psycopg.errors.UniqueViolation, psycopg.DataError):
        return False
    return True


@dataclass(frozen=True)
class Staging:
    """The staging table of one window of a site.

    Attributes:
        checkpoint: the window's key, by which `sweep` knows whether anybody still needs it.
    """

    site: str
    window: Window
    checkpoint: str
    number: int

    @property
    def name(self) -> str:
        """Of the table, with its schema."""
        return f"{STAGING}.{_PREFIX}{self.number % 2**64:016x}"

    def make(self, connection: sa.Connection) -> None:
        """An empty table."""
        self.drop(connection)
        comment = self.checkpoint.replace("'", "''").replace(":", r"\:")
        connection.execute(
            sa.text(f"""
                CREATE UNLOGGED TABLE {self.name} (
                    position bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000),
                    site_name text, point_name text COLLATE "C", timestamp timestamptz,
                    value double precision, value_text text, quality text, metadata jsonb
                );
                COMMENT ON TABLE {self.name} IS '{comment}';
            """)
        )

    def drop(self, connection: sa.Connection) -> None:
        """Remove it, if it is there."""
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {self.name}")

    def write(
        self,
        connection: sa.Connection,
        payload: bytes,
        rows: Callable[[], Sequence[Row]],
        *,
        binary: bool,
    ) -> list[Unusable]:
        """Stage a page, encoded and as `rows` makes it; returns what the database refused."""
        if _copied(connection, self.name, payload, binary=binary):
            return []
        unusable: list[Unusable] = []
        with CopyStream(
            connection,
            self.name,
            COLUMNS,
            refused=lambda row, message: unusable.append(refused(row, message)),
        ) as stream:
            stream.write(rows())
            stream.drain()
        return unusable

    def holds(self, connection: sa.Connection, rows: int) -> bool:
        """Whether so many rows are there; a server crash takes all of them.

        A page that was staged and not noted is there twice then, which does no harm.
        """
        if connection.scalar(sa.select(sa.func.to_regclass(self.name))) is None:
            return False
        staged = sa.select(sa.func.count()).select_from(sa.text(self.name))
        return (connection.scalar(staged) or 0) >= rows

    def merge(self, connection: sa.Connection, staged: int, so_far: Counts) -> Counts:
        """Merge what is staged, and say what became of it."""
        connection.exec_driver_sql(f"ANALYZE {self.name}")
        connection.exec_driver_sql("SET LOCAL work_mem = '128MB'")  # else it sorts on disk
        values = {"site": self.site, "start": self.window.start, "end": self.window.end}
        statement = sa.text(_MERGE.format(staging=self.name))
        distinct, inserted, updated = connection.execute(statement, values).one()
        self.drop(connection)
        return replace(
            so_far,
            duplicates=so_far.duplicates + staged - distinct,
            inserted=so_far.inserted + inserted,
            updated=so_far.updated + updated,
            unchanged=so_far.unchanged + distinct - inserted - updated,
        )


def abandoned(connection: sa.Connection) -> list[tuple[str, str]]:
    """Every staging table with the key of its checkpoint."""
    statement = sa.text("""
        SELECT oid::regclass::text, obj_description(oid, 'pg_class') FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'timeseries\\_staging\\_%'
          -- Releases before 0013 staged beside the tables.
          AND relnamespace IN (to_regnamespace(:staging), current_schema()::regnamespace)
    """)
    rows = connection.execute(statement, {"staging": STAGING})
    return [(row[0], row[1] or "") for row in rows]
