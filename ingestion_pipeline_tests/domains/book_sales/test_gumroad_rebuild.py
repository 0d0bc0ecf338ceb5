"""Rows as the version before 0016 stored them, put right from what it kept."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.domains.book_sales.merge import gumroad as gumroad_load
from ingestion_pipeline.domains.book_sales.publish import daily
from ingestion_pipeline.domains.book_sales.publish.gumroad_rebuild import Money, rebuild
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database

NOW = datetime(2026, 10, 10, tzinfo=UTC)
_ROW = sa.text("""
    INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report, occurred_at,
        date_precision, title, marketplace, quantity, list_price, amount, currency, raw,
        source_file, source_row, received_at)
    VALUES (:tenant, 'gumroad', :id, :type, 'sale', '2026-10-01T08:00Z', 'day', :title, 'Gumroad',
        :quantity, :price, :amount, :currency, CAST(:raw AS jsonb), :file, 1, :at)
""")
_PING = sa.text("""
    INSERT INTO gumroad_pings (tenant_id, sale_id, resource_name, fields, received_at)
    VALUES (:tenant, :id, :name, CAST(:fields AS jsonb), :at)
""")


def stored(
    connection: sa.Connection, tenant: int, sale_id: str, amount: str, shown: str,
    *, refund: str | None = None, source: str = "gumroad API", quantity: int = 1, **raw: object,
) -> None:  # fmt: skip
    """A sale and its refund, as 0012 had them; `amount` in units of the product's currency."""
    said: dict[str, Any] = {
        "created_at": "2026-10-01T08:00:00Z", "product_name": sale_id, "quantity": quantity, **raw,
    }  # fmt: skip
    said = {"id": sale_id, **said} if source == "gumroad API" else {"sale_id": sale_id, **said}
    price = Decimal(str(raw["price"])) / (1 if shown == "JPY" else 100)
    for kind, external_id, money in (
        ("sale", sale_id, amount), ("refund", f"{sale_id}:refund", refund),
    ):  # fmt: skip
        if money is not None:
            values = {
                "tenant": tenant, "id": external_id, "type": kind, "title": sale_id, "file": source,
                "quantity": quantity if kind == "sale" else 0, "amount": money, "price": price,
                "at": NOW, "currency": shown, "raw": json.dumps(said),
            }  # fmt: skip
            connection.execute(_ROW, values)


def pinged(connection: sa.Connection, tenant: int, sale_id: str, name: str, **said: str) -> None:
    fields = {
        "sale_id": sale_id, "sale_timestamp": "2026-10-01T08:00:00Z", "product_name": sale_id,
        "price": "900", "gumroad_fee": "90", "quantity": "1", **said,
    }  # fmt: skip
    row = {"tenant": tenant, "id": sale_id, "name": name, "fields": json.dumps(fields), "at": NOW}
    connection.execute(_PING, row)


@pytest.fixture
def engine(configured: Settings) -> sa.Engine:
    """The engine that the command uses; `configured` disposes of it."""
    return database.engine(settings())


@pytest.fixture
def wrong(engine: sa.Engine, tenant_id: int) -> int:
    """What is wrong in a tenant's books, of every kind."""
    with engine.begin() as c:
        stored(c, tenant_id, "eur", "9.40", "EUR", price=1100, gumroad_fee=160,
               currency_symbol="€")  # fmt: skip
        stored(c, tenant_id, "jpy", "534", "JPY", price=650, gumroad_fee=115,
               currency_symbol="¥")  # fmt: skip
        stored(c, tenant_id, "share", "6.90", "USD", price=1000, gumroad_fee=60,
               currency_symbol="$")  # fmt: skip
        stored(c, tenant_id, "part", "9.00", "USD", refund="-3.50", price=1000, gumroad_fee=100,
               currency_symbol="$", partially_refunded=True,
               amount_refundable_in_currency="6.50")  # fmt: skip
        stored(c, tenant_id, "three", "26.47", "USD", price=2997, gumroad_fee=350, quantity=3,
               currency_symbol="$")  # fmt: skip
        # A partial refund by a Ping was taken for a full one, and the full one was dropped.
        stored(c, tenant_id, "ping", "8.10", "EUR", refund="-8.10", source="gumroad Ping",
               price="900", gumroad_fee="90", currency="eur")  # fmt: skip
        pinged(c, tenant_id, "ping", "sale", currency="eur", refunded="false")
        pinged(c, tenant_id, "ping", "refund", currency="eur", refunded="false")
        # A dispute was not seen.
        stored(c, tenant_id, "lost", "8.10", "USD", source="gumroad Ping", price="900",
               gumroad_fee="90")  # fmt: skip
        pinged(c, tenant_id, "lost", "dispute", disputed="true", dispute_won="false")
        # A currency without a known symbol was rejected.
        upload_id = uploads.record(
            c, tenant_id=tenant_id, domain="book_sales", type_="gumroad", file_name="gumroad API",
            source="api", location="gumroad:",
        )  # fmt: skip
        for line, price in ((1, 1000), (2, "none")):
            raw = {
                "id": f"sgd-{price}", "created_at": "2026-10-01T08:00:00Z", "product_name": "A",
                "price": price, "gumroad_fee": 150, "currency_symbol": "SGD$",
            }  # fmt: skip
            rejected = {
                "upload_id": upload_id, "line_number": line, "tenant_id": tenant_id,
                "file_name": "gumroad API", "raw": json.dumps(raw), "reasons": [],
            }  # fmt: skip
            c.execute(sa.insert(rejected_rows), rejected)
    daily.publish_days(engine, "gumroad")
    return tenant_id


