"""Each sample loaded into the database: its money is there to the cent, and twice is unchanged."""

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.intake.sinks import Delivery, Taken
from ingestion_pipeline_tests.domains.commerce import mapping_files
from ingestion_pipeline_tests.mappings.expected import EXPECTED
from ingestion_pipeline_tests.mappings.samples import SHIPPED, sample, shipped

FIRST = [each for each in EXPECTED if ".1." in each.file or each.file == "google_play.2.csv"]
REPORTS = [each for each in FIRST if any("sales_events" in label for label in each.made)]
SHOPS = [each for each in FIRST if each not in REPORTS]
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)


def mapping_of(file: str) -> str:
    return file.partition(".")[0]


def load_shop(engine: sa.Engine, file: str) -> Taken:
    mapping = (SHIPPED / f"{mapping_of(file)}.yaml").read_text(encoding="utf-8")
    return mapping_files.load(engine, mapping, sample(file))


def changed(taken: Taken) -> dict[str, int]:
    """How many records were inserted, updated or wait, by type."""
    return {
        f"{name} {became}": number
        for name, counts in taken.by_target.items()
        for became, number in counts.items()
        if number and became not in ("unchanged", "kept", "superseded")
    }


def test_orders_of_every_shop_are_loaded_once(engine: sa.Engine) -> None:
    for expected in SHOPS:
        assert load_shop(engine, expected.file).rejected == []
    with engine.connect() as connection:
        sums = connection.execute(
            sa.text("SELECT currency, sum(total_amount) FROM orders GROUP BY currency")
        )
        found = {currency: amount for currency, amount in sums}  # noqa: C416 (rows of a result)
        rows = connection.execute(sa.text("SELECT count(*) FROM order_items")).scalar_one()
    wanted: dict[str, Decimal] = {}
    for expected in SHOPS:
        for name, amount in expected.sums.items():
            wanted[name[7:]] = wanted.get(name[7:], Decimal(0)) + Decimal(amount)
    assert found == wanted
    assert rows > 30
    before = finals(engine)
    for expected in SHOPS:
        assert changed(load_shop(engine, expected.file)) == {}, expected.file
    assert finals(engine) == before


def finals(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    """The tables of commerce, but for when a row was loaded and by what."""
    columns = {
        "customers": "customer_id, name, email, metadata",
        "products": "product_id, sku, name, price, active",
        "orders": "order_id, customer_id, total_amount, currency, order_status, order_date",
        "order_items": "order_item_id, order_id, product_id, quantity, unit_price, line_total",
    }
    with engine.connect() as connection:
        return {
            table: [
                tuple(map(str, row))
                for row in connection.execute(sa.text(f"SELECT {names} FROM {table} ORDER BY 1"))
            ]
            for table, names in columns.items()
        }


def load_report(engine: sa.Engine, tenant_id: int, file: str, number: int) -> Taken:
    mapped = shipped(mapping_of(file))
    delivery = Delivery(
        tenant_id=tenant_id, tenant="acme", upload_id=number, source=mapped.source,
        mapping=mapped.name, settings=mapped.settings, file_name=file, location=file,
        received_at=RECEIVED,
    )  # fmt: skip
    sink = registry.sinks()["sales_events"]
    records, refused = mapping_files.made(mapped, sample(file), "acme")
    assert refused == 0
    with engine.begin() as connection:
        landed = sink.land(connection, delivery, records)
    sink.settle(engine, delivery)
    return landed


def test_reports_of_every_platform_are_loaded_once(engine: sa.Engine, tenant_id: int) -> None:
    for number, expected in enumerate(REPORTS, start=1):
        assert load_report(engine, tenant_id, expected.file, number).rejected == [], expected.file
    with engine.connect() as connection:
        found = {
            " ".join(row[:2]): row[2]
            for row in connection.execute(
                sa.text("SELECT event_type, currency, sum(amount) FROM sales_events "
                        "WHERE amount IS NOT NULL GROUP BY 1, 2")
            )
        }  # fmt: skip
    wanted: dict[str, Decimal] = {}
    for expected in REPORTS:
        for name, amount in expected.sums.items():
            key = " ".join(name.split()[-2:])
            wanted[key] = wanted.get(key, Decimal(0)) + Decimal(amount)
    assert found == wanted
    for number, expected in enumerate(REPORTS, start=len(REPORTS) + 1):
        assert changed(load_report(engine, tenant_id, expected.file, number)) == {}, expected.file
