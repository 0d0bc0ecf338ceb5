"""The fast path into the database gives back what went in, and keeps foreign keys true."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.storage import bulk
from ingestion_pipeline.storage.bulk import CopyStream, Row, copy_rows

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


def test_parents_cannot_be_deleted_between_look_up_and_commit(
    engine: sa.Engine, tenant_id: int
) -> None:
    """Triggers are off while we look parents up: without the lock, orphans would come about."""
    customer = uuid4()
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO customers VALUES (:tenant, :id, 'n', 'e', '{}', now(), NULL, 1)"),
            {"tenant": tenant_id, "id": customer},
        )
    deleted = threading.Event()
    errors: list[Exception] = []

    def delete_the_parent() -> None:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM customers")
        except sa.exc.IntegrityError as error:
            errors.append(error)
        deleted.set()

    with engine.begin() as connection:
        customers = sa.table("customers")
        with bulk.foreign_keys_checked_in_bulk(connection, [customers]):  # type: ignore[list-item]
            thread = threading.Thread(target=delete_the_parent)
            thread.start()
            time.sleep(0.2)
            assert not deleted.is_set(), "it has to wait for us"
            _insert_order(connection, tenant_id, customer)
    thread.join(10)
    assert len(errors) == 1, "now the foreign key refuses it"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM customers").scalar() == 1


def test_outside_the_block_the_triggers_are_on_again(engine: sa.Engine, tenant_id: int) -> None:
    with engine.connect() as connection:
        with bulk.foreign_keys_checked_in_bulk(connection, [sa.table("customers")]):  # type: ignore[list-item]
            assert _role(connection) == "replica"
        assert _role(connection) == "origin"
        with pytest.raises(sa.exc.IntegrityError, match="orders_tenant_id_customer_id_fkey"):
            _insert_order(connection, tenant_id, uuid4())
        connection.rollback()
        assert _role(connection) == "origin"


def test_after_a_failure_in_the_block_the_pooled_connection_has_its_triggers_on(
    engine: sa.Engine,
) -> None:
    with engine.connect() as connection:
        with (
            pytest.raises(sa.exc.ProgrammingError),
            bulk.foreign_keys_checked_in_bulk(connection, [sa.table("customers")]),  # type: ignore[list-item]
        ):
            connection.exec_driver_sql("SELECT no_such_column FROM customers")
        connection.rollback()
        assert _role(connection) == "origin"


def _role(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql("SHOW session_replication_role").scalar())


def _insert_order(connection: sa.Connection, tenant_id: int, customer: UUID) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO orders VALUES (:tenant, :id, 'x', :customer, 'n', 'e', 1, 'EUR', 's', "
            "now(), '{}', now(), NULL, 1)"
        ),
        {"tenant": tenant_id, "id": uuid4(), "customer": customer},
    )
