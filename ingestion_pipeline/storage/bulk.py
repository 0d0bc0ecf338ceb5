"""The one fast path into the database, for every domain: typed rows → COPY → staged merge.

Rows travel as CSV text that msgspec's C encoder writes: a JSON array without its brackets is a
line of CSV, if strings are escaped with a backslash (COPY's ESCAPE option) and `null` means NULL.
That is about 1 µs a row where formatting in Python costs ten
(docs/decisions/0004-bulk-path.md). Memory is bounded by a few blocks, whatever the input's size.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa
from psycopg import sql

from ingestion_pipeline.storage.database import driver

Row = tuple[Any, ...]
Refusal = Callable[[Row, str], None]

_encoder = msgspec.json.Encoder()
_BLOCKS_IN_FLIGHT = 2
# The sender wakes for every few hundred kilobytes that the socket takes. With Python's usual 5 ms
# it would each time wait that long for the parsing thread to yield, and the two would hardly overlap.
_SWITCH_SECONDS = 0.0001


def encode_rows(rows: Sequence[Row]) -> bytes:
    r"""Rows as CSV for COPY … (FORMAT csv, NULL 'null', ESCAPE '\').

    A value is None, bool, int, float (finite), str (without NUL), UUID, Decimal, datetime, or JSON
    text (a str) for a jsonb column.
    """
    text: bytes = _encoder.encode_lines(rows)
    if b"\\" in text and b"\\" in text.replace(b"\\\\", b"").replace(b'\\"', b""):
        # COPY knows no \n or \u0001: where a string holds control characters, quote it ourselves.
        return b"".join(b",".join(map(_encode_value, row)) + b"\n" for row in rows)
    return text[1:-2].replace(b"]\n[", b"\n") + b"\n"


def _encode_value(value: object) -> bytes:
    if isinstance(value, str):
        return b'"%b"' % value.replace("\\", "\\\\").replace('"', '\\"').encode()
    return bytes(_encoder.encode(value))


def copy_rows(
    connection: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """COPY rows into a table within the connection's transaction.

    Raises:
        psycopg.DataError, psycopg.IntegrityError: the database refused a value.
    """
    if rows:
        _copy(driver(connection), table, columns, encode_rows(rows))


def _copy(connection: Any, table: str, columns: Sequence[str], payload: bytes) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL 'null', ESCAPE '\\')").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(payload)


class CopyStream:
    """COPYs blocks of rows in the background while the caller prepares the next block.

    Between two calls of `write` the connection belongs to the background thread; `drain` gives it
    back. A value that only the database can refuse costs its row, not the block: the block is
    halved until the row is found, and the row goes to `refused`.
    """

    def __init__(
        self, connection: sa.Connection, table: str, columns: Sequence[str], *, refused: Refusal
    ) -> None:
        self._connection = driver(connection)
        self._table = table
        self._columns = tuple(columns)
        self._refused = refused
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._pending: list[Future[None]] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Queue a block; waits while two are under way."""
        if not rows:
            return
        if len(self._pending) == _BLOCKS_IN_FLIGHT:
            self._pending.pop(0).result()
        self._pending.append(self._pool.submit(self._send, rows, encode_rows(rows)))

    def drain(self) -> None:
        """Wait until everything written is in the database; raises what went wrong."""
        while self._pending:
            self._pending.pop(0).result()

    def __enter__(self) -> "CopyStream":
        self._usual_switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        return self

    def __exit__(self, *exc_info: object) -> None:
        sys.setswitchinterval(self._usual_switch_seconds)
        for future in self._pending:
            future.cancel()
        self._pool.shutdown(wait=True)

    def _send(self, rows: Sequence[Row], payload: bytes) -> None:
        try:
            with self._connection.transaction():  # a savepoint: we are inside a transaction
                _copy(self._connection, self._table, self._columns, payload)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(rows) == 1:
                self._refused(rows[0], error.diag.message_primary or str(error))
                return
            middle = len(rows) // 2
            for half in (rows[:middle], rows[middle:]):
                self._send(half, encode_rows(half))


def classify(
    *,
    arrivals: sa.FromClause,
    target: sa.Table,
    key: Sequence[str],
    columns: Sequence[str],
    version: str,
    parents: Sequence[tuple[sa.Table, dict[str, str]]] = (),
) -> sa.CTE:
    """Arrivals, each with what is to be done with it in `action`.

    Args:
        arrivals: at most one row a key.
        target: where they go.
        key: the columns of the target's primary key.
        columns: the other columns that are compared and written.
        version: a column of both whose greater value wins (arrival order, time of collection).
        parents: tables that must hold the row's parent, with {column of arrivals: column of parent}.

    Returns:
        a CTE of all columns of `arrivals` plus `action`: `waiting` (a parent is missing),
        `inserted`, `superseded` (the target holds a newer version), `unchanged` or `updated`.
    """
    source: sa.FromClause = arrivals
    orphan: sa.ColumnElement[bool] = sa.false()
    for number, (parent, link) in enumerate(parents):
        alias = parent.alias(f"parent_{number}")
        source = source.outerjoin(
            alias,
            sa.and_(*(alias.c[theirs] == arrivals.c[ours] for ours, theirs in link.items())),
        )
        orphan = sa.or_(orphan, alias.c[next(iter(link.values()))].is_(None))
    current = target.alias("current")
    source = source.outerjoin(
        current, sa.and_(*(current.c[name] == arrivals.c[name] for name in key))
    )
    differs = sa.tuple_(*(current.c[name] for name in columns)).is_distinct_from(
        sa.tuple_(*(arrivals.c[name] for name in columns))
    )
    action = sa.case(
        (orphan, sa.literal_column("'waiting'")),
        (current.c[key[0]].is_(None), sa.literal_column("'inserted'")),
        (current.c[version] > arrivals.c[version], sa.literal_column("'superseded'")),
        (differs, sa.literal_column("'updated'")),
        else_=sa.literal_column("'unchanged'"),
    )
    return (
        sa.select(arrivals, action.label("action"))
        .select_from(source)
        .cte("classified")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def write_classified(
    classified: sa.CTE, *, target: sa.Table, key: Sequence[str], columns: Sequence[str], version: str
) -> list[sa.CTE]:
    """The INSERT and the UPDATE that carry a classification out, as CTEs to add to a SELECT."""
    written = [*key, *columns, version]
    insert = (
        sa.insert(target)
        .from_select(
            written,
            sa.select(*(classified.c[name] for name in written)).where(
                classified.c.action == "inserted"
            ),
        )
        .cte("inserted")
    )
    update = (
        sa.update(target)
        .values({name: classified.c[name] for name in [*columns, version]})
        .where(classified.c.action == "updated", same_key(target, classified, key))
        .cte("updated")
    )
    return [insert, update]


def same_key(left: sa.FromClause, right: sa.FromClause, key: Sequence[str]) -> sa.ColumnElement[bool]:
    """`left.k = right.k AND …` for every column of a key."""
    return sa.and_(*(left.c[name] == right.c[name] for name in key))


@contextmanager
def foreign_keys_checked_in_bulk(connection: sa.Connection, parents: Sequence[sa.Table]) -> Iterator[None]:
    """Let a statement that joins its parents skip the per-row foreign-key triggers.

    The triggers cost 5 µs a row and key; the join has just checked the same thing for the whole
    set. A SHARE lock on the parents, taken before the statement, keeps them from being deleted
    until the transaction ends, so the constraint holds at every moment and for everybody.
    Where the role may not set `session_replication_role` the triggers simply stay on.
    """
    if not parents or not connection.scalar(
        sa.text("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    ):
        yield
        return
    names = ", ".join(parent.name for parent in parents)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    yield
    connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
