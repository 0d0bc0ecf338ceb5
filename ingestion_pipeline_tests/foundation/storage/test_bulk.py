"""The fast path into the database gives back what went in."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.storage.bulk import CopyStream, Row, copy_rows

COLUMNS = ("a_text", "other", "amount", "whole", "truth", "key", "at", "document")

texts = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")),
    st.text(st.sampled_from(list('"\\,\n\r\t null.][')), max_size=12),
    st.sampled_from(
        ["", "null", "NULL", "\\.", "\\N", '"', '""', "]\n[", "\\n", "a\n\\.\nb", "\x7f"]
    ),
)
rows = st.tuples(
    st.none() | texts,
    st.none() | texts,
    st.none() | st.decimals(-(10**11), 10**11, places=2),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
    st.none() | st.uuids(),
    st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.none()
    | st.dictionaries(texts, texts | st.integers() | st.none(), max_size=3).map(json.dumps),
)


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction, with a table of every type that we send."""
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE everything (number serial, a_text text, other text, "
            "amount numeric(14,2), whole bigint, truth boolean, key uuid, at timestamptz, "
            "document jsonb)"
        )
        yield connection


def _stored(connection: sa.Connection) -> list[Row]:
    columns = ", ".join(COLUMNS)
    stored = connection.exec_driver_sql(f"SELECT {columns} FROM everything ORDER BY number")
    return [tuple(row) for row in stored]


@settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(sent=st.lists(rows, max_size=8))
@example(sent=[("null", None, None, None, None, None, None, None)])
@example(sent=[("\\.", "\n\\.\n", None, None, None, None, None, '{"a": "\\\\.\\n"}')])
def test_what_is_copied_is_what_is_stored(connection: sa.Connection, sent: list[Row]) -> None:
    connection.exec_driver_sql("TRUNCATE everything")
    copy_rows(connection, "everything", COLUMNS, sent)
    expected = [(*row[:7], None if row[7] is None else json.loads(row[7])) for row in sent]
    assert _stored(connection) == expected


def test_naive_times_are_stored_as_utc(connection: sa.Connection) -> None:
    naive = datetime(2024, 7, 1, 12, 30)  # noqa: DTZ001
    copy_rows(connection, "everything", ["at"], [(naive,)])
    [(at,)] = connection.exec_driver_sql("SELECT at FROM everything").all()
    assert at == naive.replace(tzinfo=UTC)


def test_decimals_arrive_to_the_last_digit(connection: sa.Connection) -> None:
    sent = [(Decimal("999999999999.99"),), (Decimal("-0.01"),), (Decimal("1E+2"),)]
    copy_rows(connection, "everything", ["amount"], sent)
    stored = connection.exec_driver_sql("SELECT amount::text FROM everything ORDER BY number")
    assert list(stored.scalars()) == ["999999999999.99", "-0.01", "100.00"]


def test_a_value_that_only_the_database_refuses_costs_its_row_alone(
    connection: sa.Connection,
) -> None:
    bad = {3: "a\x00b", 500: "\x00", 999: "\x00"}
    sent = [(bad.get(n, f"row {n}"), n) for n in range(1000)]
    refused: list[tuple[Row, str]] = []
    with CopyStream(
        connection, "everything", ["a_text", "whole"], refused=lambda *a: refused.append(a)
    ) as stream:
        stream.write(sent[:400])
        stream.write([])
        stream.write(sent[400:])
        stream.drain()
    assert [row for row, _ in refused] == [sent[3], sent[500], sent[999]]
    assert all("0x00" in message for _, message in refused)
    stored = connection.exec_driver_sql("SELECT whole FROM everything ORDER BY number").scalars()
    assert list(stored) == [n for n in range(1000) if n not in bad]


def test_a_block_of_which_nothing_is_good_is_refused_whole(connection: sa.Connection) -> None:
    refused: list[Row] = []
    with CopyStream(
        connection, "everything", ["key"], refused=lambda row, _: refused.append(row)
    ) as stream:
        stream.write([(f"no uuid {n}",) for n in range(7)])
        stream.drain()
    assert len(refused) == 7
    assert _stored(connection) == []


def test_an_error_that_is_no_rows_fault_comes_out_of_drain(connection: sa.Connection) -> None:
    with CopyStream(connection, "no_such_table", ["a"], refused=lambda *_: None) as stream:
        stream.write([(1,)])
        with pytest.raises(psycopg.errors.UndefinedTable):
            stream.drain()


def test_a_caller_that_fails_leaves_the_connection_to_be_rolled_back(engine: sa.Engine) -> None:
    class TheCallerFailedError(Exception):
        pass

    def fail() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE half (number bigint)")
            with CopyStream(connection, "half", ["number"], refused=lambda *_: None) as stream:
                for block in range(5):
                    stream.write([(block * 10_000 + n,) for n in range(10_000)])
                raise TheCallerFailedError

    with pytest.raises(TheCallerFailedError):
        fail()
    assert not sa.inspect(engine).has_table("half")
    assert not [t for t in threading.enumerate() if t.name.startswith("copy")]


def test_a_stream_that_comes_first_in_a_transaction_is_rolled_back_with_it(
    engine: sa.Engine,
) -> None:
    """Its savepoints were the outermost: every block was committed, whatever came afterwards."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE whole (number bigint)")
    with engine.connect() as connection:
        with CopyStream(connection, "whole", ["number"], refused=lambda *_: None) as stream:
            stream.write([(1,)])
            stream.drain()
        connection.rollback()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM whole").scalar() == 0
