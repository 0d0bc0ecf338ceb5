"""What is in the lake: every table that an asset publishes, and how each is cut into partitions.

A partition of a lake table is (key, time): the unit that is marked in `changed_parts`, read whole
and replaced whole. The triggers of migration 0041 mark by the same rule; a test compares both.
"""

from dataclasses import dataclass
from enum import Enum


class Whose(Enum):
    """Whose rows a table has, and so in which namespaces of the lake it is."""

    TENANTS = "tenants"  # by tenant_id; NULL: the operator's
    SITES = "sites"  # of whoever has the site in `tenant_sites`; the operator's, where nobody does
    EVERYBODY = "everybody"


class Grain(Enum):
    """How long a partition is, in UTC; named as PostgreSQL's date_trunc names it."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake.

    Attributes:
        name: in the database and in the lake.
        asset: the key of the asset whose rows these are.
        whose: rows they are.
        key: the column by which it is partitioned, besides time; None: by time alone.
        by_first: a UUID column, partitioned by its first hexadecimal digit, 16 partitions.
        time: the column of time; None: it has none.
        grain: how long a partition is.
        archived: months that are dropped from the database stay in the lake.
    """

    name: str
    asset: tuple[str, str]
    whose: Whose = Whose.TENANTS
    key: str | None = None
    by_first: bool = False
    time: str | None = None
    grain: Grain = Grain.YEAR
    archived: bool = False


def _site(name: str, asset: str, *, of: str = "buildings", **more: object) -> LakeTable:
    return LakeTable(name, (of, asset), Whose.SITES, key="site_name", **more)  # type: ignore[arg-type]


def _everybody(name: str, *, of: str = "markets", key: str) -> LakeTable:
    return LakeTable(name, (of, name), Whose.EVERYBODY, key=key)


def _tenants(name: str, of: str, asset: str | None = None, **more: object) -> LakeTable:
    return LakeTable(name, (of, asset or name), **more)  # type: ignore[arg-type]


TABLES = (
    _tenants("customers", "commerce", key="customer_id", by_first=True),
    _tenants("products", "commerce", key="product_id", by_first=True),
    _tenants("orders", "commerce", time="order_date", grain=Grain.MONTH),
    _tenants("order_items", "commerce", key="order_item_id", by_first=True),
    _site("timeseries_raw", "timeseries_raw", time="timestamp", grain=Grain.DAY, archived=True),
    _site("weather_raw", "weather_raw", time="timestamp", grain=Grain.MONTH),
    _site("timeseries_hourly", "timeseries_hourly", time="hour", grain=Grain.MONTH),
    _site("timeseries_daily", "timeseries_daily", time="day"),
    _site("timeseries_gaps", "coverage", time="day"),
    _site("building_alerts", "alerts"),
    _tenants("kpi_points", "kpis", "points", time="observed_at", grain=Grain.DAY),
    _tenants("kpi_daily_summary", "kpis", "daily_summary", time="day"),
    _tenants("kpi_analyses", "findings", "analyses"),
    _tenants("market_fundamentals", "markets", "fundamentals"),
    _tenants("market_comps", "markets", "comps"),
    _everybody("macro_observations", key="series_id"),
    _tenants("sales_events", "book_sales", time="occurred_at", grain=Grain.MONTH),
    _tenants("daily_sales", "book_sales", time="day"),
    _tenants("kpi_hourly", "marts", time="hour", grain=Grain.MONTH),
    _tenants("kpi_daily", "marts", time="day"),
    _site("building_hours", "building_hours", of="marts", time="hour", grain=Grain.MONTH),
    _tenants("orders_daily", "marts", time="day"),
    _tenants("customer_days", "marts", time="day"),
    _tenants("book_income_daily", "marts", time="month"),
    _everybody("macro_latest", of="marts", key="series_id"),
    _tenants("findings", "findings"),
)
BY_NAME = {table.name: table for table in TABLES}
