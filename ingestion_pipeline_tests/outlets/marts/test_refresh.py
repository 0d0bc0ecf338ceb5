"""Refreshes: whatever happens to the tables, and whenever marts are refreshed, these say the same
as marts that are worked out anew of the tables as they are."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import database, locks
from ingestion_pipeline.outlets.marts import refresh as refreshing
from ingestion_pipeline.outlets.marts.all import BY_DAY, WHOLE
from ingestion_pipeline.outlets.marts.kpis import KPIS
from ingestion_pipeline.outlets.marts.orders import ORDERS
from ingestion_pipeline.outlets.marts.refresh import Mart, mark, refresh
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_order,
    new_points,
    new_sale,
    pending,
    refresh_all,
    rows_of,
)

MARTS = (*BY_DAY, *WHOLE)
TABLES = (
    "kpi_hourly", "kpi_daily", "orders_daily", "customer_days", "book_income_daily",
    "building_hours", "macro_latest",
)  # fmt: skip
_HOURS = st.integers(0, 24 * 5)
_CHANGES = st.one_of(
    st.tuples(st.just("order"), _HOURS, st.integers(0, 2), st.sampled_from(["EUR", "USD"]),
              st.sampled_from(["10.00", "-4.50", "0.00", "99.99"]),
              st.sampled_from(["paid", "Cancelled"])),
    st.tuples(st.just("move order"), st.integers(0, 5), _HOURS),
    st.tuples(st.just("cancel order"), st.integers(0, 5)),
    st.tuples(st.just("delete order"), st.integers(0, 5)),
    st.tuples(st.just("point"), _HOURS, st.floats(-1e3, 1e3)),
    st.tuples(st.just("correct"), _HOURS, st.floats(-1e3, 1e3)),
    st.tuples(st.just("delete points"), _HOURS),
    st.tuples(st.just("sale"), st.integers(0, 40), st.integers(0, 5),
              st.sampled_from(["royalty", "prior_month_royalty"]), st.sampled_from(["1.25", None])),
    st.tuples(st.just("delete sales"), st.integers(0, 5)),
    st.tuples(st.just("refresh")),
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(shared_database_url: str) -> Any:
    made = database.engine(shared_database_url)
    yield made
    made.dispose()
    database.engine.cache_clear()


class World:
    """A tenant of its own, and changes of its rows."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:
            self.tenant_id = tenants.ensure(connection, uuid.uuid4().hex)
            self.customers = [new_customer(connection, self.tenant_id) for _ in range(3)]
        self.orders: list[uuid.UUID] = []

    def change(self, what: str, *how: Any) -> None:
        with self.engine.begin() as connection:
            getattr(self, what.replace(" ", "_"))(connection, *how)

    def order(self, connection: Any, hour: int, who: int, money: str, total: str, s: str) -> None:
        at = BASE + timedelta(hours=hour)
        self.orders.append(
            new_order(connection, self.tenant_id, self.customers[who], at=at, total=total,
                      currency=money, status=s)
        )  # fmt: skip

    def move_order(self, connection: Any, which: int, hour: int) -> None:
        at = BASE + timedelta(hours=hour)
        self._to_order(connection, which, "UPDATE orders SET order_date = :at", at=at)

    def cancel_order(self, connection: Any, which: int) -> None:
        self._to_order(connection, which, "UPDATE orders SET order_status = 'canceled'")

    def delete_order(self, connection: Any, which: int) -> None:
        self._to_order(connection, which, "DELETE FROM orders")

    def _to_order(self, connection: Any, which: int, statement: str, **values: Any) -> None:
        if which < len(self.orders):
            connection.execute(
                sa.text(f"{statement} WHERE order_id = :id"), {"id": self.orders[which], **values}
            )

    def point(self, connection: Any, hour: int, value: float) -> None:
        new_points(connection, self.tenant_id, {BASE + timedelta(hours=hour): value})

    def correct(self, connection: Any, hour: int, value: float) -> None:
        connection.execute(
            sa.text("UPDATE kpi_points SET value = :value, quality = NULL "
                    "WHERE tenant_id = :id AND observed_at <= :at"),
            {"value": value, "id": self.tenant_id, "at": BASE + timedelta(hours=hour)},
        )  # fmt: skip

    def delete_points(self, connection: Any, hour: int) -> None:
        connection.execute(
            sa.text("DELETE FROM kpi_points WHERE tenant_id = :id AND observed_at >= :at"),
            {"id": self.tenant_id, "at": BASE + timedelta(hours=hour)},
        )

    def sale(self, connection: Any, day: int, n: int, report: str, amount: str | None) -> None:
        # What is settled stands at the first of the month, as Amazon's report does.
        at = BASE + timedelta(days=day)
        at = at.replace(day=1) if report != "royalty" else at
        new_sale(connection, self.tenant_id, number=str(n), at=at, report=report, amount=amount)

    def delete_sales(self, connection: Any, which: int) -> None:
        connection.execute(
            sa.text("DELETE FROM sales_events WHERE tenant_id = :id AND external_id = :which"),
            {"id": self.tenant_id, "which": str(which)},
        )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(_CHANGES, max_size=25))
