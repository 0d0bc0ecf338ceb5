"""The tables that a tenant's login reads: what each is, of what its key is, what its columns hold.

All of it is PostgreSQL's own knowledge: comments, keys, and how many rows it reckons with.
"""

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.storage.privileges import COLUMNS, TABLES, TENANT

_TABLES = sa.text("""
    SELECT relname AS name, relkind = 'v' AS is_view,
           (SELECT CAST(coalesce(sum(greatest(part.reltuples, 0)), 0) AS bigint)
            FROM pg_class AS part
            WHERE part.oid = told.oid
               OR part.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = told.oid))
               AS rows,
           coalesce(obj_description(told.oid, 'pg_class'), '') AS what,
           ARRAY(SELECT CAST(attname AS text) FROM pg_index
                 CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS key (number, place)
                 JOIN pg_attribute ON attrelid = indrelid AND attnum = key.number
                 WHERE indrelid = told.oid AND indisprimary ORDER BY place) AS key
    FROM pg_class AS told
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relname = ANY(:names)
    ORDER BY relname
""")
_COLUMNS = sa.text("""
    SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable,
           coalesce(col_description(attrelid, attnum), '') AS what
    FROM pg_attribute
    WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped
      AND (CAST(:shown AS text[]) IS NULL OR attname = ANY(CAST(:shown AS text[])))
    ORDER BY attnum
""")


@dataclass(frozen=True)
class Readable:
    """A table (or view) that a tenant's login reads.

    Attributes:
        name: of the table.
        is_view: whether it is a view.
        rows: of all tenants, as PostgreSQL reckons.
        what: a row of it is.
        key: the columns of its primary key; empty: it has none.
    """

    name: str
    is_view: bool
    rows: int
    what: str
    key: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The table's entry in `tables --json`."""
        return asdict(self)


@dataclass(frozen=True)
class ReadableColumn:
    """A column of it, its type as PostgreSQL writes it, and what it holds."""

    name: str
    type: str
    nullable: bool
    what: str

    def as_dict(self) -> dict[str, Any]:
        """The column's entry in `tables NAME --json`."""
        return asdict(self)


def readable_tables(connection: sa.Connection) -> list[Readable]:
    """All that a tenant's login reads, by name."""
    names = [table for table, (*_, tenant) in TABLES.items() if "r" in tenant]
    return [Readable(*row) for row in connection.execute(_TABLES, {"names": names})]


def readable_columns(connection: sa.Connection, name: str) -> list[ReadableColumn]:
    """The columns of a table that a tenant's login reads.

    Raises:
        ConfigurationError: it reads no table of that name.
    """
    if "r" not in TABLES.get(name, ("", "", "", ""))[-1]:
        raise ConfigurationError(
            f"a tenant's login reads no table {name!r}: `ingestion-pipeline tables` lists them"
        )
    shown = COLUMNS.get((TENANT, name))
    values = {"name": name, "shown": list(shown) if shown else None}
    return [ReadableColumn(*row) for row in connection.execute(_COLUMNS, values)]
