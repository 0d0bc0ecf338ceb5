"""The marts as SQLAlchemy sees them; made by migration 0032; comments of 0039.

A *day* is the tenant's own (`tenants.time_zone`), an *hour* is UTC. Money is never added across
currencies: the currency is part of every key that has money.
"""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import (
    TIMESTAMP,
    bigint,
    boolean,
    date,
    double,
    integer,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import KPI, PLATFORM, POINT, SITE, TENANT, UNIT

_DAY = "The day, by the clock of the tenant's time zone"
_OWN_UNIT = "in the KPI's own unit"
_IN_CURRENCY = "in currency"
_name = sa.Text(collation="C")


def _money(name: str, *, comment: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric(20, 4), nullable=nullable, comment=comment)


def _number(name: str, *, comment: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric, nullable=True, comment=comment)


def _key(name: str, type_: Any = _name, *, comment: str) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False, comment=comment)


def _readings(of: str) -> list[sa.Column[Any]]:
    return [
        integer("points", comment=f"Readings of the {of}"),
        double("minimum", comment=f"Smallest value, {_OWN_UNIT}"),
        double("maximum", comment=f"Largest value, {_OWN_UNIT}"),
        double("mean", comment=f"Mean of the values, {_OWN_UNIT}"),
    ]


kpi_hourly = sa.Table(
    "kpi_hourly",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    timestamp("hour", primary_key=True, comment="Start of the hour, UTC"),
    *_readings("hour"),
    double("first", comment="Value of the first reading"),
    double("last", comment="Value of the last reading"),
    comment="KPIs by UTC hour: a row a tenant, KPI and hour that has readings",
)

_USUAL = "was usual for the day's mean, from the days before alone; NULL: too few of them"

kpi_daily = sa.Table(
    "kpi_daily",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    date("day", primary_key=True, comment=_DAY),
    *_readings("day"),
    double("last", comment="Value of the last reading"),
    double("usual_low", nullable=True, comment=f"Least that {_USUAL}"),
    double("usual_middle", nullable=True, comment=f"What {_USUAL}"),
    double("usual_high", nullable=True, comment=f"Most that {_USUAL}"),
    comment="KPIs by the tenant's day: a row a tenant, KPI and day that has readings",
)

_OCCUPIED = "of occupied hours (weekdays 8 to 18 by the tenant's clock)"

# Seen through `tenant_sites`, as all tables of buildings are.
building_hours = sa.Table(
    "building_hours",
    metadata,
    _key("site_name", comment=SITE),
    _key("point_name", comment=POINT),
    _key("hour", TIMESTAMP, comment="Start of the hour, UTC"),
    sa.Column("unit", _name, primary_key=True, server_default="", comment=UNIT),
    sa.Column(
        "room",
        _name,
        nullable=False,
        comment="What stands before the last / of the point's name; empty: nothing",
    ),
    text(
        "measure",
        comment="temperature, where the unit is °C or °F; co2, where the name says it and the "
        "unit is ppm or none; empty: another",
    ),
    integer("samples", comment="How many samples there are"),
    double("minimum", nullable=True, comment="Smallest value; NULL: no number of good quality"),
    double("maximum", nullable=True, comment="Largest value; NULL: no number of good quality"),
    double("mean", nullable=True, comment="Mean of the values; NULL: no number of good quality"),
    double("coverage", comment="Share of the quarters of the hour that have a sample, 0 to 1"),
    double(
        "occupied_minutes",
        nullable=True,
        comment=f"Minutes {_OCCUPIED} that samples of good quality stand for, each until the "
        "next, at most a quarter of an hour; NULL: the samples were archived before",
    ),
    double(
        "comfort_minutes",
        nullable=True,
        comment="Those of them at 20 to 26 °C, both inclusive; NULL: no temperature, archived, or "
        "the hour has several units",
    ),
    double(
        "lower_limit",
        nullable=True,
        comment="Highest minimum of the rules for the point that were active when the minutes were "
        "worked out; NULL: none",
    ),
    double(
        "upper_limit",
        nullable=True,
        comment="Lowest maximum of the rules for the point that were active when the minutes were "
        "worked out, 1000 where it is co2 and no rule says one; NULL: none",
    ),
    double(
        "minutes_below",
        nullable=True,
        comment="Those of occupied_minutes below lower_limit; NULL: no limit, archived, or the "
        "hour has several units",
    ),
    double(
        "minutes_above",
        nullable=True,
        comment="Those of occupied_minutes above upper_limit; NULL: no limit, archived, or the "
        "hour has several units",
    ),
    comment="Points of buildings by UTC hour, with comfort and limits: a row a site, point, hour "
    "and unit",
)
sa.Index("building_hours_hour_idx", building_hours.c.hour, postgresql_using="brin")

