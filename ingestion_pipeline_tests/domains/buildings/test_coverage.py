"""What is missing is listed exactly: hours that nobody fetched, points without a sample."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.merge.months import Month, months_there
from ingestion_pipeline.domains.buildings.publish.aggregates import publish_day, publish_hours
from ingestion_pipeline.domains.buildings.publish.alerts import publish_alerts
from ingestion_pipeline.domains.buildings.publish.archive import publish_archive
from ingestion_pipeline.domains.buildings.publish.coverage import all_gaps, publish_gaps
from ingestion_pipeline.domains.buildings.publish.plot import plot_day
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline_tests.domains.buildings.builders import (
    DAY,
    SITE,
    Record,
    chained,
    rows,
    scripted,
)

WHOLE = Options(window=timedelta(days=1))


def every_hour(*points: str, but: frozenset[tuple[str, int]] = frozenset()) -> list[Record]:
    hours = range(24)
    return [(p, 3600 * h + 59, h) for p in points for h in hours if (p, h) not in but]


def collect(
    engine: sa.Engine, records: list[Record], *, points: tuple[str, ...] = ("a", "b"), **more: Any
) -> None:
    source = scripted(chained([records]), points=points)
    merge_day(engine, source, SITE, DAY, options=WHOLE, **more)


def gaps(engine: sa.Engine) -> list[tuple[str, ...]]:
    with engine.connect() as connection:
        return [tuple(gap.as_dict().values())[1:] for gap in all_gaps(connection)]


def test_a_whole_day_has_no_gap(engine: sa.Engine) -> None:
    collect(engine, every_hour("a", "b"))
    assert publish_gaps(engine, SITE, DAY) == []
    assert gaps(engine) == []


def test_exactly_the_hours_and_points_that_are_missing_are_listed(engine: sa.Engine) -> None:
    missing = {("a", 3), ("a", 4), ("b", 4), ("b", 5), ("b", 23), ("a", 9)}
    collect(engine, every_hour("a", "b", but=frozenset(missing)))
    publish_gaps(engine, SITE, DAY)
    assert gaps(engine) == [
        ("a", "2024-02-29", "03:00-04:00", "no sample"),
        ("*", "2024-02-29", "04:00-05:00", "no sample"),
        ("b", "2024-02-29", "05:00-06:00", "no sample"),
        ("a", "2024-02-29", "09:00-10:00", "no sample"),
        ("b", "2024-02-29", "23:00-24:00", "no sample"),
    ]


def test_a_point_that_is_missing_all_day_is_one_gap(engine: sa.Engine) -> None:
    collect(engine, every_hour("a"))
    publish_gaps(engine, SITE, DAY)
    assert gaps(engine) == [("b", "2024-02-29", "00:00-24:00", "no sample")]


def test_hours_that_were_not_collected_are_told_from_hours_without_samples(
    engine: sa.Engine,
) -> None:
    stopping = _stopping(scripted(chained([every_hour("a", "b")])), after=5)
    with pytest.raises(ContractError):
        merge_day(engine, stopping, SITE, DAY, options=Options(weather=False))
    for _ in range(2):
        assert gaps(engine) == [("*", "2024-02-29", "05:00-24:00", "not collected")]
        publish_gaps(engine, SITE, DAY)
    collect(engine, every_hour("a", "b"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM collected_windows")
        connection.exec_driver_sql(
            "INSERT INTO collected_windows (site_name, window_start, window_end, counts,"
            " missing_points) VALUES ('demo-site-1', '2024-02-29 00:00Z', '2024-02-29 05:30Z',"
            " '{}', '{}'), ('demo-site-1', '2024-02-29 05:30Z', '2024-02-29 21:15Z', '{}', '{}')"
        )
    publish_gaps(engine, SITE, DAY)
    assert gaps(engine) == [("*", "2024-02-29", "21:00-24:00", "not collected")]


def _stopping(source: Any, *, after: int) -> Any:
    class Stopping:
        left = after

        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def page(self, *arguments: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise ContractError("enough")
            return source.page(*arguments)

    return Stopping()


def test_a_day_between_others_that_nobody_collected_is_missing(engine: sa.Engine) -> None:
    for day in (DAY, DAY + timedelta(days=3)):
        merge_day(engine, scripted(chained([[]])), SITE, day, options=WHOLE)
        publish_gaps(engine, SITE, day)
    found = [gap for gap in gaps(engine) if gap[-1] == "not collected"]
    assert found == [
        ("*", "2024-03-01", "00:00-24:00", "not collected"),
        ("*", "2024-03-02", "00:00-24:00", "not collected"),
    ]


def test_a_day_collected_again_is_compared_again(engine: sa.Engine) -> None:
    collect(engine, every_hour("a"))
    publish_gaps(engine, SITE, DAY)
    collect(engine, every_hour("a", "b", but=frozenset({("b", 0)})))
    assert gaps(engine) == [("b", "2024-02-29", "00:00-01:00", "no sample")]


def test_hours_and_days_add_up(engine: sa.Engine) -> None:
    records: list[Record] = [("a", 0, 1.0), ("a", 900, 3.0), ("a", 1000, "on"), ("a", 7200, 1e308)]
    records += [("a", 7201, 1e308), ("b", 86399.999999, 5.0)]
    collect(engine, records)
    for _ in range(2):
        assert publish_hours(engine, SITE, DAY) == 3
        assert publish_day(engine, SITE, DAY) == 2
    columns = "point_name, samples, minimum, maximum, mean, last, coverage"
    with engine.connect() as connection:
        hourly = connection.exec_driver_sql(
            f"SELECT {columns} FROM timeseries_hourly ORDER BY 1, hour"
        ).all()
        daily = connection.exec_driver_sql(f"SELECT {columns} FROM timeseries_daily ORDER BY 1")
        assert [tuple(row) for row in daily] == [
            ("a", 5, 1.0, 1e308, 2.0, 1e308, 2 / 24), ("b", 1, 5.0, 5.0, 5.0, 5.0, 1 / 24),
        ]  # fmt: skip
    assert [tuple(row) for row in hourly] == [
        ("a", 3, 1.0, 3.0, 2.0, 3.0, 0.5), ("a", 2, 1e308, 1e308, None, 1e308, 0.25),
        ("b", 1, 5.0, 5.0, 5.0, 5.0, 0.25),
    ]  # fmt: skip


def test_stretches_beyond_a_limit_are_alerts(engine: sa.Engine) -> None:
    values = [20, 31, 35, 32, 20, 40, 5, "NaN"]
    collect(engine, [("room/a_1", second, value) for second, value in enumerate(values)]
            + [("room/b", 0, 99)], points=("room/a_1", "room/b"))  # fmt: skip
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO building_alert_rules (site_name, point_name, minimum, maximum) VALUES"
            " ('*', '*/a_1', 10, 30), ('elsewhere', '*', 0, 0), ('demo-site-1', '*/a%%1', 0, 0)"
        )
    for _ in range(2):
        assert publish_alerts(engine, SITE, DAY) == 2
    with engine.connect() as connection:
        query = "SELECT point_name, samples, extreme FROM building_alerts ORDER BY started_at"
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    assert found == [("room/a_1", 3, 35.0), ("room/a_1", 2, 40.0)]


def test_old_months_become_parquet_and_nothing_is_lost(engine: sa.Engine, tmp_path: Any) -> None:
    from pyarrow import parquet

    collect(engine, every_hour("a", "b"))
    merge_day(
        engine, scripted(chained([[("a", "2024-05-01T00:00:00Z", 1.0)]])), SITE, date(2024, 5, 1),
        options=WHOLE,
    )  # fmt: skip
    before = rows(engine)
    archive: dict[str, Any] = {"keep": 3, "archive_url": tmp_path.as_uri()}
    assert publish_archive(engine, today=date(2024, 5, 31), **archive) == []
    [archived] = publish_archive(engine, today=date(2024, 6, 1), **archive)
    assert (archived.month, archived.rows) == (date(2024, 2, 1), 48)
    table = parquet.read_table(archived.location.removeprefix("file://"))
    kept = [
        (row["point_name"], row["timestamp"], row["value"], row["value_text"])
        for row in table.to_pylist()
    ]
    assert sorted([*kept, *rows(engine)]) == sorted(before)
    with engine.connect() as connection:
        assert months_there(connection) == [Month(date(2024, 5, 1))]
    assert publish_archive(engine, today=date(2024, 6, 1), **archive) == []
    collect(engine, every_hour("a", "b"))  # a month that is collected again comes back
    assert len(publish_archive(engine, today=date(2024, 6, 1), **archive)) == 1


def test_a_month_was_dropped_before_the_lake_had_it(engine: sa.Engine, tmp_path: Path) -> None:
    collect(engine, every_hour("a"))
    archive: dict[str, Any] = {"keep": 3, "archive_url": tmp_path.as_uri(), "followed": True}
    assert publish_archive(engine, today=date(2024, 6, 1), **archive) == []
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM changed_parts WHERE reader = 'lake'")
    assert len(publish_archive(engine, today=date(2024, 6, 1), **archive)) == 1


def test_months_follow_each_other_over_years() -> None:
    assert Month.of(date(2025, 1, 31)).back(1) == Month(date(2024, 12, 1))
    assert Month.of(date(2024, 12, 31)).back(-1) == Month(date(2025, 1, 1))
    assert Month.of(date(2024, 2, 29)).back(12) == Month(date(2023, 2, 1))


@pytest.mark.parametrize("value", [1.0, 1e300, -1.0])
def test_the_plot_is_short_enough_to_be_shown(engine: sa.Engine, value: float) -> None:
    points = ("a", "b", "c", "d")
    records = [(p, 3600 * h, value * (h % 7)) for p in points for h in range(24)]
    collect(engine, records, points=points)
    with engine.connect() as connection:
        plot = plot_day(connection, SITE, DAY)
        assert plot_day(connection, SITE, DAY + timedelta(days=1)) is None
    assert plot is not None
    assert len(plot) < 1000
