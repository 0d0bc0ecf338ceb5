"""A day's halves, samples and weather: neither takes the other down; what is missing is said."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import offenders
from ingestion_pipeline.domains.buildings.merge.day import (
    Attempt,
    Options,
    attempt_day,
    merge_day,
)
from ingestion_pipeline.domains.buildings.merge.result import DayResult, result_of
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import ContractError, UpstreamUnavailableError
from ingestion_pipeline_tests.domains.buildings.builders import (
    DAY,
    SITE,
    Scripted,
    body,
    chained,
    rows,
)

WHOLE = Options(window=timedelta(days=1), run_id="run-1")
NOON = "2024-02-29T12:00:00Z"
SUN = b'{"data":[{"timestamp":"2024-02-29T12:00:00Z","temperature":20.5,"conditions":"sun"}]}'
HTML = b"<html><body>Service maintenance</body></html>"
SAMPLES = chained([[("a", 0, 1.0)]])


def attempt(
    engine: sa.Engine, pages: Any, weather: Any, *, options: Options = WHOLE
) -> Attempt:  # fmt: skip
    source = AceIot(Scripted(pages, weather=weather), page_size=100)
    return attempt_day(engine, source, SITE, DAY, options=options)


def weather_rows(engine: sa.Engine) -> dict[str, tuple[Any, ...]]:
    with engine.connect() as connection:
        query = "SELECT measure, value, value_text, quality FROM weather_raw"
        return {row[0]: tuple(row[1:]) for row in connection.exec_driver_sql(query)}


def recorded(engine: sa.Engine) -> list[tuple[list[str], bool, int]]:
    """What `collected_days` says: missing halves, whether the day is complete, samples kept."""
    with engine.connect() as connection:
        query = "SELECT missing, (result ->> 'complete')::boolean, kept FROM collected_days"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def missing(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(offenders.missing_halves()).all())


@pytest.mark.parametrize(
    "fault", [HTML, b"", b"[]", b'{"data":null}', b'{"data":[],"status":"error"}',
              b'{"data":[{"temperature":1}]}', UpstreamUnavailableError("503")],
)  # fmt: skip
def test_the_weather_took_the_samples_of_a_day_down(engine: sa.Engine, fault: Any) -> None:
    found = attempt(engine, SAMPLES, fault)
    assert (found.result.complete, found.result.missing) == (False, ("weather",))
    assert list(found.errors) == list(found.result.failed) == ["weather"]
    assert found.result.as_dict()["missing"] == ["weather"]
    assert recorded(engine) == [(["weather"], False, 1)]
    assert len(rows(engine)) == 1
    assert [row.missing for row in missing(engine)] == ["weather"]
    assert result_of(engine, SITE, DAY, run_id="run-1") is None  # the run's retry tries again

    found = attempt(engine, SAMPLES, SUN)
    assert (found.result.complete, found.result.missing, found.errors) == (True, (), {})
    assert recorded(engine) == [([], True, 1)]
    assert weather_rows(engine)["temperature"] == (20.5, None, "good")
    assert missing(engine) == []


def test_samples_that_fail_leave_the_weather(engine: sa.Engine) -> None:
    found = attempt(engine, [HTML], SUN)
    assert (found.result.complete, found.result.missing) == (False, ("samples",))
    assert recorded(engine) == [(["samples"], False, 0)]
    assert weather_rows(engine).keys() == {"temperature", "conditions"}
    with pytest.raises(ContractError, match="web page"):
        merge_day(
            engine, AceIot(Scripted([HTML], weather=SUN), page_size=9), SITE, DAY, options=WHOLE
        )
    assert attempt(engine, SAMPLES, SUN).result.complete


def test_no_points_leave_the_weather(engine: sa.Engine) -> None:
    source = AceIot(Scripted(SAMPLES, points=(), weather=SUN), page_size=100)
    found = attempt_day(engine, source, SITE, DAY, options=WHOLE)
    assert "no point is configured" in found.result.failed["samples"]
    assert weather_rows(engine)


def test_where_both_fail_both_are_told_and_nothing_is_recorded(engine: sa.Engine) -> None:
    found = attempt(engine, [HTML], HTML)
    assert set(found.errors) == {"samples", "weather"}
    assert found.result.missing == ("samples", "weather")
    assert recorded(engine) == []


def test_a_failed_collection_does_not_unsay_what_an_earlier_one_said(engine: sa.Engine) -> None:
    attempt(engine, SAMPLES, SUN)
    found = attempt(engine, [HTML], HTML)
    assert found.result.missing == ()  # of the day; of this attempt, both
    assert (found.result.complete, set(found.result.failed)) == (False, {"samples", "weather"})
    assert [(row[0], row[2]) for row in recorded(engine)] == [([], 1)]
    assert attempt(engine, SAMPLES, SUN).result.complete


def test_the_missing_half_alone_completes_the_day(engine: sa.Engine) -> None:
    attempt(engine, SAMPLES, HTML)
    only = Options(window=timedelta(days=1), time_series=False)
    assert attempt(engine, SAMPLES, SUN, options=only).errors == {}
    assert recorded(engine) == [([], True, 1)]


def test_the_live_api_has_no_weather_of_a_day_to_miss(engine: sa.Engine) -> None:
    live = b'{"weather":{"temp":{"name":"x","value":"7","time":"2026-01-01T00:00:00"}}}'
    found = attempt(engine, SAMPLES, live).result
    assert (found.complete, found.missing, found.weather.dialect) == (True, (), "live")
    assert weather_rows(engine) == {}


def test_one_bad_measure_costs_itself_and_not_the_other_four(engine: sa.Engine) -> None:
    text = (
        b'{"data":[{"timestamp":"2024-02-29T12:00:00Z","temperature":NaN,"humidity":-nan,'
        b'"precipitation":1e999,"wind_speed":{"value":1},"conditions":"x"}]}'
    )
    found = attempt(engine, SAMPLES, text).result
    assert found.complete
    assert (found.weather.fetched, found.weather.rejected) == (5, 1)
    assert found.weather.reasons == {"wind_speed: must be a number, a text or null": 1}
    stored = weather_rows(engine)
    assert stored["temperature"] == (None, "NaN", "bad")
    assert stored["humidity"] == (None, "-nan", "bad")
    assert stored["precipitation"] == (None, "1e999", "bad")
    assert stored["conditions"] == (None, "x", "text")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"timestamp":"2024-02-29T12:00:00Z","conditions":"\xb0"}', "record: is not UTF-8"),
        (b'{"timestamp":"2024-02-29T12:00:00Z","conditions":"a\tb"}', "record: has a control"),
        (b'{"timestamp":"2024-02-29T12:00:00Z","conditions":"\\ud83d"}', "record: has half"),
        (b'{"timestamp":"2024-02-29T12:00:00Z","conditions":"a\\u0000"}', "conditions: contains"),
        (b'{"timestamp":"2024-02-29T12:00:00Z","x":1,"x":2}', "record: the key x is there twice"),
        (b'{"timestamp":1709208000000,"x":1}', "timestamp: a number: milliseconds"),
        (b'{"timestamp":"2024-02-29","x":1}', "timestamp: a date without"),
        (b'{"timestamp":null,"x":1}', "timestamp: is missing"),
        (b'{"x":1}', "timestamp: is missing"),
        (b"null", "record: is no object"),
    ],
)
def test_one_bad_record_of_weather_costs_itself(engine: sa.Engine, bad: bytes, reason: str) -> None:
    good = b'{"timestamp":"2024-02-29T13:00:00Z","temperature":1.0}'
    found = attempt(engine, SAMPLES, b'{"data":[%b,%b]}' % (bad, good)).result
    assert (found.complete, found.weather.inserted, found.weather.rejected) == (True, 1, 1)
    assert next(iter(found.weather.reasons)).startswith(reason)
    with engine.connect() as connection:
        [said] = connection.exec_driver_sql("SELECT reason FROM rejected_records").scalars()
    assert said.startswith(reason)


def test_weather_of_another_day_is_counted_and_not_kept(engine: sa.Engine) -> None:
    other = SUN.replace(b"02-29", b"03-01")
    found = attempt(engine, SAMPLES, other)
    assert "none of 2 values can be used: 2 × outside of the day" in found.result.failed["weather"]
    both = SUN[:-2] + b"," + other[9:]
    twice = both[:-2] + b"," + SUN[9:]
    counts = attempt(engine, SAMPLES, twice).result.weather
    assert (counts.fetched, counts.outside, counts.duplicates, counts.inserted) == (6, 2, 2, 2)


def test_weather_in_pages_is_read_to_its_end(engine: sa.Engine) -> None:
    short = SUN[:-1] + b',"total_count":2}'
    said = attempt(engine, SAMPLES, short).result.failed["weather"]
    assert said == "weather: page 2 is what came before: the list has no end"


def page(*records: Any, total: int | None = None, quality: Any = None) -> bytes:
    data = [{"point_name": p, "timestamp": t, "value": v} for p, t, v in records]
    said: dict[str, Any] = {"data": data, "pagination": {"has_more": False}}
    return json.dumps(said if total is None else said | {"total_count": total}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (page(("a", 1763640000000, 1.0), ("b", 1763640000000, 1.0)),
         "none of 2 records can be used: "
         "2 × time: a number: milliseconds since 1970 are not read as a time"),
        (page(("a", "2024-03-01T10:00:00Z", 1.0)),
         "none of 1 records can be used: 1 × not within the window that was asked for"),
        (page(("x", NOON, 1.0), ("a", "soon", 1.0)),
         "none of 2 records can be used: 1 × time: no ISO 8601 time: 'soon'; "
         "1 × of a point that is not configured"),
        (page(("a", NOON, "x\0")), "none of 1 records can be used: 1 × value: contains NUL"),
    ],
)  # fmt: skip
def test_a_day_of_which_every_record_was_refused_was_called_complete(
    engine: sa.Engine, content: bytes, said: str
) -> None:
    found = attempt(engine, [content], SUN).result
    assert (found.complete, found.fault) == (False, said)
    assert recorded(engine) == [([], False, 0)]


def test_half_refused_is_complete_and_counted(engine: sa.Engine) -> None:
    content = page(("a", NOON, 1.0), ("a", 1763640000, 1.0))
    found: DayResult = attempt(engine, [content], SUN).result
    assert (found.complete, found.fault, found.counts.rejected) == (True, None, 1)
    assert found.reasons == {"time: a number: seconds since 1970 are not read as a time": 1}
    with engine.connect() as connection:
        assert len(connection.execute(offenders.many_rejected()).all()) == 1


def test_a_window_with_fewer_records_than_its_total_is_not_complete(engine: sa.Engine) -> None:
    first = json.loads(body([("a", 0, 1.0)], "1")) | {"total_count": 3}
    last = json.loads(body([("a", 1, 1.0)], None)) | {"total_count": "3"}
    pages = [json.dumps(each).encode() for each in (first, last)]
    for _ in range(2):
        found = attempt(engine, pages, SUN).result
        assert "say total_count 3, and 2 records came" in found.failed["samples"]
    third = json.loads(body([("a", 1, 1.0), ("b", 1, 1.0)], None)) | {"total_count": 3}
    found = attempt(engine, [pages[0], json.dumps(third).encode()], SUN).result
    assert found.complete
    assert len(rows(engine)) == 3
