"""Rows of a window → `timeseries_raw`: straight where none was there, else staged and compared.

Straight is COPY into the table itself. When that meets a row that is there already (samples that
come twice, a page fetched again after a kill), the rest of the window is staged.

Staging is an unlogged table of the window's own. In the end one statement takes the last of every
point and instant, inserts what is new, sorted by key, and updates what differs. Rows that are
equal are not touched. What a server crash takes of it is fetched again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg
import sqlalchemy as sa

from ingestion_pipeline.buildings.contract import Counts, Window
from ingestion_pipeline.buildings.envelope import Unusable
from ingestion_pipeline.buildings.samples import COLUMNS, refused
from ingestion_pipeline.buildings.tables import timeseries_raw
from ingestion_pipeline.storage.bulk import CopyStream, Row, copy_encoded

_PREFIX = "timeseries_staging_"
_STAGED_COLUMNS = ("page", "position", *COLUMNS[1:])

_MERGE = """
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (point_name, timestamp)
               point_name, timestamp, value, value_text, quality, metadata
        FROM {staging}
        ORDER BY point_name, timestamp, page DESC, position DESC
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
    SELECT (SELECT count(*) FROM {staging}), (SELECT count(*) FROM latest),
           (SELECT count(*) FROM inserted), (SELECT count(*) FROM updated)
"""


def copy_straight(connection: sa.Connection, payload: bytes) -> bool:
    """COPY encoded rows into the table; False, and nothing is written, where one can't go in."""
    if not payload.strip():
        return True
    try:
        with connection.begin_nested():
            copy_encoded(connection, timeseries_raw.name, COLUMNS, payload)
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
        """Of the table."""
        return f"{_PREFIX}{self.number % 2**64:016x}"

    def make(self, connection: sa.Connection) -> None:
        """An empty table."""
        self.drop(connection)
        comment = self.checkpoint.replace("'", "''").replace(":", r"\:")
        connection.execute(
            sa.text(f"""
                CREATE UNLOGGED TABLE {self.name} (
                    page integer, position integer, point_name text COLLATE "C",
                    timestamp timestamptz, value double precision, value_text text, quality text,
                    metadata jsonb
                );
                COMMENT ON TABLE {self.name} IS '{comment}';
            """)
        )

    def drop(self, connection: sa.Connection) -> None:
        """Remove it, if it is there."""
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {self.name}")

    def write(self, connection: sa.Connection, page: int, rows: Sequence[Row]) -> list[Unusable]:
        """Stage a page; returns what the database refused."""
        unusable: list[Unusable] = []
        numbered = [(page, position, *row[1:]) for position, row in enumerate(rows)]
        with CopyStream(
            connection,
            self.name,
            _STAGED_COLUMNS,
            refused=lambda row, message: unusable.append(refused(row[2:], message)),
        ) as stream:
            stream.write(numbered)
            stream.drain()
        return unusable

    def keep_before(self, connection: sa.Connection, page: int) -> int | None:
        """Remove pages from this one on; returns how many rows remain, None without a table."""
        if connection.scalar(sa.select(sa.func.to_regclass(self.name))) is None:
            return None
        staged = sa.table(self.name, sa.column("page"))
        connection.execute(sa.delete(staged).where(staged.c.page >= page))
        return connection.scalar(sa.select(sa.func.count()).select_from(staged))

    def merge(self, connection: sa.Connection, so_far: Counts) -> Counts:
        """Merge what is staged, and say what became of it."""
        connection.exec_driver_sql(f"ANALYZE {self.name}")
        values = {"site": self.site, "start": self.window.start, "end": self.window.end}
        statement = sa.text(_MERGE.format(staging=self.name))
        staged, distinct, inserted, updated = connection.execute(statement, values).one()
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
        SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'timeseries\\_staging\\_%'
    """)
    return [(row[0], row[1] or "") for row in connection.execute(statement)]
