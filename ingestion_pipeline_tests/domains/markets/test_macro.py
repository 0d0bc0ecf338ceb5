"""Vintages: what is known, and what was known on any day."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY, Vintage
from ingestion_pipeline.domains.markets.merge.refresh import merge_series, write_series
from ingestion_pipeline.domains.markets.publish.macro import macro_as_of, macro_document
from ingestion_pipeline.foundation.sandbox.fred import data as fred_data
from ingestion_pipeline_tests.domains.markets.test_fred import RECORDED, needs_recordings

Q1, Q2 = date(2024, 1, 1), date(2024, 4, 1)


def vintages_of(rows: list[fred_data.Row]) -> list[Vintage]:
    return [
        Vintage(
            row.day,
            row.realtime_start,
            row.realtime_end,
            None if row.value == "." else Decimal(row.value),
        )
        for row in rows
    ]


def write(engine: sa.Engine, vintages: list[Vintage], series_id: str = "GDP") -> int:
    with engine.begin() as connection:
        return write_series(connection, series_id, vintages)


def known(engine: sa.Engine, day: date) -> dict[date, Decimal | None]:
    with engine.connect() as connection:
        return {each.date: each.value for each in macro_as_of(connection, "GDP", day)}


def served(engine: sa.Engine, *, fresh_for: timedelta = timedelta(hours=1)) -> dict[str, object]:
    with engine.connect() as connection:
        since = datetime.now(UTC) - fresh_for
        document = macro_document(connection, ["GDP"], fresh_since=since)
    assert document is not None
    found: dict[str, object] = document["series"]["GDP"]
    return found


@needs_recordings
def test_recorded_vintages_give_back_what_was_known_on_any_day(engine: sa.Engine) -> None:
    rows = json.loads((RECORDED / "gdp_all_vintages.json").read_text())["observations"]
    recorded = [
        fred_data.Row(
            date.fromisoformat(row["date"]),
            date.fromisoformat(row["realtime_start"]),
            date.fromisoformat(row["realtime_end"]),
            row["value"],
        )
        for row in rows
    ]
    assert write(engine, vintages_of(recorded)) == len(recorded) == 3199
    days = sorted({row.realtime_start for row in recorded})
    for day in [*days[::40], days[-1], days[-1] + timedelta(days=400)]:
        for moment in (day, day - timedelta(days=1)):
            expected = {
                row.day: None if row.value == "." else Decimal(row.value)
                for row in recorded
                if row.realtime_start <= moment <= row.realtime_end
            }
            assert known(engine, moment) == expected
    latest = json.loads((RECORDED / "gdp_observations.json").read_text())["observations"]
    assert known(engine, date(2024, 10, 30)) == {
        date.fromisoformat(row["date"]): None if row["value"] == "." else Decimal(row["value"])
        for row in latest
    }


def test_the_same_again_changes_nothing(engine: sa.Engine) -> None:
    vintages = vintages_of(fred_data.rows_of("GDP", date(2024, 11, 1)))
    assert write(engine, vintages) == len(vintages)
    assert write(engine, vintages) == 0


def test_golden_value(engine: sa.Engine) -> None:
    write(engine, vintages_of(fred_data.rows_of("GDP", date(2024, 11, 1))))
    found = served(engine)
    assert (found["value"], found["date"], found["released"], found["stale"]) == (
        29349.924, "2024-07-01", "2024-10-30", False,
    )  # fmt: skip
    with engine.connect() as connection:
        value = connection.scalar(
            sa.text(
                "SELECT value::text FROM macro_observations WHERE series_id = 'GDP' "
                "AND date = '2024-07-01' AND realtime_start = '2024-10-30'"
            )
        )
    assert value == "29349.924"


def test_a_revision_ends_the_vintage_before_it(engine: sa.Engine) -> None:
    released, revised = date(2024, 4, 25), date(2024, 5, 30)
    write(engine, [Vintage(Q1, released, LAST_DAY, Decimal(100))])
    assert write(
        engine,
        [
            Vintage(Q1, released, revised - timedelta(days=1), Decimal(100)),
            Vintage(Q1, revised, LAST_DAY, Decimal(101)),
        ],
    ) == 2  # fmt: skip
    assert known(engine, released) == {Q1: Decimal(100)}
    assert known(engine, revised) == {Q1: Decimal(101)}
    assert known(engine, released - timedelta(days=1)) == {}


def test_a_newest_value_that_is_taken_back_is_served_as_the_last_good_one(
    engine: sa.Engine,
) -> None:
    released, taken = date(2024, 7, 25), date(2024, 8, 1)
    write(
        engine,
        [
            Vintage(Q1, date(2024, 4, 25), LAST_DAY, Decimal(100)),
            Vintage(Q2, released, taken - timedelta(days=1), Decimal(105)),
            Vintage(Q2, taken, LAST_DAY, None),
        ],
    )
    found = served(engine)
    assert (found["value"], found["date"], found["stale"]) == (105, "2024-04-01", True)
    assert known(engine, taken)[Q2] is None


def test_a_date_that_never_had_a_value_is_passed_over(engine: sa.Engine) -> None:
    write(
        engine,
        [
            Vintage(Q1, date(2024, 4, 25), LAST_DAY, Decimal(100)),
            Vintage(Q2, date(2024, 7, 25), LAST_DAY, None),
        ],
    )
    found = served(engine)
    assert (found["value"], found["date"], found["stale"]) == (100, "2024-01-01", False)


def test_what_was_not_fetched_lately_is_stale(engine: sa.Engine) -> None:
    write(engine, [Vintage(Q1, date(2024, 4, 25), LAST_DAY, Decimal(100))])
    assert served(engine, fresh_for=timedelta(seconds=-1))["stale"] is True


def test_a_vintage_that_an_answer_no_longer_tells_was_deleted(engine: sa.Engine) -> None:
    write(engine, [Vintage(Q1, date(2024, 4, 25), LAST_DAY, Decimal(100))])
    write(engine, [Vintage(Q1, date(2024, 4, 26), LAST_DAY, Decimal(101))])
    assert known(engine, date(2024, 4, 25)) == {Q1: Decimal(100)}
    assert known(engine, date(2024, 4, 26)) == {Q1: Decimal(101)}


def test_a_shorter_answer_deleted_what_it_left_out(engine: sa.Engine) -> None:
    """FRED cut series to their last three years."""
    whole = [
        Vintage(date(year, 1, 1), date(year, 2, 1), LAST_DAY, Decimal(year))
        for year in (2019, 2020, 2024, 2025, 2026)
    ]
    write(engine, whole)
    assert write(engine, whole[2:]) == 0
    assert known(engine, date(2020, 6, 1)) == {
        date(2019, 1, 1): Decimal(2019), date(2020, 1, 1): Decimal(2020),
    }  # fmt: skip
    assert len(known(engine, date(2026, 6, 1))) == 5


class Telling:
    """A source that tells what it is given."""

    def __init__(self, vintages: list[Vintage]) -> None:
        self._vintages = vintages

    def vintages(self, series_id: str) -> list[Vintage]:
        assert series_id
        return self._vintages


def test_an_empty_answer_deleted_the_series_and_passed_for_a_success(engine: sa.Engine) -> None:
    released = date(2024, 4, 25)
    merge_series(engine, Telling([Vintage(Q1, released, LAST_DAY, Decimal(100))]), ["GDP"])
    refreshed = merge_series(engine, Telling([]), ["GDP", "NEW"])
    assert list(refreshed.errors) == ["GDP"]  # NEW never had any
    assert "count: 0" in refreshed.errors["GDP"]
    found = served(engine)
    assert (found["value"], found["stale"]) == (100, True)
    assert found["error"] == refreshed.errors["GDP"]
    assert known(engine, released) == {Q1: Decimal(100)}
    merge_series(engine, Telling([Vintage(Q1, released, LAST_DAY, Decimal(100))]), ["GDP"])
    assert (served(engine)["stale"], served(engine)["error"]) == (False, None)


@pytest.mark.parametrize("change", [fred_data.revised, lambda rows, day: rows])
def test_vintages_of_the_sandbox_never_overlap(
    engine: sa.Engine, change: Callable[[list[fred_data.Row], date], list[fred_data.Row]]
) -> None:
    today = date(2026, 3, 1)
    for series_id in fred_data.SERIES:
        rows = change(fred_data.rows_of(series_id, today), today)
        write(engine, vintages_of(rows), series_id)
    query = sa.text("""
        SELECT count(*) FROM macro_observations AS one JOIN macro_observations AS other
        USING (series_id, date) WHERE one.realtime_start < other.realtime_start
        AND one.realtime_end >= other.realtime_start
    """)
    with engine.connect() as connection:
        assert connection.scalar(query) == 0