orders_daily = sa.Table(
    "orders_daily",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    date("day", primary_key=True, comment=f"{_DAY}: when it was ordered"),
    text("currency", primary_key=True, comment="ISO 4217, of the orders; never added across"),
    integer(
        "orders",
        comment="Orders that count: neither cancelled nor returns; those without items, or of "
        "nothing (total 0), count, too",
    ),
    _money(
        "gross",
        nullable=True,
        comment=f"net + discounts + refunds: what was ordered, {_IN_CURRENCY}; NULL: no order "
        "tells its total",
    ),
    _money(
        "discounts",
        comment="Sum of discount_amount of orders that count, as far as it is told beside the "
        f"items' prices, {_IN_CURRENCY}",
    ),
    _money(
        "refunds",
        comment=f"Sum of refunded_amount, and of returns, positive, {_IN_CURRENCY}; on the day of "
        "the order, whenever the money went back",
    ),
    _money(
        "net",
        nullable=True,
        comment="Sum of total_amount, which is after discounts and refunds, without cancelled "
        f"orders, {_IN_CURRENCY}; NULL: no order tells its total",
    ),
    _money(
        "average",
        nullable=True,
        comment=f"(gross - discounts) / orders whose total is told, {_IN_CURRENCY}; NULL: none is",
    ),
    integer(
        "new_customers",
        comment="Customers of these orders with none before the day, in any currency; who orders "
        "in two currencies that day is in both rows",
    ),
    integer(
        "returning_customers",
        comment="Customers of these orders with another before the day, in any currency",
    ),
    integer(
        "returns",
        comment="Orders whose total, refunds not taken off, is below 0: money that goes back",
    ),
    integer(
        "cancelled",
        comment="Orders whose status says that they were cancelled or voided; in no other column",
    ),
    _money(
        "cancelled_amount",
        comment=f"Sum of total_amount of cancelled orders, in no other column, {_IN_CURRENCY}",
    ),
    integer(
        "untold",
        default=sa.text("0"),
        comment="Those of orders whose total their source does not tell: they are in no amount",
    ),
    comment="Orders by the tenant's day: a row a tenant, day and currency",
)

customer_days = sa.Table(
    "customer_days",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    sa.Column(
        "customer_id",
        sa.Uuid,
        primary_key=True,
        comment="The customer (customers.customer_id)",
    ),
    date("day", primary_key=True, comment=f"{_DAY}: when they ordered"),
    text("currency", primary_key=True, comment="ISO 4217, of the orders"),
    integer("orders", comment="Orders that count: neither cancelled nor returns"),
    comment="Days on which a customer ordered: a row a tenant, customer, day and currency",
)
sa.Index("customer_days_day_idx", customer_days.c.tenant_id, customer_days.c.day)

book_income_daily = sa.Table(
    "book_income_daily",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("platform", primary_key=True, comment=PLATFORM),
    date(
        "month",
        primary_key=True,
        comment="First of the sales month by the seller's reports: what is settled, is by month",
    ),
    date(
        "day",
        primary_key=True,
        comment=f"{_DAY}; where a report says a day and no time, that; the first of the month "
        "where only that is known",
    ),
    text(
        "title",
        primary_key=True,
        comment="Title of the book; empty: not told, or what a payment is beyond what reports say",
    ),
    text("marketplace", primary_key=True, comment="Shop or country; empty: not told"),
    text("currency", primary_key=True, comment="ISO 4217, of income; empty: not told"),
    text(
        "basis",
        primary_key=True,
        comment="settled: what the seller says is final, or has paid for; estimated: a later "
        "report or payment of the month will take its place, or something is known to be missing. "
        "Never both of one sale",
    ),
    bigint("units", comment="Units sold less those refunded; without free copies"),
    bigint("units_refunded", comment="Units that came back"),
    bigint("units_free", comment="Units given away"),
    bigint("pages_read", comment="Pages that were read"),
    _money(
        "income",
        comment="What the author earns, in currency, before tax is withheld; an amount that is not "
        "known counts as 0",
    ),
    integer(
        "events", comment="Events that are summed up; 0: a payment's income that no event tells"
    ),
    integer("unknown_amounts", comment="Those of them without an amount, pages aside"),
    comment="Income of books by day, title, platform, marketplace and currency; payments are not "
    "added to it, they say what it came to",
)
sa.Index("book_income_daily_day_idx", book_income_daily.c.tenant_id, book_income_daily.c.day)

macro_latest = sa.Table(
    "macro_latest",
    metadata,
    text("series_id", primary_key=True, comment="Id of the series (macro_series.series_id)"),
    date("observed_on", primary_key=True, comment="Date of the observation"),
    boolean("newest", comment="Whether it is the series' newest: one row a series"),
    _number("value", comment="What is known now, in the series' own unit"),
    date("known_since", comment="First day on which that was known"),
    date(
        "previous_on",
        nullable=True,
        comment="Date of the observation before, that has a value; NULL: there is none",
    ),
    _number("previous", comment="Value of the observation before; NULL: there is none"),
    _number("change", comment="value - previous; NULL: there is none before"),
    date(
        "year_before_on",
        nullable=True,
        comment="Date of the newest observation at most a year and a week, at least a year before; "
        "NULL: there is none",
    ),
    _number("year_before", comment="Value of that observation; NULL: there is none"),
    _number("first_print", comment="The first value that was published of the date"),
    date("first_print_on", comment="First day on which that was known"),
    _number("revision", comment="value - first_print"),
    comment="What is known now of macro series: a row a series and date that has a value",
)
