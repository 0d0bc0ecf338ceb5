"""Marts: what a refresh costs against a full one and against bare SQL; what the ledger costs.

    python -m benchmarks.marts [--scale 1.0]

Everything is processor time of this process and its one backend, by turns, because only ratios
travel: a busy machine disturbs seconds and hardly these.

refresh   One part that has changed (a day of orders, of a KPI; a month of a seller), against all
          parts, and against `INSERT … SELECT … GROUP BY` of the same table; on a table, and on one
          of ten times as many days.
ledger    The same work with the triggers that note changed parts and without: readings as the
          gateway lands them, and orders as a bulk load writes them. The limit is 1.03.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.land.readings import land_readings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.outlets.marts.books import BOOKS
from ingestion_pipeline.outlets.marts.kpis import KPIS
from ingestion_pipeline.outlets.marts.orders import ORDERS
from ingestion_pipeline.outlets.marts.refresh import Mart, mark, refresh

_BASE = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS = 60
_TURNS = 5
_BATCH = 20  # readings of a group commit of a busy gateway
_ORDERS_A_LOAD = 20_000


@dataclass(frozen=True)
class Subject:
    """A mart, a source of so many days, and what a bare roll-up of it is.

    Attributes:
        fill: SQL that fills the source from day `:first` on, `:days` days.
        one: SQL that changes one part.
        bare: SQL, into a table without keys.
    """

    mart: Mart
    fill: str
    one: str
    bare: str


_SUBJECTS = (
    Subject(
        ORDERS,
        """
        INSERT INTO orders (tenant_id, order_id, external_order_id, customer_id,
                            customer_name_snapshot, customer_email_snapshot, total_amount,
                            currency, order_status, order_date, raw_payload, created_at, upload_id)
        SELECT :t, gen_random_uuid(), 'x', (ARRAY(SELECT customer_id FROM customers))[1 + n % 500],
               'Ada', 'a@example.com', 10 + n % 90, 'EUR', 'paid',
               CAST(:base AS timestamptz) + (:first + n / 200) * interval '1 day'
                   + n % 200 * interval '5 minutes', '{}', now(), 0
        FROM generate_series(0, :days * 200 - 1) AS n
        """,
        "UPDATE orders SET total_amount = total_amount + 1 "
        "WHERE tenant_id = :t AND order_date >= :day AND order_date < :day + interval '1 day'",
        """
        SELECT tenant_id, CAST(order_date AT TIME ZONE 'UTC' AS date) AS day, currency,
               count(*) AS orders, sum(total_amount) AS net,
               sum(coalesce(discount_amount, 0)) AS discounts,
               sum(coalesce(refunded_amount, 0)) AS refunds,
               count(DISTINCT customer_id) AS customers
        FROM orders GROUP BY 1, 2, 3
        """,
    ),
    Subject(
        KPIS,
        """
        INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                                trace_id, in_order)
        SELECT :t, 'k', CAST(:base AS timestamptz) + :first * interval '1 day'
                   + n * interval '5 minutes', sin(n / 40.0) + n % 7, '', 'b', 't', true
        FROM generate_series(0, :days * 288 - 1) AS n
        """,
        # The newest day: what is usual of the days after another one has to be judged again.
        "UPDATE kpi_points SET value = value + 1 WHERE tenant_id = :t AND observed_at >= :newest",
        """
        SELECT tenant_id, kpi_id, date_trunc('hour', observed_at) AS hour,
               count(*) AS points, min(value) AS minimum, max(value) AS maximum, avg(value) AS mean
        FROM kpi_points GROUP BY 1, 2, 3
        """,
    ),
    Subject(
        BOOKS,
        """
        INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report, occurred_at,
                                  date_precision, title, quantity, amount, currency, raw,
                                  source_file, source_row, received_at)
        SELECT :t, 'amazon_kdp', (:first * 100 + n)::text, 'sale', 'royalty',
               CAST(:base AS timestamptz) + (:first + n / 100) * interval '1 day', 'day',
               'Book ' || n % 20, 1, 3.42, 'USD', '{}', 'f', 1, now()
        FROM generate_series(0, :days * 100 - 1) AS n
        """,
        "UPDATE sales_events SET amount = amount + 1 "
        "WHERE tenant_id = :t AND occurred_at >= :day AND occurred_at < :day + interval '1 day'",
        """
        SELECT tenant_id, platform, CAST(occurred_at AT TIME ZONE 'UTC' AS date) AS day, title,
               currency, sum(quantity) AS units, sum(amount) AS income, count(*) AS events
        FROM sales_events GROUP BY 1, 2, 3, 4, 5
        """,
    ),
)


class Bench:
    """One connection to one server, and the processor time of both ends."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, pool_size=1, max_overflow=0)
        schema.upgrade(self.engine)
        with self.engine.begin() as connection:
            self.tenant = tenants.ensure(connection, "benchmark")
            self.run(connection, """
                INSERT INTO customers (tenant_id, customer_id, name, email, metadata, upload_id)
                SELECT :t, gen_random_uuid(), 'Ada', 'ada@example.com', '{}', 0
                FROM generate_series(1, 500)
            """)  # fmt: skip

    def run(self, connection: sa.Connection, statement: str, **values: object) -> None:
        text = sa.text(statement)
        known = {"t": self.tenant, "base": _BASE, **values}
        connection.execute(text, {name: known[name] for name in text.compile().params})

    def execute(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            self.run(connection, statement, **values)

    def cpu(self, work: Callable[[], object]) -> float:
        """Seconds of processor time of some work, of this process and its backend."""
        with self.engine.connect() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        before = _nanoseconds(backend), time.process_time()
        work()
        return (_nanoseconds(backend) - before[0]) / 1e9 + time.process_time() - before[1]

    def vacuum(self) -> None:
        autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")

    @contextmanager
    def without_ledger(self, table: str) -> Iterator[None]:
        """Without the triggers that note changed parts."""
        names = "note_insert_new", "note_update", "note_update_old", "note_update_new"
        with self.engine.connect() as connection:
            there = set(
                connection.scalars(
                    sa.text("SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:t AS regclass)"),
                    {"t": table},
                )
            )
        self._turn(table, there.intersection(names), "DISABLE")
        try:
            yield
        finally:
            self._turn(table, there.intersection(names), "ENABLE ALWAYS")

    def _turn(self, table: str, names: set[str], how: str) -> None:
        for name in names:
            self.execute(f"ALTER TABLE {table} {how} TRIGGER {name}")


def _nanoseconds(pid: int) -> int:
    """Processor time of a process, by Linux's scheduler."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def refreshes(bench: Bench, scale: float) -> None:
    """Print what a refresh of one part, and of all, costs; and again with ten times the days."""
    print("| mart | days | bare SQL ms | full / bare | one part / full | one part ms | grown |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")  # fmt: skip
    small = int(_DAYS * scale)
    for subject in _SUBJECTS:
        before: float | None = None
        again = partial(refresh, bench.engine, subject.mart)
        for first, days in ((0, small), (small, small * 10)):
            bench.execute(subject.fill, first=first, days=days - first)
            bench.vacuum()
            refresh(bench.engine, subject.mart)
            newest = _BASE + timedelta(days=days - 1)
            one, full, bare = [], [], []
            for turn in range(_TURNS):
                bench.execute(subject.one, day=_BASE + timedelta(days=turn + 3), newest=newest)
                one.append(bench.cpu(again))
                table = f"bare_{subject.mart.name}"
                bench.execute(f"DROP TABLE IF EXISTS {table}")
                made = f"CREATE UNLOGGED TABLE {table} AS {subject.bare}"
                bare.append(bench.cpu(partial(bench.execute, made)))
                if turn < 2:
                    mark(bench.engine, subject.mart)
                    full.append(bench.cpu(again))
            part, all_, limit = statistics.median(one), min(full), statistics.median(bare)
            grown = "" if before is None else f"{part / before:.2f}"
            print(f"| {subject.mart.name} | {days:,} | {1000 * limit:.1f} | {all_ / limit:.1f} "
                  f"| {part / all_:.4f} | {1000 * part:.1f} | {grown} |", flush=True)  # fmt: skip
            before = part


def ledger(bench: Bench, scale: float) -> None:
    """Print what noting changed parts costs those who write."""
    print(
        "\n| work | with / without the ledger's triggers: smallest (median of pairs) |\n"
        "| --- | ---: |"
    )
    batches = int(400 * scale)
    made = iter(range(10**9))

    def land() -> None:
        for _ in range(batches):
            number = next(made)
            updates = [_reading(bench.tenant, number, kpi) for kpi in range(_BATCH)]
            with bench.engine.begin() as connection:
                land_readings(connection, updates, job_timeout=timedelta(hours=1))

    def load() -> None:
        days = int(_ORDERS_A_LOAD * scale / 200)
        bench.execute(_SUBJECTS[0].fill, first=next(made) * days, days=days)

    for name, table, work in (
        (f"readings, {_BATCH} a transaction", "kpi_points", land),
        ("orders in bulk", "orders", load),
    ):  # fmt: skip
        work()
        noted, bare = [], []
        for _ in range(4 * _TURNS):
            noted.append(bench.cpu(work))
            with bench.without_ledger(table):
                bare.append(bench.cpu(work))
            bench.execute("TRUNCATE changed_parts")
        pairs = statistics.median(each / other for each, other in zip(noted, bare, strict=True))
        print(f"| {name} | {min(noted) / min(bare):.3f} ({pairs:.3f}) |", flush=True)


def _reading(tenant: int, number: int, kpi: int) -> Update:
    at = _BASE - timedelta(days=400) + timedelta(minutes=number)
    return Update(
        tenant_id=tenant, trace_id=f"t{number}", kpi_id=f"kpi {kpi}", observed_at=at,
        timestamp_text=at.isoformat(), kpi_type="b", value=float(number), data={"value": number},
        metadata=None, chart=None, request_id="r",
    )  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            bench = Bench(server.url())
            refreshes(bench, scale)
            ledger(bench, scale)
            bench.engine.dispose()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
