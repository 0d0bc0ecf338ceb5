"""What must not be found in marts, as queries: one row an offender.

Where changes wait a mart can't add up with its tables: such tenants (sites, series) are passed
over. Each query is one statement, and sees one state of all tables.
"""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.changes import changed_parts
from ingestion_pipeline.foundation.watch.offenders import must_not_be, must_not_be_of
from ingestion_pipeline.outlets.marts.books import TOLD, lines
from ingestion_pipeline.outlets.marts.settling import PAID, PAYMENTS
from ingestion_pipeline.outlets.marts.tables import orders_daily

_WAITS = "interval '1 hour'"
_SOURCES = {
    "kpi_hourly": "kpi_points",
    "kpi_daily": "kpi_points",
    "building_hours": "timeseries_hourly",
    "orders_daily": "orders",
    "customer_days": "orders",
    "book_income_daily": "sales_events",
    "macro_latest": "macro_observations",
}


@must_not_be_of(_SOURCES, "{0}:caught_up", "No change waits for more than an hour.", warning=True)
def changes_that_wait(mart: str) -> sa.Select[Any]:
    """Changes that no refresh has taken for an hour."""
    c = changed_parts.c
    return sa.select(c.tenant_id, c.key, c.day.cast(sa.Text), c.changed_at).where(
        c.reader == "marts",
        c.source == _SOURCES[mart],
        c.changed_at < sa.func.now() - sa.text(_WAITS),
    )


def _differing(query: str) -> sa.Select[Any]:
    """Rows of a query in SQL."""
    return sa.select(sa.literal_column("*")).select_from(sa.text(f"({query}) AS found"))


def _waiting(source: str, tenant: str, key: str = "''") -> str:
    """Whether changes of a row's tenant and key wait, in SQL."""
    return f"""EXISTS (
        SELECT FROM changed_parts AS change
        WHERE change.reader = 'marts' AND change.source = '{source}'
          AND change.tenant_id IN (0, {tenant}) AND (change.key = '' OR {key} IN ('', change.key)))
    """


@must_not_be("kpi_hourly:adds_up", "Hours of the last 35 days hold as many readings as there are.")
def hours_that_do_not_add_up() -> sa.Select[Any]:
    """KPIs whose hours of the last 35 days hold another number of readings than there are."""
    return _differing(f"""
        SELECT * FROM (
            SELECT tenant_id, kpi_id, count(*) AS there FROM kpi_points
            WHERE observed_at >= date_trunc('day', now(), 'UTC') - interval '35 days'
            GROUP BY 1, 2) AS point
        FULL JOIN (
            SELECT tenant_id, kpi_id, sum(points) AS in_hours FROM kpi_hourly
            WHERE hour >= date_trunc('day', now(), 'UTC') - interval '35 days'
            GROUP BY 1, 2) AS hours USING (tenant_id, kpi_id)
        WHERE there IS DISTINCT FROM in_hours
          AND NOT {_waiting("kpi_points", "tenant_id", "kpi_id")}
    """)  # noqa: S608


@must_not_be("kpi_daily:adds_up", "Days hold as many readings as hours.")
def days_that_do_not_add_up() -> sa.Select[Any]:
    """KPIs whose days hold another number of readings than their hours."""
    return _differing(f"""
        SELECT * FROM (SELECT tenant_id, kpi_id, sum(points) AS in_hours
                       FROM kpi_hourly GROUP BY 1, 2) AS hours
        FULL JOIN (SELECT tenant_id, kpi_id, sum(points) AS in_days
                   FROM kpi_daily GROUP BY 1, 2) AS days USING (tenant_id, kpi_id)
        WHERE in_hours IS DISTINCT FROM in_days
          AND NOT {_waiting("kpi_points", "tenant_id", "kpi_id")}
    """)  # noqa: S608


@must_not_be("building_hours:adds_up", "There are the hours that buildings have, and no others.")
def building_hours_that_do_not_add_up() -> sa.Select[Any]:
    """Sites with another number of hours, or samples in them, than `timeseries_hourly` has."""
    return _differing(f"""
        SELECT * FROM (SELECT site_name, count(*) AS there, sum(samples) AS samples
                       FROM timeseries_hourly GROUP BY 1) AS told
        FULL JOIN (SELECT site_name, count(*) AS made, sum(samples) AS of_made
                   FROM building_hours GROUP BY 1) AS made USING (site_name)
        WHERE (there, samples) IS DISTINCT FROM (made, of_made)
          AND NOT {_waiting("timeseries_hourly", "0", "site_name")}
    """)  # noqa: S608


