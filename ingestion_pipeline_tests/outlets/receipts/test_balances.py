"""Everything that was sent is stored, refused or waiting, whichever way it came."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.mapped import SINK as COMMERCE
from ingestion_pipeline.domains.kpis.mapped import SINK as KPIS
from ingestion_pipeline.domains.kpis.merge.history import merge_files
from ingestion_pipeline.foundation.ledger import tenants, uploads
from ingestion_pipeline.foundation.loading.known import Known, known_of
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.outlets.receipts import balances, offenders, refusals, waiting
from ingestion_pipeline.outlets.receipts.balances import Delivery, Numbers
from ingestion_pipeline.outlets.receipts.days import Days
from ingestion_pipeline_tests.domains.commerce.builders import (
    customer,
    lines,
    load,
    order,
    order_item,
    product,
)
from ingestion_pipeline_tests.domains.kpis.builders import send, update
from ingestion_pipeline_tests.domains.markets import builders as markets
from ingestion_pipeline_tests.foundation.loading.running import deliver, load_all

SHEET = """
source: sheet
mapping: figures
dates: ["%Y-%m-%d"]
emit:
  kpi_points:
    fields: {kpi_id: kpi, timestamp: day, value: amount, unit: {is: EUR}}
"""
SHOP = """
source: shop
mapping: orders
dates: ["%Y-%m-%d"]
emit:
  orders:
    fields:
      order_id:                {id: [order, Id]}
      external_order_id:       Id
      customer_id:             {id: [customer, Email]}
      customer_name_snapshot:  Email
      customer_email_snapshot: Email
      total_amount:            Total
      currency:                {is: EUR}
      order_status:            {is: paid}
      order_date:              Day
      created_at:              Day
      raw_payload:             {of: [Total]}
