"""Migration 0016 on a database that holds sales and Pings of before."""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.publish.gumroad_rebuild import rebuild
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import schema

_PING = sa.text("""
    INSERT INTO gumroad_pings (tenant_id, sale_id, resource_name, fields)
    VALUES (:tenant, :sale, :name, CAST(:fields AS jsonb))
""")


@pytest.fixture
def older(server_url: sa.URL) -> Iterator[sa.Engine]:
    """A database of the schema before."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE before_0016")
        made = sa.create_engine(server_url.set(database="before_0016"))
        schema.upgrade(made, "0012")
        yield made
        made.dispose()
        connection.exec_driver_sql("DROP DATABASE before_0016 WITH (FORCE)")
    administrator.dispose()


def ping(**said: str) -> str:
    fields = {
        "sale_timestamp": "2026-10-01T08:00:00Z", "product_name": "Book", "price": "900",
        "gumroad_fee": "90", **said,
    }  # fmt: skip
    return json.dumps(fields)


def test_pings_and_sales_of_before_are_kept_and_can_be_booked_anew(older: sa.Engine) -> None:
    with older.begin() as connection:
        tenant = tenants.ensure(connection, "acme")
        gift = ping(sale_id="R", is_gift_receiver_purchase="true", price="0")
        for sale, name, fields in (
            ("S", "sale", ping(sale_id="S")),
            ("S", "refund", ping(sale_id="S", refunded="true")),
            ("R", "sale", gift),
        ):
            row = {"tenant": tenant, "sale": sale, "name": name, "fields": fields}
            connection.execute(_PING, row)
        connection.execute(
            sa.text("""
                INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report,
                    occurred_at, date_precision, quantity, raw, source_file, source_row,
                    received_at)
                VALUES (:tenant, 'gumroad', 'R', 'free', 'sale', '2026-10-01T08:00Z', 'day', 1,
                    '{}', 'gumroad Ping', 1, now())
            """),
            {"tenant": tenant},
        )
    assert schema.upgrade(older) == schema.head_revision()
    with older.begin() as connection:
        found = connection.execute(
            sa.text("SELECT sale_id, gift_at IS NOT NULL AS gift FROM gumroad_pings")
        ).all()
        assert sorted((row.sale_id, row.gift) for row in found) == [
            ("R", True), ("S", False), ("S", False),
        ]  # fmt: skip
        again = {"tenant": tenant, "sale": "S", "name": "refund", "fields": ping(sale_id="S")}
        connection.execute(_PING, again)  # a second partial refund was dropped before
        event = connection.execute(sa.text("SELECT provisional, as_of FROM sales_events")).one()
        assert (event.provisional, event.as_of) == (False, None)
    rebuild(older, tenant_ids=[tenant], dry_run=False)
    with older.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT external_id, event_type, amount, provisional FROM sales_events")
        ).all()
    # What the giver paid was not kept: one copy is known to be sold, and its price is not.
    assert sorted((row[0], row[1], row[2] and f"{row[2]:.2f}", row[3]) for row in rows) == [
        ("R", "sale", None, True), ("S", "sale", "8.10", False),
        ("S:refund", "refund", "-8.10", False),
    ]  # fmt: skip
