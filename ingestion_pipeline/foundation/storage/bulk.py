"""The one fast path into the database, for every domain: typed rows → COPY; merging.py goes on.

Rows travel as CSV text that msgspec's C encoder writes: a JSON array without its brackets is a
line of CSV, if strings are escaped with a backslash (COPY's ESCAPE option) and `null` means NULL.
That is about 1 µs a row where formatting in Python costs ten. Who can make COPY's binary format
cheaply sends that: the server takes it in a third of the time (docs/decisions/0004-bulk-path.md).
Memory is bounded by a few blocks, whatever the input's size.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.pq import TransactionStatus

from ingestion_pipeline.foundation.storage.database import driver

Row = tuple[Any, ...]
Refusal = Callable[[Row, str], None]

_encoder = msgspec.json.Encoder()
_CSV, _BINARY = "FORMAT csv, NULL 'null', ESCAPE '\\'", "FORMAT binary"
_BINARY_HEADER, _BINARY_TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_BLOCKS_IN_FLIGHT = 4
# The sender wakes for every few hundred kilobytes that the socket takes. With Python's usual 5 ms
# it would each time wait that long for the parsing thread to yield, and hardly overlap with it.
_SWITCH_SECONDS = 0.0005
_MAKE_COPIED = sql.SQL("CREATE TEMPORARY TABLE copied AS SELECT {names} FROM {table} LIMIT 0")
_INSERT_COPIED = sql.SQL("INSERT INTO {table} ({names}) SELECT {names} FROM copied")


def binary_copy(pieces: Sequence[bytes]) -> bytes:
    """Rows in COPY's binary format, in pieces, as a block for `CopyStream.write_binary`."""
    return b"".join([_BINARY_HEADER, *pieces, _BINARY_TRAILER])


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
    if not rows:
        return
    if not connection.scalar(sa.text("SELECT row_security_active(:table)"), {"table": table}):
        _copy(driver(connection), table, columns, encode_rows(rows))
        return
    # COPY does not go into a table whose policies bind the role: by a temporary one then.
    parts = {
        "table": sql.Identifier(table),
        "names": sql.SQL(", ").join(map(sql.Identifier, columns)),
    }
    driver(connection).execute(_MAKE_COPIED.format(**parts))
    _copy(driver(connection), "copied", columns, encode_rows(rows))
    driver(connection).execute(_INSERT_COPIED.format(**parts))
    connection.exec_driver_sql("DROP TABLE copied")


def copy_encoded(
    connection: sa.Connection,
    table: str,
    columns: Sequence[str],
    payload: bytes,
    *,
    binary: bool = False,
) -> None:
    """COPY what `encode_rows` made (or rows in COPY's binary format), like `copy_rows`."""
    _copy(driver(connection), table, columns, payload, _BINARY if binary else _CSV)


def _copy(
    connection: Any, table: str, columns: Sequence[str], payload: bytes, format_: str = _CSV
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(
        sql.Identifier(*table.split(".")),  # perhaps with its schema
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(format_),
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
        if self._connection.info.transaction_status == TransactionStatus.IDLE:
            # Nothing has been sent yet: psycopg would take our savepoints for whole transactions,
            # and commit block by block.
            self._connection.execute("SELECT 1")
        self._table = table
        self._columns = tuple(columns)
        self._refused = refused
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._pending: list[Future[None]] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Queue a block; waits while several are under way."""
        if rows:
            self._queue(self._send, rows, encode_rows(rows))

    def write_binary(
        self, payload: bytes, columns: Sequence[str], rows: Callable[[], Sequence[Row]]
    ) -> None:
        """Queue a block in COPY's binary format.

        Args:
            columns: in the order of the payload.
            rows: makes the block anew as `write` takes it, should the database refuse one of it.
        """
        if payload:
            self._queue(self._send_binary, payload, columns, rows)

    def _queue(self, send: Callable[..., None], *arguments: Any) -> None:
        if len(self._pending) == _BLOCKS_IN_FLIGHT:
            self._pending.pop(0).result()
        self._pending.append(self._pool.submit(send, *arguments))

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

    def _send_binary(
        self, payload: bytes, columns: Sequence[str], rows: Callable[[], Sequence[Row]]
    ) -> None:
        try:
            with self._connection.transaction():  # as in _send
                _copy(self._connection, self._table, columns, payload, _BINARY)
        except (psycopg.DataError, psycopg.IntegrityError):
            again = rows()
            self._send(again, encode_rows(again))

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