"""


def today(zone: str = "UTC") -> Days:
    return Days.until(datetime.now(UTC), 1, zone)


def found(engine: sa.Engine, tenant_id: int, **given: Any) -> list[Delivery]:
    with engine.connect() as connection:
        return balances.deliveries(connection, tenant_id=tenant_id, days=today(), **given)


def sums(engine: sa.Engine, tenant_id: int) -> dict[str, Numbers]:
    with engine.connect() as connection:
        return balances.totals(balances.by_day(connection, tenant_id=tenant_id, days=today()))


def known(text: str, sink: Any) -> Known:
    mapped = read_mapping(Path("mapping.yaml"), text, sink.targets)
    return known_of(mapped, dict.fromkeys(sink.targets, sink), ("acme",))


@pytest.fixture(autouse=True)
def nothing_is_unexplained(engine: sa.Engine) -> Any:
    yield
    with engine.connect() as connection:
        assert connection.execute(offenders.explained()).all() == []


def test_a_file_is_explained_line_by_line(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    content = lines([customer(1), customer(1, name="later"), customer(2, name="x" * 300)]) + b"\n"
    load(engine, tmp_path / "a", {"customers_1.ndjson": content})
    load(engine, tmp_path / "b", {"customers_2.ndjson": [customer(1, name="later"), customer(3)]})
    numbers = sums(engine, tenant_id)["cli"]
    assert numbers == Numbers(
        sent=5, inserted=2, known=1, replaced=1, refused=1, updated=0, waiting=0, unexplained=0
    )
    [first] = [each for each in found(engine, tenant_id) if each.name == "customers_1.ndjson"]
    with engine.connect() as connection:
        [refused] = refusals.of(connection, first)
    assert (refused.line, refused.reasons[0].field) == (3, "name")
    assert refused.raw is not None


def test_rows_that_wait_say_what_for(engine: sa.Engine, tenant_id: int, tmp_path: Path) -> None:
    load(engine, tmp_path / "a", {
        "products_1.ndjson": [product(1)], "orders_1.ndjson": [order(1, 7), order(2, 7)],
        "order_items_1.ndjson": [order_item(1, 1, 1)],
    })  # fmt: skip
    assert sums(engine, tenant_id)["cli"].waiting == 3
    with engine.connect() as connection:
        rows = waiting.of_tenant(connection, tenant_id=tenant_id)
    orders = next(each for each in rows if each.what == "orders")
    assert orders.number == 2
    assert orders.waits_for.startswith("customer_id 00000000-0000-0001-0000-000000000007")
    [file] = [each for each in found(engine, tenant_id) if each.name.startswith("orders")]
    assert orders.receipt == file.receipt
    with engine.connect() as connection:
        of_file = waiting.of_delivery(connection, tenant_id=tenant_id, receipt=file.receipt)
    assert [each.number for each in of_file] == [2]
    load(engine, tmp_path / "b", {"customers_1.ndjson": [customer(7)]})
    assert sums(engine, tenant_id)["cli"] == Numbers(sent=5, inserted=5)


def test_what_a_mapping_made_is_explained_record_by_record(
    engine: sa.Engine, configured: Settings, tenant_id: int
) -> None:
    mapping = known(SHEET, KPIS)
    content = "kpi,day,amount\nmrr,2026-05-01,1\nmrr,2026-05-02,x\nmrr,2026-05-03,3\n"
    deliver(engine, configured, tenant_id, mapping, content)
    assert [each.state for each in found(engine, tenant_id)] == ["recorded"]
    load_all(engine, configured, mapping)
    assert sums(engine, tenant_id) == {"mapped_files": Numbers(sent=3, inserted=2, refused=1)}
    deliver(engine, configured, tenant_id, mapping, "no,such,columns\n1,2,3\n", file_name="b.csv")
    load_all(engine, configured, mapping)
    [failed] = [each for each in found(engine, tenant_id) if each.state == "failed"]
    with engine.connect() as connection:
        [why] = refusals.of(connection, failed)
    assert "kpi" in why.reasons[0].rule


def test_records_of_a_mapped_order_wait_and_are_stored_when_the_parent_comes(
    engine: sa.Engine, configured: Settings, tenant_id: int
) -> None:
    mapping = known(SHOP, COMMERCE)
    content = "Id,Email,Total,Day\n1,a@example.org,5,2026-05-01\n2,a@example.org,x,2026-05-01\n"
    deliver(engine, configured, tenant_id, mapping, content)
    load_all(engine, configured, mapping)
    assert sums(engine, tenant_id) == {"mapped_files": Numbers(sent=2, waiting=1, refused=1)}
    [file] = found(engine, tenant_id)
    with engine.connect() as connection:
        [row] = waiting.of_delivery(connection, tenant_id=tenant_id, receipt=file.receipt)
    assert row.what == "orders"


def test_readings_that_came_again_or_tell_another_value_are_explained(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    send(engine, update(tenant_id), update(tenant_id), update(tenant_id, value=1))
    file = tmp_path / "history.ndjson"
    told = {"kpiId": "mrr", "timestamp": "2026-03-01T00:00:00Z", "data": {"value": 12.5}}
    file.write_text(json.dumps(told) + '\n{"kpiId": "mrr"}\n')
    timeout = timedelta(hours=1)
    merge_files(engine, [file], tenant="acme", limits=Limits(10**6, 100), job_timeout=timeout)
    merge_files(
        engine, [file], tenant="acme", limits=Limits(10**6, 100), job_timeout=timeout, dry_run=True
    )
    assert sums(engine, tenant_id) == {
        "kpi_posts": Numbers(sent=3, inserted=1, known=1, refused=1),
        "kpi_imports": Numbers(sent=2, inserted=1, refused=1),
    }
    [post] = found(engine, tenant_id, sender="kpi_posts")
    [bad] = [
        each for each in found(engine, tenant_id, sender="kpi_imports") if each.numbers.refused
    ]
    with engine.connect() as connection:
        [conflict] = refusals.of(connection, post)
        [fault] = refusals.of(connection, bad)
    assert conflict.reasons[0].value == "1.0"
    assert "42.5" in conflict.reasons[0].rule
    assert "timestamp" in fault.reasons[0].rule


def test_comparables_of_an_event_are_explained_each(engine: sa.Engine, tenant_id: int) -> None:
    body = markets.comps_event(
        markets.comparable("a"), markets.comparable("b"), markets.comparable("c", building_sf=1),
        markets.comparable("b"),
    )  # fmt: skip
    markets.record(engine, tenant_id, body)
    assert sums(engine, tenant_id) == {"events": Numbers(sent=4, waiting=4)}
    markets.apply_all(engine, body["event_type"])
    assert sums(engine, tenant_id) == {"events": Numbers(sent=4, inserted=2, known=1, refused=1)}
    [event] = found(engine, tenant_id)
    with engine.connect() as connection:
        [refused] = refusals.of(connection, event)
    assert (refused.place, refused.reasons[0].field) == (
        "index 2",
        "data.comparables[2].building_sf",
    )


def test_a_line_that_nobody_counted_is_unexplained(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        lost = uploads.record(
            connection, tenant_id=tenant_id, domain="commerce", type_="orders",
            file_name="orders_1.ndjson", source="drop", location="x",
        )  # fmt: skip
        assert lost is not None
        uploads.update(connection, lost, lines=7, staged=6, inserted=5, status="loaded")
        seen = connection.execute(offenders.explained()).one()
        assert (seen.receipt, seen.unexplained) == (f"f{lost}", 2)
        uploads.update(connection, lost, inserted=7, staged=7)


def test_of_another_tenant_nothing_is_found(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    load(engine, tmp_path / "a", {"customers_1.ndjson": [customer(1)]})
    send(engine, update(tenant_id))
    markets.record(engine, tenant_id, markets.fundamentals_event())
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        for each in found(engine, tenant_id):
            assert balances.find(connection, tenant_id=tenant_id, receipt=each.receipt) == each
            assert balances.find(connection, tenant_id=other, receipt=each.receipt) is None
        assert balances.by_day(connection, tenant_id=other, days=today()) == []
        assert waiting.of_tenant(connection, tenant_id=other) == []


@pytest.mark.parametrize(
    "receipt",
    ["", "f", "f-1", "f1 OR 1=1", "z1", "e\0", "f" + "9" * 30, "c@", "e" + "x" * 500, "f١"],
)
def test_what_is_no_receipt_is_not_found(engine: sa.Engine, tenant_id: int, receipt: str) -> None:
    with engine.connect() as connection:
        assert balances.find(connection, tenant_id=tenant_id, receipt=receipt) is None


def test_deliveries_are_paged_without_a_gap(engine: sa.Engine, tenant_id: int) -> None:
    for number in range(7):
        send(engine, update(tenant_id, value=float(number)))
    page, seen = found(engine, tenant_id, limit=3), list[str]()
    while page:
        seen += [each.receipt for each in page]
        page = found(engine, tenant_id, limit=3, before=(page[-1].at, page[-1].receipt))
    assert len(seen) == len(set(seen)) == 7


def test_a_day_is_the_tenants_own() -> None:
    spring = Days(date(2026, 3, 29), date(2026, 3, 29), "Europe/Oslo")
    assert spring.length == timedelta(hours=23)
    autumn = Days(date(2026, 10, 25), date(2026, 10, 25), "Europe/Oslo")
    assert autumn.length == timedelta(hours=25)
    assert Days.until(datetime(2026, 1, 1, 23, 30, tzinfo=UTC), 1, "Asia/Tokyo").last == date(
        2026, 1, 2
    )
