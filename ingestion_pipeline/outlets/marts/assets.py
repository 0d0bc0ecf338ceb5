"""Marts as assets: each works out what has changed, a partition being the UTC day of what it is
made of.

A run that a sensor has started deals with what is due. Any other run (materializing by hand, a
backfill) makes its partitions anew. Both may be repeated at any time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline.domains.buildings.tables import timeseries_hourly
from ingestion_pipeline.domains.commerce.tables import FINAL
from ingestion_pipeline.domains.kpis.tables import points
from ingestion_pipeline.domains.markets.tables import observations
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.resources import CONFIGURATION, Database
from ingestion_pipeline.orchestration.wing import Wing
from ingestion_pipeline.outlets.marts import tables
from ingestion_pipeline.outlets.marts.books import BOOKS
from ingestion_pipeline.outlets.marts.buildings import BUILDINGS
from ingestion_pipeline.outlets.marts.kpis import KPIS
from ingestion_pipeline.outlets.marts.macro import MACRO
from ingestion_pipeline.outlets.marts.orders import ORDERS
from ingestion_pipeline.outlets.marts.refresh import Mart, mark, refresh

WING = Wing("marts")
# The first stands for all days before it, too, and the last for all after it.
FIRST_DAY = min(CONFIGURATION.read().kpi_first_day, datetime.now(UTC).date())
PARTITIONS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), end_offset=2)
DUE_ONLY = {"marts/scope": "due"}
"""The tags of runs that make nothing anew."""

_POINTS = dg.AssetKey(["kpis", "points"])
_HOURS = dg.AssetKey(["buildings", "timeseries_hourly"])
_ORDERS = dg.AssetKey(["commerce", "orders"])
_EVENTS = dg.AssetKey(["book_sales", "sales_events"])
_OBSERVATIONS = dg.AssetKey(["markets", "macro_observations"])
_KINDS = {"postgres", "table"}
_PARTITION = "A partition is a UTC day of rows that have changed; a day without any stays missing."
_DAILY: dict[str, Any] = {
    "partitions_def": PARTITIONS, "backfill_policy": dg.BackfillPolicy.multi_run(30),
}  # fmt: skip


def _of_points(**more: tuple[str, ...]) -> Origin:
    values = dict.fromkeys(("minimum", "maximum", "mean"), ("value",))
    return Origin(
        _POINTS, points,
        made={"points": ("observed_at",), "last": ("value", "observed_at"), **values, **more},
    )  # fmt: skip


@WING.multi_asset(
    name="kpis_by_time",
    specs=[
        WING.spec(
            "kpi_hourly",
            table=tables.kpi_hourly,
            deps=[_POINTS],
            kinds=_KINDS,
            origin=_of_points(hour=("observed_at",), first=("value", "observed_at")),
            description=f"KPIs by UTC hour: least, most, mean, first and last. {_PARTITION}",
        ),
        WING.spec(
            "kpi_daily",
            table=tables.kpi_daily,
            deps=[_POINTS],
            kinds=_KINDS | {"numpy"},
            origin=_of_points(
                day=("observed_at",),
                **dict.fromkeys(
                    ("usual_low", "usual_middle", "usual_high"), ("value", "observed_at")
                ),
            ),
            description=f"KPIs by the tenant's day, with what was usual for it. {_PARTITION}",
        ),
    ],
    **_DAILY,
)
def kpis_by_time(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out the hours and days of KPIs."""
    yield from _made(
        context, database.engine(), KPIS, kpi_hourly=tables.kpi_hourly, kpi_daily=tables.kpi_daily
    )


