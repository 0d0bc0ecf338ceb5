"""The tables of buildings."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)
# By bytes: an index in the order of a language costs 40 % more.
_name = sa.Text(collation="C")


def _key(name: str, type_: Any = _name) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _double(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, _timestamp, nullable=False, server_default=sa.func.now())


def _unit() -> sa.Column[Any]:
    # As the source writes it; empty where it says none.
    return sa.Column("unit", _name, primary_key=True, server_default="")


# Partitioned by month (months.py).
timeseries_raw = sa.Table(
    "timeseries_raw",
    metadata,
    _key("site_name"),
    _key("point_name"),
    _key("timestamp", _timestamp),
    _double("value"),
    sa.Column("value_text", sa.Text),
    sa.Column("quality", sa.Text, nullable=False),
    sa.Column("metadata", JSONB),
    _now("collected_at"),
    postgresql_partition_by="RANGE (timestamp)",
)
sa.Index("timeseries_raw_timestamp_idx", timeseries_raw.c.timestamp, postgresql_using="brin")

weather_raw = sa.Table(
    "weather_raw",
    metadata,
    _key("site_name"),
    _key("measure"),
    _key("timestamp", _timestamp),
    _double("value"),
    sa.Column("value_text", sa.Text),
    sa.Column("quality", sa.Text, nullable=False),
    _now("collected_at"),
)
sa.Index("weather_raw_timestamp_idx", weather_raw.c.timestamp, postgresql_using="brin")

rejected_records = sa.Table(
    "rejected_records",
    metadata,
    sa.Column("rejected_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("site_name", _name, nullable=False),
    sa.Column("window_start", _timestamp, nullable=False),
    sa.Column("page", sa.Integer, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    _now("collected_at"),
)
sa.Index(
    "rejected_records_site_name_idx", rejected_records.c.site_name, rejected_records.c.window_start
)

collected_windows = sa.Table(
    "collected_windows",
    metadata,
    _key("site_name"),
    _key("window_start", _timestamp),
    _key("window_end", _timestamp),
    sa.Column("dialect", sa.Text),
    sa.Column("counts", JSONB, nullable=False),
    sa.Column("missing_points", ARRAY(sa.Text), nullable=False),
    _now("collected_at"),
)

collected_days = sa.Table(
    "collected_days",
    metadata,
    _key("site_name"),
    _key("day", sa.Date),
    sa.Column("configured_points", ARRAY(sa.Text), nullable=False),
    sa.Column("missing_points", ARRAY(sa.Text), nullable=False),
    sa.Column("fetched", sa.BigInteger, nullable=False),
    sa.Column("kept", sa.BigInteger, nullable=False),
    # Halves that were never collected: samples, weather.
    sa.Column("missing", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("result", JSONB, nullable=False),
    sa.Column("run_id", sa.Text),
    _now("collected_at"),
    sa.Column("covered_at", _timestamp),
    sa.Column("watched_at", _timestamp),
)

timeseries_hourly = sa.Table(
    "timeseries_hourly",
    metadata,
    _key("site_name"),
    _key("point_name"),
    _key("hour", _timestamp),
    _unit(),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("left_out", sa.Integer, nullable=False, server_default="0"),
    _double("minimum"),
    _double("maximum"),
    _double("mean"),
    _double("last"),
    sa.Column("coverage", sa.Double, nullable=False),
)
sa.Index("timeseries_hourly_hour_idx", timeseries_hourly.c.hour, postgresql_using="brin")

timeseries_daily = sa.Table(
    "timeseries_daily",
    metadata,
    _key("site_name"),
    _key("point_name"),
    _key("day", sa.Date),
    _unit(),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("left_out", sa.Integer, nullable=False, server_default="0"),
    _double("minimum"),
    _double("maximum"),
    _double("mean"),
    _double("last"),
    sa.Column("coverage", sa.Double, nullable=False),
)
sa.Index("timeseries_daily_day_idx", timeseries_daily.c.day)

timeseries_gaps = sa.Table(
    "timeseries_gaps",
    metadata,
    _key("site_name"),
    _key("day", sa.Date),
    _key("point_name"),
    _key("gap_start", _timestamp),
    sa.Column("gap_end", _timestamp, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
sa.Index("timeseries_gaps_day_idx", timeseries_gaps.c.day)

alert_rules = sa.Table(
    "building_alert_rules",
    metadata,
    sa.Column("rule_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("site_name", _name, nullable=False),
    sa.Column("point_name", _name, nullable=False),
    _double("minimum"),
    _double("maximum"),
    sa.Column("severity", sa.Text, nullable=False, server_default="warning"),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    _now("created_at"),
)

alerts = sa.Table(
    "building_alerts",
    metadata,
    _key("site_name"),
    _key("point_name"),
    _key("rule_id", sa.BigInteger),
    _key("started_at", _timestamp),
    sa.Column("ended_at", _timestamp, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("extreme", sa.Double, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    _now("detected_at"),
    # Of `alerts`; 0: of before these were told. NULL: not told yet.
    sa.Column("incident", sa.BigInteger),
    # Goes on after the last sample of the day that there is.
    sa.Column("open_ended", sa.Boolean, nullable=False, server_default=sa.false()),
)
sa.Index("building_alerts_started_at_idx", alerts.c.started_at)
sa.Index("building_alerts_incident_idx", alerts.c.incident)

archived_months = sa.Table(
    "archived_months",
    metadata,
    sa.Column("archive_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    _now("archived_at"),
)

# Whose readers see the rows of a site.
tenant_sites = sa.Table(
    "tenant_sites",
    metadata,
    sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    _key("site_name"),
    _now("created_at"),
)