@must_not_be("orders_daily:adds_up", "Days hold the money of all orders, by currency, to the cent.")
def orders_that_do_not_add_up() -> sa.Select[Any]:
    """Tenants and currencies whose days hold other money, or another number, than their orders."""
    return _differing(f"""
        SELECT * FROM (SELECT tenant_id, currency, count(*) AS there,
                              coalesce(sum(total_amount), 0) AS money
                       FROM orders GROUP BY 1, 2) AS told
        FULL JOIN (SELECT tenant_id, currency, sum(orders + returns + cancelled) AS in_days,
                          sum(coalesce(net, 0) + cancelled_amount) AS money_in_days
                   FROM orders_daily GROUP BY 1, 2) AS days USING (tenant_id, currency)
        WHERE (there, money) IS DISTINCT FROM (in_days, money_in_days)
          AND NOT {_waiting("orders", "tenant_id")}
    """)  # noqa: S608


@must_not_be("orders_daily:balanced", "Gross less discounts and refunds is net, in every row.")
def days_out_of_balance() -> sa.Select[Any]:
    """Rows whose money is not what it says, or is missing though orders tell it."""
    c = orders_daily.c
    return sa.select(c.tenant_id, c.day, c.currency, c.gross, c.net).where(
        sa.or_(
            (c.gross - c.discounts - c.refunds).is_distinct_from(c.net),
            sa.and_(c.net.is_(None), c.orders > c.untold),
        )
    )


@must_not_be("customer_days:adds_up", "Customers' days hold the orders that days hold.")
def customers_that_do_not_add_up() -> sa.Select[Any]:
    """Days on which customers ordered another number of orders than the day has."""
    return _differing(f"""
        SELECT * FROM (SELECT tenant_id, day, currency, orders,
                              new_customers + returning_customers AS customers
                       FROM orders_daily WHERE orders > 0) AS days
        FULL JOIN (SELECT tenant_id, day, currency, sum(orders) AS of_customers,
                          count(*) AS counted
                   FROM customer_days GROUP BY 1, 2, 3) AS own USING (tenant_id, day, currency)
        WHERE (orders, customers) IS DISTINCT FROM (of_customers, counted)
          AND NOT {_waiting("orders", "tenant_id")}
    """)  # noqa: S608


@must_not_be(
    "book_income_daily:adds_up",
    "Days hold the money of all events that count, and of payments once, to the cent.",
)
def income_that_does_not_add_up() -> sa.Select[Any]:
    """Sellers and currencies whose days hold other money than is told of them: an estimate goes
    where its month is settled, and what was paid is there once."""
    return _differing(f"""
        SELECT * FROM (
            SELECT tenant_id, platform, currency, basis, sum(events) AS there,
                   coalesce(sum(amount), 0) AS money
            FROM ({lines(f"({TOLD}) AS part")}) AS line GROUP BY 1, 2, 3, 4) AS told
        FULL JOIN (SELECT tenant_id, platform, currency, basis, sum(events) AS in_days,
                          sum(income) AS money_in_days
                   FROM book_income_daily GROUP BY 1, 2, 3, 4) AS days
            USING (tenant_id, platform, currency, basis)
        WHERE (there, money) IS DISTINCT FROM (in_days, money_in_days)
          AND NOT {_waiting("sales_events", "tenant_id", "platform")}
    """)  # noqa: S608


@must_not_be(
    "book_income_daily:paid_months_are_told",
    "Every payment that was made says what it is for: one month, or how much of each.",
    warning=True,
)
def payments_of_no_month() -> sa.Select[Any]:
    """Payments that settle nothing, because they do not say which month they are for."""
    return _differing(f"""
        SELECT tenant_id, platform, external_id, first, last FROM ({PAYMENTS}) AS payment
        WHERE NOT EXISTS (SELECT FROM ({PAID}) AS paid
                          WHERE (paid.tenant_id, paid.platform, paid.external_id)
                              = (payment.tenant_id, payment.platform, payment.external_id))
    """)  # noqa: S608


@must_not_be("macro_latest:adds_up", "There is a row for each date that has a value now.")
def series_that_do_not_add_up() -> sa.Select[Any]:
    """Series with other values than are known now."""
    return _differing(f"""
        SELECT * FROM (SELECT series_id, count(*) AS there, sum(value) AS of_values
                       FROM macro_observations
                       WHERE realtime_end = '9999-12-31' AND value IS NOT NULL
                       GROUP BY 1) AS told
        FULL JOIN (SELECT series_id, count(*) AS made, sum(value) AS made_values
                   FROM macro_latest GROUP BY 1) AS made USING (series_id)
        WHERE (there, of_values) IS DISTINCT FROM (made, made_values)
          AND NOT {_waiting("macro_observations", "0", "series_id")}
    """)  # noqa: S608