def test_any_interleaving_of_changes_and_refreshes_is_what_a_new_computation_says(
    shared: sa.Engine, changes: list[tuple[Any, ...]]
) -> None:
    world = World(shared)
    for what, *how in changes:
        if what == "refresh":
            refresh_all(shared)
        else:
            world.change(what, *how)
    refresh_all(shared)
    kept = {table: rows_of(shared, table) for table in TABLES}
    with shared.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(TABLES)}")
    for mart in MARTS:
        mark(shared, mart)
    refresh_all(shared)
    for table in TABLES:
        assert kept[table] == rows_of(shared, table), table


def test_a_change_that_commits_after_a_refresh_began_is_in_the_next(
    engine: sa.Engine, tenant_id: int
) -> None:
    """The late commit: its rows have the time at which its transaction began."""
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
    with engine.begin() as late:
        new_order(late, tenant_id, customer, total="1.00")
        with engine.begin() as connection:
            new_order(connection, tenant_id, customer, total="2.00")
        refresh(engine, ORDERS)
        assert _net(engine) == ["2.0000"]
    assert pending(engine, ORDERS) == 1
    refresh(engine, ORDERS)
    assert _net(engine) == ["3.0000"]


def test_a_change_that_is_undone_leaves_nothing(engine: sa.Engine, tenant_id: int) -> None:
    refresh(engine, ORDERS)
    with engine.connect() as connection:
        new_order(connection, tenant_id, new_customer(connection, tenant_id))
        connection.rollback()
    assert pending(engine, ORDERS) == 0


def test_a_merge_that_checks_foreign_keys_in_bulk_is_noted(
    engine: sa.Engine, tenant_id: int
) -> None:
    refresh(engine, ORDERS)
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        new_order(connection, tenant_id, customer)
    assert pending(engine, ORDERS) == 1


def test_grading_a_point_is_no_change(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    refresh(engine, KPIS)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET quality = 'high', value = value")
    assert pending(engine, KPIS) == 0


class KilledError(Exception):
    """As if the process had ended here."""


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_refresh_that_is_killed_has_not_been(
    engine: sa.Engine, tenant_id: int, mart: Mart
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
        new_order(connection, tenant_id, new_customer(connection, tenant_id))
        new_sale(connection, tenant_id, number="1")

    def killed(connection: sa.Connection, parts: str) -> int:
        mart.make(connection, parts)
        raise KilledError

    with engine.begin() as connection:  # so that every mart has a part
        connection.execute(
            sa.text("INSERT INTO changed_parts (source, tenant_id, key, day) "
                    "VALUES (:source, 0, 'x', '2026-03-01')"),
            {"source": mart.source},
        )  # fmt: skip
    before = {table: rows_of(engine, table) for table in TABLES}
    dying = Mart(mart.name, mart.source, mart.most, mart.everything, killed)
    with pytest.raises(KilledError):
        refresh(engine, dying)
    assert {table: rows_of(engine, table) for table in TABLES} == before
    assert pending(engine, mart) > 0
    refresh(engine, mart)
    assert pending(engine, mart) == 0


def test_two_refreshes_at_once_do_the_work_once(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        for day in range(30):
            new_order(connection, tenant_id, customer, at=BASE + timedelta(days=day))
    small = Mart("orders", ORDERS.source, 5, ORDERS.everything, ORDERS.make)
    found: list[refreshing.Refreshed] = []
    threads = [
        threading.Thread(target=lambda: found.append(refresh(engine, small))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.parts for each in found) == 30
    assert len(rows_of(engine, "orders_daily")) == 30


def test_a_refresh_waits_for_the_one_before_it_and_then_sees_what_it_did(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        new_order(connection, tenant_id, new_customer(connection, tenant_id))
    done: list[refreshing.Refreshed] = []
    with engine.connect() as holder:
        with locks.held_by_session(holder, locks.REFRESHING_MART.of("orders")):
            waiting = threading.Thread(target=lambda: done.append(refresh(engine, ORDERS)))
            waiting.start()
            waiting.join(0.5)
            assert not done
        waiting.join()
    assert done[0].parts == 1


def test_pieces_are_bounded_and_only_what_was_asked_for_is_taken(
    engine: sa.Engine, tenant_id: int
) -> None:
    refresh(engine, ORDERS)  # what the migration marked
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        for day in range(7):
            new_order(connection, tenant_id, customer, at=BASE + timedelta(days=day))
    sizes: list[int] = []

    def counted(connection: sa.Connection, parts: str) -> int:
        sizes.append(parts.count("tenant_id"))
        return ORDERS.make(connection, parts)

    small = Mart("orders", ORDERS.source, 2, ORDERS.everything, counted)
    refresh(engine, small, first="2026-03-03", last="2026-03-05")
    assert sizes == [2, 1]
    assert pending(engine, ORDERS) == 4


def test_what_an_installation_had_before_is_taken_apart(engine: sa.Engine, tenant_id: int) -> None:
    """A mark of the migration stands for all there is: it came before any trigger."""
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        new_order(connection, tenant_id, customer)
        new_order(connection, tenant_id, customer, at=BASE + timedelta(days=400))
        connection.exec_driver_sql("DELETE FROM changed_parts")
        connection.exec_driver_sql(
            "INSERT INTO changed_parts (source, tenant_id, key, day) "
            "VALUES ('orders', 0, '', 'infinity')"
        )
    assert refresh(engine, ORDERS).parts == 2
    assert len(rows_of(engine, "orders_daily")) == 2


def _net(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return [str(row[0]) for row in connection.exec_driver_sql("SELECT net FROM orders_daily")]
