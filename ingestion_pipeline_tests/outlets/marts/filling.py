"""Rows for tests of marts: written straight into the tables, as loads leave them."""

import json
import uuid
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from ingestion_pipeline.outlets.marts.all import BY_DAY, WHOLE
from ingestion_pipeline.outlets.marts.refresh import Mart, refresh

BASE = datetime(2026, 3, 1, tzinfo=UTC)


def refresh_all(engine: sa.Engine) -> None:
    """Refresh every mart."""
    for mart in (*BY_DAY, *WHOLE):
        refresh(engine, mart)


def rows_of(engine: sa.Engine, table: str, *, without: tuple[str, ...] = ()) -> list[object]:
    """All rows of a table, in order."""
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()
    return sorted(
        tuple((name, str(value)) for name, value in row.items() if name not in without)
        for row in found
    )


def pending(engine: sa.Engine, mart: Mart) -> int:
    """How many changes of a mart's source wait."""
    with engine.connect() as connection:
        return connection.execute(
            sa.text(
                "SELECT count(*) FROM changed_parts WHERE reader = 'marts' AND source = :source"
            ),
            {"source": mart.source},
        ).scalar_one()


def new_customer(connection: sa.Connection, tenant_id: int) -> uuid.UUID:
    """A customer."""
    number = uuid.uuid4()
    connection.execute(
        sa.text("""
            INSERT INTO customers (tenant_id, customer_id, name, email, metadata, upload_id)
            VALUES (:tenant_id, :customer_id, 'Ada', 'ada@example.com', '{}', 0)
        """),
        {"tenant_id": tenant_id, "customer_id": number},
    )
    return number


def new_order(
    connection: sa.Connection,
    tenant_id: int,
    customer_id: uuid.UUID,
    *,
    at: datetime = BASE,
    total: str | None = "10.00",
    currency: str = "EUR",
    status: str = "paid",
    discount: str | None = None,
    refunded: str | None = None,
) -> uuid.UUID:
    """An order."""
    number = uuid.uuid4()
    connection.execute(
        sa.text("""
            INSERT INTO orders (tenant_id, order_id, external_order_id, customer_id,
                                customer_name_snapshot, customer_email_snapshot, total_amount,
                                currency, order_status, order_date, raw_payload, created_at,
                                discount_amount, refunded_amount, upload_id)
            VALUES (:tenant_id, :order_id, 'x', :customer_id, 'Ada', 'ada@example.com', :total,
                    :currency, :status, :at, '{}', :at, :discount, :refunded, 0)
        """),
        {
            "tenant_id": tenant_id, "order_id": number, "customer_id": customer_id, "total": total,
            "currency": currency, "status": status, "at": at, "discount": discount,
            "refunded": refunded,
        },
    )  # fmt: skip
    return number


def new_points(
    connection: sa.Connection, tenant_id: int, values: dict[datetime, float], *, kpi: str = "k"
) -> None:
    """Readings of a KPI; an instant that has one keeps it."""
    for at, value in values.items():
        connection.execute(
            sa.text("""
                INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text,
                                        kpi_type, trace_id, in_order)
                VALUES (:tenant_id, :kpi, :at, :value, '', '', 't', true) ON CONFLICT DO NOTHING
            """),
            {"tenant_id": tenant_id, "kpi": kpi, "at": at, "value": value},
        )


def new_sale(
    connection: sa.Connection,
    tenant_id: int,
    *,
    number: str,
    at: datetime = BASE,
    report: str = "royalty",
    platform: str = "amazon_kdp",
    amount: str | None = "3.4250",
    currency: str | None = "USD",
    quantity: int = 1,
    kind: str = "sale",
    precision: str = "day",
    title: str = "A Book",
) -> None:
    """An event of book sales; one that is there gets the new amount."""
    connection.execute(
        sa.text("""
            INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report,
                                      occurred_at, date_precision, title, quantity, amount,
                                      currency, raw, source_file, source_row, received_at)
            VALUES (:tenant_id, :platform, :number, :kind, :report, :at, :precision, :title,
                    :quantity, :amount, :currency, '{}', 'f', 1, :at)
            ON CONFLICT (tenant_id, platform, external_id)
                DO UPDATE SET amount = excluded.amount, occurred_at = excluded.occurred_at,
                              report = excluded.report
        """),
        {
            "tenant_id": tenant_id, "platform": platform, "number": number, "kind": kind,
            "report": report, "at": at, "precision": precision, "title": title,
            "quantity": quantity, "amount": amount, "currency": currency,
        },
    )  # fmt: skip


def new_payment(
    connection: sa.Connection,
    tenant_id: int,
    *,
    number: str,
    month: str,
    accrued: str,
    status: str = "Paid",
) -> None:
    """A payment of Amazon as its reader keeps it, of 29 June; one that is there is corrected."""
    day = f"{month}-01" if month else ""
    raw = {"period_start": day, "period_end": day, "Payment Status": status, "Source": "",
           "accrual_currency": "USD", "accrued": accrued, "parts": []}  # fmt: skip
    connection.execute(
        sa.text("""
            INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report,
                                      occurred_at, date_precision, quantity, amount, currency, raw,
                                      source_file, source_row, received_at)
            VALUES (:tenant_id, 'amazon_kdp', :number, 'payment', 'payments', '2026-06-29Z', 'day',
                    0, 1, 'EUR', :raw, 'f', 1, '2026-06-30Z')
            ON CONFLICT (tenant_id, platform, external_id) DO UPDATE SET raw = excluded.raw
        """),
        {"tenant_id": tenant_id, "number": f"payment {number}", "raw": json.dumps(raw)},
    )


def new_hour(
    connection: sa.Connection, site: str, *, at: datetime, unit: str, value: float
) -> None:
    """Two samples of a room in an hour, and the hour as it is published; again: other values."""
    told = {"site": site, "at": at, "unit": unit, "value": value}
    for minutes in (0, 20):
        connection.execute(
            sa.text("""
                INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality)
                VALUES (:site, 'room/co2', :moment, :value, 'good')
                ON CONFLICT (site_name, point_name, timestamp) DO UPDATE SET value = excluded.value
            """),
            told | {"moment": at + timedelta(minutes=minutes)},
        )
    connection.execute(
        sa.text("""
            INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, samples, minimum,
                                           maximum, mean, coverage)
            VALUES (:site, 'room/co2', :at, :unit, 2, :value, :value, :value, 0.5)
            ON CONFLICT (site_name, point_name, hour, unit) DO UPDATE
            SET minimum = excluded.minimum, maximum = excluded.maximum, mean = excluded.mean
        """),
        told,
    )


def new_vintage(
    connection: sa.Connection,
    on: date,
    value: str | None,
    *,
    since: date = date(2026, 1, 1),
    until: date = date(9999, 12, 31),
    series: str = "GDP",
) -> None:
    """What was known of a date, and when."""
    connection.execute(
        sa.text("""
            INSERT INTO macro_observations (series_id, date, realtime_start, realtime_end, value)
            VALUES (:series, :on, :since, :until, :value)
        """),
        {"series": series, "on": on, "since": since, "until": until, "value": value},
    )
