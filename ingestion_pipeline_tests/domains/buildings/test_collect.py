"""A day of a site: complete, resumable, repeatable, with its weather; in the shell too."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Window, day_of
from ingestion_pipeline.domains.buildings.merge.checkpoint import NAMESPACE, Checkpoints
from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.merge.weather import snapshot_weather
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.sandbox.ace_iot import weather as ace_weather
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue
from ingestion_pipeline_tests.domains.buildings.builders import (
    DAY,
    SITE,
    START,
    Scripted,
    ace,
    chained,
    rows,
    scripted,
    truth,
)
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

WHOLE = Options(window=timedelta(days=1))


def test_both_dialects_give_what_the_sandbox_holds(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    with ace(engine, sandbox, live=True, page_size=500) as source:
        first = merge_day(engine, source, SITE, DAY)
    with ace(engine, sandbox, live=False, page_size=700) as source:
        second = merge_day(engine, source, SITE, DAY)
    assert rows(engine) == truth(sandbox, day_of(DAY))
    assert first.complete
    assert first.counts.inserted == len(rows(engine))
    assert first.counts.pages == 72
    assert first.requests == 72 + 2
    # The documented dialect has metadata, which the live one lacks: an update once.
    assert (second.counts.inserted, second.counts.updated) == (0, len(rows(engine)))
    with ace(engine, sandbox, live=False, page_size=100_000) as source:
        third = merge_day(engine, source, SITE, DAY)
    assert (third.counts.inserted, third.counts.updated) == (0, 0)
    assert third.counts.unchanged == len(rows(engine))


def test_two_sites_do_not_meet(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    sites = ("demo-site-1", "demo-site-2")
    with ace(engine, sandbox, page_size=50_000) as source:
        for site in sites:
            merge_day(engine, source, site, DAY, options=WHOLE)
    assert rows(engine) == truth(sandbox, day_of(DAY), *sites)


def test_the_points_of_the_settings_are_kept_and_no_others(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    point = sandbox.data.points(SITE)[7]
    options = Options(window=timedelta(days=1), points=frozenset({point, "nowhere"}))
    with ace(engine, sandbox, page_size=50_000) as source:
        result = merge_day(engine, source, SITE, DAY, options=options)
    assert {row[0] for row in rows(engine)} == {point}
    assert result.missing_points == ("nowhere",)


def test_points_that_are_skipped_are_named_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    pages = chained([[("x", 0, 1.0), ("x", 1, 1.0), ("a", 0, 1.0)], [("y", 2, 1.0)]])
    with caplog.at_level("INFO", "ingestion_pipeline.domains.buildings.merge.day"):
        merge_day(engine, scripted(pages), SITE, DAY, options=WHOLE)
    said = [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()]
    assert said == [f"{SITE}: 2 points are not configured and were skipped: x, y"]


def test_no_configured_points_is_an_error(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="no point is configured"):
        merge_day(engine, scripted(chained([[]]), points=()), SITE, DAY)


def test_a_day_that_has_not_begun_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="has not begun"):
        merge_day(engine, scripted(chained([[]])), SITE, date(2024, 3, 1), now=START)


def test_today_is_collected_up_to_now_and_is_not_complete(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    now = START + timedelta(hours=2, minutes=30)
    with ace(engine, sandbox, page_size=50_000) as source:
        result = merge_day(engine, source, SITE, DAY, now=now)
    assert not result.complete
    assert rows(engine) == truth(sandbox, Window(START, now))


def test_windows_that_are_complete_are_not_fetched_again_after_a_failure(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    quarters = Options(window=timedelta(hours=6), weather=False)
    with ace(engine, sandbox, page_size=1000) as source:
        fails = _Failing(source, after=17)
        with pytest.raises(ContractError):
            merge_day(engine, fails, SITE, DAY, options=quarters)  # type: ignore[arg-type]
    sandbox.forget()
    with ace(engine, sandbox, page_size=1000) as source:
        result = merge_day(engine, source, SITE, DAY, options=quarters)
    pages = sum(n for path, n in sandbox.counts().items() if path.endswith("paginated"))
    assert pages == result.counts.pages - 17
    assert result.resumed
    assert rows(engine) == truth(sandbox, day_of(DAY))
    sandbox.forget()
    with ace(engine, sandbox, page_size=1000) as source:
        merge_day(engine, source, SITE, DAY, options=quarters)
    assert sum(sandbox.counts().values()) == result.counts.pages + 1  # all of it, and the points


class _Failing:
    """An API whose pages end after so many."""

    def __init__(self, source: Any, *, after: int) -> None:
        self._source = source
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def page(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ContractError("enough")
        return self._source.page(*arguments)


def test_checkpoints_elsewhere_than_in_the_database_work_too(engine: sa.Engine) -> None:
    # A store of its own, as Redis is: not part of the transaction.
    checkpoints = Checkpoints(engine, PostgreSQLKeyValue(engine, f"{NAMESPACE}-elsewhere"))
    pages = chained([[("a", page, 1.0)] for page in range(10)])
    with pytest.raises(ContractError):
        merge_day(
            engine, scripted([*pages[:6], b"{}", *pages[7:]]), SITE, DAY, options=WHOLE,
            checkpoints=checkpoints,
        )  # fmt: skip
    upstream = Scripted(pages)
    source = type(scripted(pages))(upstream, page_size=100)
    merge_day(engine, source, SITE, DAY, options=WHOLE, checkpoints=checkpoints)
    assert upstream.asked == ["6", "7", "8", "9"]
    assert len(rows(engine)) == 10


def test_staging_of_a_collection_that_nobody_took_up_is_swept(engine: sa.Engine) -> None:
    good = chained([[("a", 0, 1.0)]])
    merge_day(engine, scripted(good), SITE, DAY, options=WHOLE)
    with pytest.raises(ContractError):
        merge_day(engine, scripted([chained([[], []])[0], b"{}"]), SITE, DAY, options=WHOLE)
    tables = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'timeseries\\_staging%%'"
    with engine.begin() as connection:
        assert connection.exec_driver_sql(tables).scalar() == 1
        connection.exec_driver_sql("DELETE FROM key_value")  # its checkpoint has expired
    merge_day(engine, scripted(good), "another-site", DAY, options=WHOLE)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(tables).scalar() == 0


def test_weather_of_a_day_is_collected_once(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    only_weather = Options(time_series=False)
    with ace(engine, sandbox, live=False) as source:
        first = merge_day(engine, source, SITE, DAY, options=only_weather).weather
        second = merge_day(engine, source, SITE, DAY, options=only_weather).weather
    day = day_of(DAY)
    held = list(ace_weather.observations(sandbox.data.seed, SITE, day.start, day.end))
    assert (first.inserted, second.inserted, second.unchanged) == (24 * 5, 0, 24 * 5)
    with engine.connect() as connection:
        query = "SELECT timestamp, value FROM weather_raw WHERE measure = 'temperature' ORDER BY 1"
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
        words = connection.exec_driver_sql(
            "SELECT value_text FROM weather_raw WHERE measure = 'conditions' ORDER BY timestamp"
        )
        assert [row[0] for row in words] == [each.conditions for each in held]
    assert found == [(each.time, each.temperature) for each in held]


def test_live_weather_is_a_snapshot_and_fills_no_day(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    with ace(engine, sandbox, live=True) as source:
        assert merge_day(
            engine, source, SITE, DAY, options=Options(time_series=False)
        ).weather.inserted == 0  # fmt: skip
        first, second = (snapshot_weather(engine, source, SITE) for _ in range(2))
    assert (first.dialect, first.inserted, second.inserted) == ("live", 9, 0)
    with engine.connect() as connection:
        query = "SELECT DISTINCT measure, timestamp FROM weather_raw"
        found = connection.exec_driver_sql(query).all()
    assert {"temp", "wind_deg", "wet_bulb"} <= {row.measure for row in found}
    age = {datetime.now(UTC) - row.timestamp for row in found}
    assert all(timedelta(0) <= each < timedelta(hours=3) for each in age)


@pytest.mark.parametrize("live", [True, False])
def test_a_site_without_weather_is_no_error(
    engine: sa.Engine, sandbox: RunningSandbox, live: bool
) -> None:
    with sandbox.fault("no_weather"), ace(engine, sandbox, live=live) as source:
        assert snapshot_weather(engine, source, SITE).fetched == 0


@pytest.fixture
def shell(
    configured: Settings, sandbox: RunningSandbox
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        known = {
            "ACE_IOT_API_BASE_URL": sandbox.live_url, "ACE_IOT_API_KEY": KEY,
            "ACE_PAGE_SIZE": "5000", "COLLECT_WINDOW": "PT12H", "ACE_REQUESTS_PER_MINUTE": "9999",
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "ingestion_pipeline.cli", "collect", *arguments],
            capture_output=True, text=True, timeout=300, env={**os.environ, **known, **environment},
        )  # fmt: skip

    return run


def test_collect_in_the_shell_says_what_it_did(
    shell: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    done = shell("--site", SITE, "--day", str(DAY), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    engine = database.engine(settings())
    assert rows(engine) == truth(sandbox, day_of(DAY))
    counts = (
        "requests",
        "pages",
        "fetched",
        "kept",
        "inserted",
        "updated",
        "unchanged",
        "rejected",
    )
    assert all(isinstance(said[name], int) for name in counts)
    assert said["inserted"] == said["kept"] == len(rows(engine))
    assert said["missing_points"] == []
    assert said["seconds"] > 0
    again = shell("--site", SITE, "--day", str(DAY))
    assert again.returncode == 0
    assert f"{said['kept']:,}" in again.stdout


def test_collect_without_an_api_says_what_to_set(shell: Callable[..., Any]) -> None:
    failed = shell("--site", SITE, "--day", str(DAY), ACE_IOT_API_BASE_URL="")
    assert failed.returncode == 1
    assert "set ACE_IOT_API_BASE_URL" in failed.stderr.replace("\n", " ")
    assert "Traceback" not in failed.stderr


def test_collect_exits_1_where_a_half_is_missing_and_says_which(
    shell: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    documented = {"ACE_IOT_API_BASE_URL": sandbox.documented_url, "COLLECT_WINDOW": "PT24H"}
    with sandbox.fault("web_page", path="weather"):
        failed = shell("--site", SITE, "--day", str(DAY), "--json", **documented)
    assert failed.returncode == 1
    said = json.loads(failed.stdout)
    assert (said["complete"], said["missing"]) == (False, ["weather"])
    assert said["kept"] == said["inserted"] > 0
    assert "weather: body is a web page" in failed.stderr
    with sandbox.fault("status_error", path="paginated"):
        failed = shell("--site", "demo-site-2", "--day", str(DAY), "--json", **documented)
    assert failed.returncode == 1
    said = json.loads(failed.stdout)
    assert (said["complete"], said["missing"]) == (False, ["samples"])
    assert said["weather"]["inserted"] > 0
    assert "backend timeout" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_collect_exits_1_where_every_record_was_refused(
    shell: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    documented = {"ACE_IOT_API_BASE_URL": sandbox.documented_url, "COLLECT_WINDOW": "PT24H"}
    with sandbox.fault("milliseconds", path="paginated"):
        failed = shell("--site", SITE, "--day", str(DAY), "--json", **documented)
    assert failed.returncode == 1
    said = json.loads(failed.stdout)
    assert (said["complete"], said["kept"]) == (False, 0)
    reason = "time: a number: milliseconds since 1970 are not read as a time"
    assert said["reasons"] == {reason: said["rejected"]}
    assert f"{said['rejected']} × {reason}" in failed.stderr
