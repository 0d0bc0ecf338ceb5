"""The tables of buildings."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
    TIMESTAMP,
    bigint,
    boolean,
    count,
    date,
    double,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import (
    COLLECTED_AT,
    CREATED_AT,
    POINT,
    RUN,
    SITE,
    UNIT,
)

# By bytes: an index in the order of a language costs 40 % more.
_name = sa.Text(collation="C")


def _key(name: str, type_: Any = _name, *, comment: str) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False, comment=comment)


def _unit() -> sa.Column[Any]:
    return sa.Column("unit", _name, primary_key=True, server_default="", comment=UNIT)


def _aggregates(*, of: str) -> list[sa.Column[Any]]:
    unknown = "in the unit; NULL: no number of good quality"
    return [
        integer("samples", comment="How many samples there are"),
        count("left_out", sa.Integer,
              comment="How many numbers were left out, because their quality is not good"),
        double("minimum", nullable=True, comment=f"Smallest value, {unknown}"),
        double("maximum", nullable=True, comment=f"Largest value, {unknown}"),
        double("mean", nullable=True, comment=f"Mean of the values, {unknown}"),
        double("last", nullable=True, comment=f"Last value, {unknown}"),
        double("coverage", comment=f"Share of the {of} in which there is a sample, 0 to 1"),
    ]  # fmt: skip


# Partitioned by month (merge/months.py).
timeseries_raw = sa.Table(
    "timeseries_raw",
    metadata,
    _key("site_name", comment=SITE),
    _key("point_name", comment=POINT),
    _key("timestamp", TIMESTAMP, comment="Instant of the sample, UTC, to the microsecond"),
    double(
        "value",
        nullable=True,
        comment="The sample in the point's own unit; NULL: not a finite number, see value_text",
    ),
    text(
        "value_text",
        nullable=True,
        comment="What came where it was not a finite number; NULL: it was one",
    ),
    text("quality", comment="good, bad, text, unknown, or what the sender says"),
    json(
        "metadata", nullable=True, comment="What else the source told of the sample; NULL: nothing"
    ),
    now("collected_at", comment=COLLECTED_AT),
    postgresql_partition_by="RANGE (timestamp)",
    comment="Samples of buildings: a row a site, point and instant; a partition a month",
)
sa.Index("timeseries_raw_timestamp_idx", timeseries_raw.c.timestamp, postgresql_using="brin")

weather_raw = sa.Table(
    "weather_raw",
    metadata,
    _key("site_name", comment=SITE),
    _key("measure", comment="What was measured, as the source calls it, for instance temperature"),
    _key("timestamp", TIMESTAMP, comment="The measure's own instant, UTC"),
    double(
        "value",
        nullable=True,
        comment="The value in the source's unit; NULL: not a finite number, see value_text",
    ),
    text(
        "value_text",
        nullable=True,
        comment="What came where it was not a finite number; NULL: it was one",
    ),
    text("quality", comment="good, bad, text, unknown, or what the sender says"),
    now("collected_at", comment=COLLECTED_AT),
    comment="Weather at the sites: a row a site, measure and instant",
)
sa.Index("weather_raw_timestamp_idx", weather_raw.c.timestamp, postgresql_using="brin")

rejected_records = sa.Table(
    "rejected_records",
    metadata,
    identity("rejected_id", comment="Number of the row"),
    sa.Column("site_name", _name, nullable=False, comment=SITE),
    timestamp("window_start", comment="Start of the window that was asked for, UTC"),
    integer("page", comment="Number of the page that it was on"),
    text("record", comment="The record as it came"),
    text("reason", comment="Why it could not be used"),
    now("collected_at", comment=COLLECTED_AT),
    comment="Records of the building API that could not be used, each with the reason",
)
sa.Index(
    "rejected_records_site_name_idx", rejected_records.c.site_name, rejected_records.c.window_start
)

collected_windows = sa.Table(
    "collected_windows",
    metadata,
    _key("site_name", comment=SITE),
    _key("window_start", TIMESTAMP, comment="Start of the window, UTC, inclusive"),
    _key("window_end", TIMESTAMP, comment="End of the window, UTC, exclusive"),
    text("dialect", nullable=True, comment="Which shape of the API answered; NULL: none is known"),
    json(
        "counts",
        comment="What was fetched, kept, skipped, rejected, inserted and so on, in records",
    ),
    sa.Column(
        "missing_points",
        ARRAY(sa.Text),
        nullable=False,
        comment="Configured points without a sample in the window",
    ),
    now("collected_at", comment=COLLECTED_AT),
    comment="Windows of time that were collected in full: a row a site and window",
)

collected_days = sa.Table(
    "collected_days",
    metadata,
    _key("site_name", comment=SITE),
    _key("day", sa.Date, comment="The UTC day"),
    sa.Column(
        "configured_points",
        ARRAY(sa.Text),
        nullable=False,
        comment="The points that were wanted when the day was collected",
    ),
    sa.Column(
        "missing_points",
        ARRAY(sa.Text),
        nullable=False,
        comment="Those of them without a sample in the day",
    ),
    bigint("fetched", comment="Samples that the source sent"),
    bigint("kept", comment="Samples that are of configured points"),
    sa.Column(
        "missing",
        ARRAY(sa.Text),
        nullable=False,
        server_default=sa.text("'{}'"),
        comment="Halves that were never collected: samples, weather",
    ),
    json("result", comment="All that is known of the collection, as the asset's metadata show it"),
    text("run_id", nullable=True, comment=RUN),
    now("collected_at", comment=COLLECTED_AT),
    timestamp(
        "covered_at",
        nullable=True,
        comment="When gaps were last looked for, UTC; NULL: not since it was collected",
    ),
    timestamp(
        "watched_at", nullable=True, comment="When alert rules were last applied, UTC; NULL: never"
    ),
    comment="Days that were collected, and what came of them: a row a site and UTC day",
)
sa.Index("collected_days_collected_idx", collected_days.c.site_name, collected_days.c.collected_at)

mapped_days = sa.Table(
    "mapped_days",
    metadata,
    _key("site_name", comment=SITE),
    _key("day", sa.Date, comment="The UTC day"),
    now("changed_at", comment="When a file last changed samples of the day, UTC"),
    timestamp(
        "summed_at",
        nullable=True,
        comment="When hours, days and alerts were made of them since, UTC; NULL: not yet",
    ),
    comment="Days whose samples came in files: a row a site and UTC day",
)
sa.Index(
    "mapped_days_due_idx", mapped_days.c.changed_at,
    postgresql_where=mapped_days.c.summed_at.is_(None),
)  # fmt: skip

timeseries_hourly = sa.Table(
    "timeseries_hourly",
    metadata,
    _key("site_name", comment=SITE),
    _key("point_name", comment=POINT),
    _key("hour", TIMESTAMP, comment="Start of the hour, UTC"),
    _unit(),
    *_aggregates(of="quarters of the hour"),
    comment="Samples by UTC hour: a row a site, point, hour and unit",
)
sa.Index("timeseries_hourly_hour_idx", timeseries_hourly.c.hour, postgresql_using="brin")

timeseries_daily = sa.Table(
    "timeseries_daily",
    metadata,
    _key("site_name", comment=SITE),
    _key("point_name", comment=POINT),
    _key("day", sa.Date, comment="The UTC day"),
    _unit(),
    *_aggregates(of="hours of the day"),
    comment="Samples by UTC day: a row a site, point, day and unit",
)
sa.Index("timeseries_daily_day_idx", timeseries_daily.c.day)

timeseries_gaps = sa.Table(
    "timeseries_gaps",
    metadata,
    _key("site_name", comment=SITE),
    _key("day", sa.Date, comment="The UTC day"),
    _key("point_name", comment="The point without samples; *: every point"),
    _key("gap_start", TIMESTAMP, comment="First hour that is missing, UTC"),
    timestamp("gap_end", comment="First hour that is not missing, UTC"),
    text("reason", comment="not collected, or no sample"),
    comment="Hours without samples: a row a site, day, point and start",
)
sa.Index("timeseries_gaps_day_idx", timeseries_gaps.c.day)

alert_rules = sa.Table(
    "building_alert_rules",
    metadata,
    identity("rule_id", comment="Number of the rule"),
    sa.Column(
        "site_name", _name, nullable=False, comment="Sites that it is for; * stands for any text"
    ),
    sa.Column(
        "point_name", _name, nullable=False, comment="Points that it is for; * stands for any text"
    ),
    double(
        "minimum",
        nullable=True,
        comment="Below it is an alert, in the point's unit; NULL: no lower limit",
    ),
    double(
        "maximum",
        nullable=True,
        comment="Above it is an alert, in the point's unit; NULL: no upper limit",
    ),
    text("severity", default="warning", comment="How bad it is, for instance warning"),
    boolean("active", default=sa.true(), comment="Whether it is applied"),
    now("created_at", comment=CREATED_AT),
    comment="Limits of points, beyond which there is an alert",
)

alerts = sa.Table(
    "building_alerts",
    metadata,
    _key("site_name", comment=SITE),
    _key("point_name", comment=POINT),
    _key("rule_id", sa.BigInteger, comment="The rule (building_alert_rules.rule_id)"),
    _key("started_at", TIMESTAMP, comment="First sample beyond the limit, UTC"),
    timestamp("ended_at", comment="Last sample beyond the limit, UTC"),
    integer("samples", comment="How many samples were beyond it"),
    double("extreme", comment="The value farthest beyond the limit, in the point's unit"),
    text("severity", comment="Of the rule when it was found"),
    now("detected_at", comment="When it was found, UTC"),
    bigint(
        "incident",
        nullable=True,
        comment="The alert that told it (alerts.alert_id); 0: older than telling; NULL: "
        "not told yet",
    ),
    boolean(
        "open_ended",
        default=sa.false(),
        comment="Whether it goes on after the last sample of the day that there is",
    ),
    comment="Stretches of samples beyond a limit: a row a site, point, rule and start",
)
sa.Index("building_alerts_started_at_idx", alerts.c.started_at)
sa.Index("building_alerts_incident_idx", alerts.c.incident)

archived_months = sa.Table(
    "archived_months",
    metadata,
    identity("archive_id", comment="Number of the row"),
    date("month", comment="First day of the month, UTC"),
    text("location", comment="Where the file is"),
    bigint("rows", comment="Samples in the file"),
    bigint("bytes", comment="Size of the file, bytes"),
    now("archived_at", comment="When it was archived, UTC"),
    comment="Months of samples that were moved out of the database into Parquet files",
)

# Whose readers see the rows of a site.
tenant_sites = sa.Table(
    "tenant_sites",
    metadata,
    sa.Column(
        "tenant_id",
        sa.Integer,
        sa.ForeignKey(tenants.c.tenant_id),
        primary_key=True,
        comment="The tenant (tenants.tenant_id)",
    ),
    _key("site_name", comment=SITE),
    now("created_at", comment=CREATED_AT),
    comment="Which tenants' readers see the rows of a site",
)
