"""Refreshes: whatever happens to the tables, and whenever marts are refreshed, these say the same
as marts that are worked out anew of the tables as they are."""

import contextlib
import threading
import uuid
from datetime import date, timedelta
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
    new_hour,
    new_order,
    new_payment,
    new_points,
    new_sale,
    new_vintage,
    pending,
    refresh_all,
    rows_of,
)

MARTS = (*BY_DAY, *WHOLE)
TABLES = (
    "kpi_hourly", "kpi_daily", "orders_daily", "customer_days", "book_income_daily",
    "building_hours", "macro_latest",
)  # fmt: skip
# With the day on which clocks of Europe are put forward, and the day before.
_HOURS = st.integers(0, 24 * 5) | st.integers(24 * 27, 24 * 29)
_WHICH = st.integers(0, 5)
_CHANGES = st.one_of(
    st.tuples(st.just("order"), _HOURS, st.integers(0, 2), st.sampled_from(["EUR", "USD"]),
              st.sampled_from(["10.00", "-4.50", "0.00", "99.99"]),
              st.sampled_from(["paid", "Cancelled"])),
    st.tuples(st.just("move order"), _WHICH, _HOURS),
    st.tuples(st.just("correct order"), _WHICH, _HOURS, st.sampled_from(["EUR", "JPY"])),
    st.tuples(st.just("give order"), _WHICH, st.integers(0, 2)),
    st.tuples(st.just("refund order"), _WHICH, st.sampled_from(["10.00", "2.50", None])),
    st.tuples(st.just("cancel order"), _WHICH),
    st.tuples(st.just("delete order"), _WHICH),
    st.tuples(st.just("clock"), st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"])),
    st.tuples(st.just("point"), _HOURS, st.floats(-1e3, 1e3)),
    st.tuples(st.just("correct"), _HOURS, st.floats(-1e3, 1e3)),
    st.tuples(st.just("delete points"), _HOURS),
    st.tuples(st.just("sale"), st.integers(0, 40), st.integers(0, 5),
              st.sampled_from(["royalty", "prior_month_royalty"]), st.sampled_from(["1.25", None])),
    st.tuples(st.just("payment"), st.integers(0, 2), st.sampled_from(["2026-03", "2026-04", ""]),
              st.sampled_from(["Paid", "Pending"]), st.sampled_from(["1.25", "7.00"])),
    st.tuples(st.just("delete sales"), _WHICH),
    st.tuples(st.just("room"), _HOURS, st.sampled_from(["°C", "ppm"]), st.integers(10, 40)),
    st.tuples(st.just("forget room"), _HOURS),
    st.tuples(st.just("limit"), st.none() | st.integers(15, 30)),
    st.tuples(st.just("site of tenant"), st.booleans()),
    st.tuples(st.just("vintage"), st.integers(0, 5), st.integers(1, 3),
              st.sampled_from(["1.5", "2", None])),
    st.tuples(st.just("forget vintage"), st.integers(0, 5)),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("killed refresh"), st.integers(0, 3)),
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(shared_database_url: str) -> Any:
    made = database.engine(shared_database_url)
    with made.begin() as connection:
        connection.exec_driver_sql("SELECT make_timeseries_month('2026-03-01')")
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
        self.site = f"site {self.tenant_id}"
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

    def correct_order(self, connection: Any, which: int, hour: int, money: str) -> None:
        at = BASE + timedelta(hours=hour)
        statement = "UPDATE orders SET order_date = :at, currency = :money"
        self._to_order(connection, which, statement, at=at, money=money)

    def give_order(self, connection: Any, which: int, who: int) -> None:
        statement = "UPDATE orders SET customer_id = :who"
        self._to_order(connection, which, statement, who=self.customers[who])

    def refund_order(self, connection: Any, which: int, refunded: str | None) -> None:
        statement = "UPDATE orders SET refunded_amount = :refunded"
        self._to_order(connection, which, statement, refunded=refunded)

    def clock(self, connection: Any, zone: str) -> None:
        statement = sa.text("UPDATE tenants SET time_zone = :zone WHERE tenant_id = :id")
        connection.execute(statement, {"zone": zone, "id": self.tenant_id})

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

    def payment(self, connection: Any, n: int, month: str, status: str, accrued: str) -> None:
        new_payment(connection, self.tenant_id, number=str(n), month=month, status=status,
                    accrued=accrued)  # fmt: skip

    def room(self, connection: Any, hour: int, unit: str, value: int) -> None:
        new_hour(connection, self.site, at=BASE + timedelta(hours=hour), unit=unit, value=value)

    def forget_room(self, connection: Any, hour: int) -> None:
        for table, column in (("timeseries_raw", "timestamp"), ("timeseries_hourly", "hour")):
            connection.execute(
                sa.text(f"DELETE FROM {table} WHERE site_name = :site AND {column} >= :at"),
                {"site": self.site, "at": BASE + timedelta(hours=hour)},
            )

    def limit(self, connection: Any, maximum: int | None) -> None:
        of_site = {"site": self.site, "maximum": maximum}
        if maximum is None:
            statement = "DELETE FROM building_alert_rules WHERE site_name = :site"
        else:
            statement = (
                "INSERT INTO building_alert_rules (site_name, point_name, maximum) "
                "VALUES (:site, '*', :maximum)"
            )
        connection.execute(sa.text(statement), of_site)

    def site_of_tenant(self, connection: Any, is_ours: bool) -> None:
        statement = (
            "INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:id, :site) "
            "ON CONFLICT DO NOTHING"
            if is_ours
            else "DELETE FROM tenant_sites WHERE tenant_id = :id AND site_name = :site"
        )
        connection.execute(sa.text(statement), {"id": self.tenant_id, "site": self.site})

    def vintage(self, connection: Any, month: int, since: int, value: str | None) -> None:
        on, since_day = date(2025, 1 + month, 1), date(2026, since, 1)
        self.forget_vintage(connection, month)
        if since > 1:
            new_vintage(connection, on, "1", until=since_day - timedelta(days=1), series=self.site)
        new_vintage(connection, on, value, since=since_day, series=self.site)

    def forget_vintage(self, connection: Any, month: int) -> None:
        connection.execute(
            sa.text("DELETE FROM macro_observations WHERE series_id = :site AND date = :on"),
            {"site": self.site, "on": date(2025, 1 + month, 1)},
        )

    def delete_sales(self, connection: Any, which: int) -> None:
        connection.execute(
            sa.text("DELETE FROM sales_events WHERE tenant_id = :id AND external_id = :which"),
            {"id": self.tenant_id, "which": str(which)},
        )


class KilledError(Exception):
    """As if the process had ended here."""


def refresh_killed(engine: sa.Engine, pieces: int) -> None:
    """Refresh every mart part by part, and end in the midst of one, after some."""
    for mart in MARTS:
        made = 0

        def dying(connection: sa.Connection, parts: str, mart: Mart = mart) -> int:
            nonlocal made
            made += 1
            rows = mart.make(connection, parts)
            if made > pieces:
                raise KilledError
            return rows

        with contextlib.suppress(KilledError):
            refresh(engine, Mart(mart.name, mart.source, 1, mart.everything, dying))


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
        elif what == "killed refresh":
            refresh_killed(shared, *how)
        else:
            world.change(what, *how)
    refresh_all(shared)
    kept = {table: rows_of(shared, table) for table in TABLES}
    refresh_all(shared)  # a second time changes nothing
    assert kept == {table: rows_of(shared, table) for table in TABLES}
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