def rows(engine: sa.Engine) -> dict[str, tuple[str | None, str, bool]]:
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT external_id, amount, currency, provisional FROM sales_events")
        )
        return {
            row.external_id: (
                None if row.amount is None else f"{row.amount:.2f}", row.currency, row.provisional,
            )
            for row in found
        }  # fmt: skip


RIGHT = {
    "eur": ("9.40", "USD", False),
    "jpy": ("4.35", "USD", True),  # of the affiliate's share the hundredths were lost
    "sgd-1000": ("8.50", "USD", True),  # nor is it known whether there was an affiliate
    "share": ("6.90", "USD", False),
    "part": ("9.00", "USD", False),
    "part:refund": ("-3.50", "USD", False),
    "three": ("26.47", "USD", False),
    "ping": ("8.10", "USD", False),
    "ping:refund": (None, "USD", True),
    "lost": ("8.10", "USD", False),
    "lost:refund": ("-8.10", "USD", False),
}
MONEY = [
    Money("EUR", Decimal("9.40"), Decimal(0), 3),
    Money("JPY", Decimal(534), Decimal(0), 1),
    Money("USD", Decimal("46.97"), Decimal("69.22"), 7),
]


def test_wrong_rows_are_put_right_and_a_second_time_changes_nothing(
    engine: sa.Engine, wrong: int
) -> None:
    before = rows(engine)
    assert rebuild(engine, tenant_ids=[wrong], dry_run=True) == MONEY
    assert rows(engine) == before
    assert rebuild(engine, tenant_ids=[wrong], dry_run=False) == MONEY
    assert rows(engine) == RIGHT
    with engine.connect() as connection:
        days = connection.execute(
            sa.text("SELECT currency, sum(amount) AS amount FROM daily_sales GROUP BY currency")
        ).all()
        price = connection.scalar(
            sa.text("SELECT list_price FROM sales_events WHERE external_id = 'three'")
        )
    assert [(row.currency, row.amount) for row in days] == [("USD", Decimal("69.22"))]
    assert price == Decimal("9.99")
    again = rebuild(engine, tenant_ids=[wrong], dry_run=False)
    assert again == [Money("USD", Decimal("69.22"), Decimal("69.22"), 0)]
    assert rows(engine) == RIGHT


def test_a_rebuild_that_is_killed_goes_on(
    engine: sa.Engine, wrong: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion_pipeline.domains.book_sales.publish import gumroad_rebuild

    monkeypatch.setattr(gumroad_rebuild, "_AT_ONCE", 2)
    real, done = gumroad_load.book, []

    def killed(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        done.append(arguments)
        if len(done) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(gumroad_rebuild, "book", killed)
    with pytest.raises(KeyboardInterrupt):
        rebuild(engine, tenant_ids=[wrong], dry_run=False)
    assert rows(engine) != RIGHT
    rebuild(engine, tenant_ids=[wrong], dry_run=False)
    assert rows(engine) == RIGHT


def test_the_command_prints_what_changes_by_currency(engine: sa.Engine, wrong: int) -> None:
    shell = CliRunner()
    command = ["book-sales", "rebuild", "--platform", "gumroad"]
    dry = shell.invoke(app, [*command, "--dry-run", "--tenant", "acme"])
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.splitlines()[1] == (
        "JPY: 534.0000 before, 0.0000 after, a difference of -534.0000; 1 rows change"
    )
    done = json.loads(shell.invoke(app, [*command, "--json"]).stdout)
    assert [each["difference"] for each in done] == ["-9.4000", "-534.0000", "22.2500"]
    assert rows(engine) == RIGHT
    assert shell.invoke(app, ["book-sales", "rebuild", "--platform", "lulu"]).exit_code == 2
