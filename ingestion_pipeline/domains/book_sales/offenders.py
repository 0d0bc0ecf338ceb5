"""What must not be found of book sales, as queries: one row an offender, a check each."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.domains.book_sales.contract.events import PAYMENT
from ingestion_pipeline.domains.book_sales.land.queue import is_import
from ingestion_pipeline.domains.book_sales.tables import daily_sales, sales_events
from ingestion_pipeline.foundation.ledger.jobs import OPEN
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.watch.offenders import must_not_be

_IMPORTED_WITHIN = timedelta(hours=1)


@must_not_be(
    "reports:imported_in_time", "Nothing that is queued has been due for an hour.", warning=True
)
def overdue() -> sa.Select[Any]:
    """Imports that have been due for more than an hour."""
    c = jobs.c
    return sa.select(c.job_id, c.kind, c.status, c.attempt, c.available_at, c.error).where(
        is_import(c.kind), c.status.in_(OPEN), c.available_at < sa.func.now() - _IMPORTED_WITHIN
    )


@must_not_be("sales_events:signs", "Refunds are negative, sales are not.")
def refunds_that_are_sales() -> sa.Select[Any]:
    """Refunds that are not negative, and sales that are."""
    c = sales_events.c
    return sa.select(c.platform, c.external_id, c.event_type, c.quantity).where(
        sa.or_(
            sa.and_(c.event_type == "refund", c.quantity > 0),
            sa.and_(c.event_type == "sale", c.quantity < 0),
        )
    )


@must_not_be(
    "sales_events:one_precision",
    "No month of a book was reported both as a whole and by days.",
    warning=True,
)
def months_told_twice() -> sa.Select[Any]:
    """Books of which KDP told a month as a whole, and by days as well: both count."""
    c = sales_events.c
    month = sa.func.date_trunc("month", c.occurred_at)
    book = sa.func.coalesce(c.isbn, c.asin)
    return (
        sa.select(c.tenant_id, month.label("month"), book.label("book"), c.marketplace)
        .where(c.platform == "amazon_kdp", c.report == "royalty")
        .group_by(c.tenant_id, month, book, c.marketplace)
        .having(sa.func.count(c.date_precision.distinct()) > 1)
    )


@must_not_be(
    "daily_sales:adds_up",
    "Days hold as many events as there are; a run may be under way.",
    warning=True,
)
def days_that_do_not_add_up() -> sa.Select[Any]:
    """Platforms whose days hold another number of events than their events say."""
    c, d = sales_events.c, daily_sales.c
    settled = sales_events.alias("settled")
    estimated = sa.exists().where(
        settled.c.tenant_id == c.tenant_id,
        settled.c.platform == c.platform,
        settled.c.report == sa.literal("prior_month_") + c.report,
        settled.c.occurred_at == sa.func.date_trunc("month", c.occurred_at),
    )
    events = (
        sa.select(c.platform, sa.func.count().label("number"))
        .where(c.event_type != PAYMENT, ~estimated)
        .group_by(c.platform)
        .subquery("of_events")
    )
    days = (
        sa.select(d.platform, sa.func.sum(d.events).label("number"))
        .group_by(d.platform)
        .subquery("of_days")
    )
    return (
        sa.select(events.c.platform, events.c.number, days.c.number.label("in_days"))
        .select_from(events.outerjoin(days, events.c.platform == days.c.platform))
        .where(events.c.number.is_distinct_from(days.c.number))
    )


@must_not_be("sales_events:currency", "Every amount has a currency.")
def money_without_currency() -> sa.Select[Any]:
    """Amounts without a currency."""
    c = sales_events.c
    return sa.select(c.platform, c.external_id, c.amount).where(
        # Who leaves the amount open may leave its currency open: a later report tells both.
        c.currency.is_(None),
        c.amount.is_not(None),
    )


@must_not_be(
    "sales_events:payments_add_up",
    "What a payment is made of is the payment, currency by currency.",
    warning=True,
)
def payments_that_do_not_add_up() -> sa.Select[Any]:
    """Payments of KDP whose parts are not what the payment says, by currency (`kdp_payments`)."""
    c = sales_events.c
    part = sa.func.jsonb_array_elements(c.raw["parts"]).table_valued("value").lateral("part")
    money = part.c.value.cast(JSONB)
    parts = (
        sa.select(
            c.tenant_id, c.platform, c.external_id,
            c.raw["accrual_currency"].astext.label("accrual_currency"),
            c.raw["accrued"].astext.cast(sa.Numeric).label("accrued"),
            money["currency"].astext.label("part_currency"),
            sa.func.sum(money["accrued"].astext.cast(sa.Numeric)).label("of_parts"),
        )
        .select_from(sales_events.join(part, sa.true()))
        .where(c.event_type == PAYMENT, sa.func.jsonb_typeof(c.raw["parts"]) == "array")
        .group_by(
            c.tenant_id, c.platform, c.external_id, c.raw, sa.literal_column("part_currency"),
        )
        .subquery("parts")
    )  # fmt: skip
    p = parts.c
    says = sa.case((p.part_currency == p.accrual_currency, p.accrued), else_=sa.literal(0))
    return sa.select(p.external_id, p.part_currency, p.accrued, p.of_parts).where(
        p.of_parts.is_distinct_from(says)
    )
