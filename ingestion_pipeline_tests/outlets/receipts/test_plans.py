"""However many deliveries there are, a page reads its own days by an index, and nothing whole."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.receipts import balances, offenders, waiting
from ingestion_pipeline.outlets.receipts.days import Days

# What grows with every delivery.
GROWS = {
    "uploads", "kpi_receipts", "kpi_errors", "ingestion_events", "gumroad_pings", "jobs",
    "collected_days", "intake_deliveries",
}  # fmt: skip


class Plans:
    """Plans of the statements that a connection runs, as if all tables were large."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.seen: list[tuple[str, Any]] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        def note(_: Any, __: Any, text: str, values: Any, *___: Any) -> None:
            self.seen.append((text, values))

        engine = self.connection.engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    def whole(self) -> list[str]:
        """Where a table that grows is read without a condition that an index serves."""
        found = []
        self.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for text, values in self.seen:
            explained = self.connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", values)
            plan = explained.scalar_one()
            for node in _nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]):
                table = node.get("Relation Name")
                by_index = "Index Cond" in node or node["Node Type"] == "Bitmap Heap Scan"
                if table in GROWS and not by_index:
                    found.append(f"{node['Node Type']} of {table}: {text[:60]}")
        return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def test_no_page_of_receipts_reads_a_table_whole(engine: sa.Engine, tenant_id: int) -> None:
    days = Days.until(datetime.now(UTC), 7, "UTC")
    of = {"tenant_id": tenant_id}
    with engine.connect() as connection:
        plans = Plans(connection)
        with plans.noted():
            balances.by_day(connection, **of, days=days)
            balances.deliveries(connection, **of, days=days)
            balances.deliveries(connection, **of, days=days, sender="upload")
            before = (datetime.now(UTC), "f9")
            balances.deliveries(connection, **of, days=days, before=before)
            balances.of_session(connection, **of, session=1)
            balances.session_totals(connection, **of, session=1)
            for receipt in ("f1", "r1", "x1", "p1", "j1", "e1", "csite@2026-01-01"):
                balances.find(connection, **of, receipt=receipt)
                waiting.of_delivery(connection, **of, receipt=receipt)
            waiting.of_tenant(connection, **of)
        assert len(plans.seen) > 20
        assert plans.whole() == []


def test_what_an_operator_sees_of_a_week_is_read_by_index_too(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        plans = Plans(connection)
        with plans.noted():
            connection.execute(offenders.explained()).all()
            balances.sums_since(connection, sa.func.now() - sa.text("interval '7 days'"))
        # Of jobs there are two indexes that hold imports only: which one is a matter of numbers.
        assert [each for each in plans.whole() if "of jobs:" not in each] == []