@WING.asset(
    "building_hours",
    deps=[_HOURS],
    kinds=_KINDS,
    table=tables.building_hours,
    origin=Origin(
        _HOURS,
        timeseries_hourly,
        made={"room": ("point_name",), "measure": ("point_name", "unit")},
        own=(
            "occupied_minutes", "comfort_minutes", "lower_limit", "upper_limit", "minutes_below",
            "minutes_above",
        ),
    ),
    description="Points of buildings by UTC hour, with comfort and minutes beyond limits while "
    f"somebody is there. {_PARTITION}",
    **_DAILY,
)  # fmt: skip
def building_hours(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out the hours of buildings."""
    yield from _made(context, database.engine(), BUILDINGS, building_hours=tables.building_hours)


_MONEY = ("total_amount", "discount_amount", "refunded_amount", "order_status")
_OF_CUSTOMERS = {"day": ("order_date",), "orders": ("order_status", "total_amount")}


@WING.multi_asset(
    name="orders_by_day",
    specs=[
        WING.spec(
            "orders_daily",
            table=tables.orders_daily,
            deps=[_ORDERS],
            kinds=_KINDS,
            origin=Origin(
                _ORDERS,
                FINAL["orders"],
                made={
                    **_OF_CUSTOMERS,
                    **dict.fromkeys(("gross", "average"), _MONEY),
                    "discounts": ("discount_amount", "order_status"),
                    "refunds": ("refunded_amount", "total_amount", "order_status"),
                    "net": ("total_amount", "order_status"),
                    **dict.fromkeys(
                        ("new_customers", "returning_customers"), ("customer_id", "order_date")
                    ),
                    "returns": ("total_amount", "refunded_amount"),
                    "cancelled": ("order_status",),
                    "cancelled_amount": ("total_amount", "order_status"),
                    "untold": ("total_amount", "order_status"),
                },
            ),
            description="Orders by the tenant's day and currency: gross, discounts, refunds, net, "
            f"average, new and returning customers. {_PARTITION}",
        ),
        WING.spec(
            "customer_days",
            table=tables.customer_days,
            deps=[_ORDERS],
            kinds=_KINDS,
            origin=Origin(_ORDERS, FINAL["orders"], made=_OF_CUSTOMERS),
            description="Days on which a customer ordered: who is new, and who comes back. "
            f"{_PARTITION}",
        ),
    ],
    **_DAILY,
)
def orders_by_day(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out the days of orders."""
    yield from _made(
        context,
        database.engine(),
        ORDERS,
        orders_daily=tables.orders_daily,
        customer_days=tables.customer_days,
    )


@WING.asset(
    "book_income_daily",
    deps=[_EVENTS],
    kinds=_KINDS,
    table=tables.book_income_daily,
    origin=Origin(
        _EVENTS,
        sales_events,
        made={
            **dict.fromkeys(("month", "day"), ("occurred_at", "date_precision")),
            "basis": ("report", "provisional", "amount", "raw"),
            **dict.fromkeys(("units", "units_free", "pages_read"), ("quantity", "event_type")),
            "units_refunded": ("refunded_units", "quantity", "event_type"),
            "income": ("amount", "raw"),
            "events": ("external_id",),
            "unknown_amounts": ("amount", "event_type"),
        },
    ),
    description="Income of books by day, title, platform, marketplace and currency, each row "
    "estimated or settled, and no sale both. What was paid for is settled, to the cent.",
)
def book_income_daily(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out the income of books."""
    yield from _made(context, database.engine(), BOOKS, book_income_daily=tables.book_income_daily)


@WING.asset(
    "macro_latest",
    deps=[_OBSERVATIONS],
    kinds=_KINDS,
    table=tables.macro_latest,
    origin=Origin(
        _OBSERVATIONS,
        observations,
        made={
            **dict.fromkeys(("observed_on", "newest", "previous_on", "year_before_on"), ("date",)),
            **dict.fromkeys(("known_since", "first_print_on"), ("realtime_start",)),
            **dict.fromkeys(("previous", "change", "year_before"), ("value", "date")),
            **dict.fromkeys(("first_print", "revision"), ("value", "realtime_start")),
        },
    ),
    description="What is known now of macro series, with change, the year before by date, and "
    "revision since the first print.",
)
def macro_latest(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out what is known now."""
    yield from _made(context, database.engine(), MACRO, macro_latest=tables.macro_latest)


def _made(
    context: dg.AssetExecutionContext, engine: sa.Engine, mart: Mart, **made: sa.Table
) -> Iterator[dg.MaterializeResult[None]]:
    """Refresh a mart, of the run's days; what is materialized, by the assets' names."""
    first, last = _bounds(context) if context.has_partition_key_range else ("-infinity", "infinity")
    if not DUE_ONLY.items() <= context.run.tags.items():
        mark(engine, mart, first=first, last=last)
    done = refresh(engine, mart, first=first, last=last)
    for name, table in made.items():
        with engine.connect() as connection:
            total = row_count(connection, table)
        metadata = {
            "parts": done.parts, "pieces": done.pieces, "rows": done.rows,
            "dagster/row_count": total,
        }  # fmt: skip
        yield dg.MaterializeResult(asset_key=WING.key(name), metadata=metadata)


def _bounds(context: dg.AssetExecutionContext) -> tuple[str, str]:
    """The days of a run, with all before where the first partition is of it, or after the last."""
    first, last = context.partition_keys[0], context.partition_keys[-1]
    return (
        "-infinity" if first == PARTITIONS.get_first_partition_key() else first,
        "infinity" if last >= (PARTITIONS.get_last_partition_key() or "") else last,
    )


ASSETS = [kpis_by_time, building_hours, orders_by_day, book_income_daily, macro_latest]
