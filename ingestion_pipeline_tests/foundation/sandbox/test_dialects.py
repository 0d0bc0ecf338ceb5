"""Both dialects over HTTP: the same data, each in its own words, and its own errors."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ingestion_pipeline.foundation.sandbox.ace_iot import weather as ace_weather
from ingestion_pipeline.foundation.sandbox.ace_iot.data import Damage, Sample
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.gateway.running import ROOT

SITE = "demo-site-2"
PATH = f"/sites/{SITE}/timeseries/paginated"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START + timedelta(hours=2)
WINDOW = {"start_time": "2026-03-02T09:00:00Z", "end_time": "2026-03-02T11:00:00Z"}


def get(sandbox: RunningSandbox, dialect: str, path: str, **params: Any) -> httpx.Response:
    url = f"{sandbox.url}/ace/{dialect}/api{path}"
    return sandbox.http.get(url, params=params, headers=sandbox.headers)


def understood(value: Any) -> float | str | None:
    """A value of either dialect: the live one writes numbers as texts."""
    try:
        number = None if value is None else float(value)
    except ValueError:
        return str(value)
    return str(value) if number in (float("inf"),) or number != number else number


def read(sandbox: RunningSandbox, dialect: str, **params: Any) -> list[Sample]:
    """Every page of the window."""
    samples: list[Sample] = []
    params = {**WINDOW, "page_size": 1000, "raw_data": "true", **params}
    while True:
        answer = get(sandbox, dialect, PATH, **params).raise_for_status().json()
        if dialect == "live":
            rows = [
                (row["name"], row["time"] + "Z", row["value"]) for row in answer["point_samples"]
            ]
            paging = answer
        else:
            rows = [(row["point_name"], row["timestamp"], row["value"]) for row in answer["data"]]
            paging = answer["pagination"]
        samples += [
            Sample(name, datetime.fromisoformat(time), understood(value))
            for name, time, value in rows
        ]
        if not paging["has_more"]:
            assert paging["next_cursor"] is None
            return samples
        params["cursor"] = paging["next_cursor"]


@pytest.mark.parametrize("dialect", ["live", "documented"])
def test_every_sample_is_there(sandbox: RunningSandbox, dialect: str) -> None:
    assert read(sandbox, dialect) == sandbox.data.samples(SITE, START, END)


@pytest.mark.parametrize("dialect", ["live", "documented"])
@pytest.mark.parametrize(
    ("fault", "damage"),
    [
        ("late_rows", Damage(late=True)),
        ("corrected_rows", Damage(corrected=True)),
        ("odd_values", Damage(odd=True)),
    ],
)
def test_damaged_data_is_damaged_as_the_model_says(
    sandbox: RunningSandbox, dialect: str, fault: str, damage: Damage
) -> None:
    with sandbox.fault(fault):
        assert read(sandbox, dialect) == sandbox.data.samples(SITE, START, END, damage)
    assert read(sandbox, dialect) == sandbox.data.samples(SITE, START, END)


def test_a_point_can_be_missing(sandbox: RunningSandbox) -> None:
    point = sandbox.data.points(SITE)[3]
    with sandbox.fault("missing_point", point):
        assert point not in {sample.point for sample in read(sandbox, "live")}


def test_documented_pages_carry_quality_metadata_and_the_total(sandbox: RunningSandbox) -> None:
    answer = get(sandbox, "documented", PATH, **WINDOW, page_size=7).json()
    assert len(answer["data"]) == 7
    assert answer["total_count"] == len(sandbox.data.samples(SITE, START, END))
    assert answer["data"][0]["quality"] == "good"
    assert answer["data"][0]["metadata"] == {"unit": "degC"}
    assert answer["data"][0]["timestamp"].endswith("Z")
    assert isinstance(answer["data"][0]["value"], float)


def test_live_values_are_texts_and_times_have_no_zone_and_up_to_six_decimals(
    sandbox: RunningSandbox,
) -> None:
    params = {**WINDOW, "raw_data": "true", "page_size": 10000}
    rows = get(sandbox, "live", PATH, **params).json()["point_samples"]
    assert all(isinstance(row["value"], str) for row in rows)
    lengths = {len(row["time"].partition(".")[2]) for row in rows}
    assert lengths == {0, 1, 3, 6}


@pytest.mark.parametrize(
    ("dialect", "headers", "status"),
    [
        ("documented", {}, 401),
        ("documented", {"Authorization": "Bearer wrong"}, 401),
        ("live", {}, 401),
        ("live", {"Authorization": "Bearer wrong"}, 500),
    ],
)
def test_keys_are_asked_for(
    sandbox: RunningSandbox, dialect: str, headers: dict[str, str], status: int
) -> None:
    url = f"{sandbox.url}/ace/{dialect}/api{PATH}"
    assert sandbox.http.get(url, params=WINDOW, headers=headers).status_code == status


def test_parameters_that_make_no_sense_are_named(sandbox: RunningSandbox) -> None:
    for dialect, wrong in (
        ("live", {"page_size": "1001"}),
        ("live", {"cursor": "nonsense"}),
        ("live", {"start_time": "yesterday"}),
        ("documented", {"page_size": "0"}),
        ("documented", {"cursor": "c2FtcGxlOng="}),
        ("documented", {"end_time": ""}),
    ):
        answer = get(sandbox, dialect, PATH, **{**WINDOW, **wrong})
        assert answer.status_code == 400, wrong
        (name,) = wrong
        assert name in (answer.json()["errors"] if dialect == "live" else answer.json()["error"])
    assert get(sandbox, "live", "/sites/elsewhere/points").status_code == 403
    assert get(sandbox, "documented", "/sites/elsewhere/points").status_code == 404


def test_an_empty_window_is_an_empty_page_or_not_found(sandbox: RunningSandbox) -> None:
    empty = {"start_time": WINDOW["start_time"], "end_time": WINDOW["start_time"]}
    assert get(sandbox, "documented", PATH, **empty).json()["data"] == []
    assert get(sandbox, "live", PATH, **empty, raw_data="true").status_code == 404
    assert get(sandbox, "live", PATH, **empty).status_code == 404
    with sandbox.fault("no_data", "empty"):
        answer = get(sandbox, "live", PATH, **WINDOW).json()
        assert answer == {"point_samples": [], "next_cursor": None, "has_more": False}
    with sandbox.fault("no_data", "404"):
        assert get(sandbox, "live", PATH, **WINDOW).status_code == 404


def test_a_cursor_can_come_back_unchanged_for_ever(sandbox: RunningSandbox) -> None:
    params = {**WINDOW, "page_size": 100, "raw_data": "true"}
    with sandbox.fault("repeated_cursor"):
        first = get(sandbox, "live", PATH, **params).json()
        again = get(sandbox, "live", PATH, **params, cursor=first["next_cursor"]).json()
        assert first == again
        assert first["has_more"]


def test_an_empty_page_can_claim_that_there_is_more(sandbox: RunningSandbox) -> None:
    with sandbox.fault("empty_page_with_cursor", times=1):
        first = get(sandbox, "live", PATH, **WINDOW).json()
        assert first["point_samples"] == []
        assert first["has_more"]
        assert read(sandbox, "live", cursor=first["next_cursor"]) == sandbox.data.samples(
            SITE, START, END
        )


def test_rows_can_come_twice(sandbox: RunningSandbox) -> None:
    with sandbox.fault("duplicate_rows", "5"):
        rows = read(sandbox, "live", page_size=10000)
    truth = sandbox.data.samples(SITE, START, END)
    assert rows == truth + truth[-5:]


def test_an_unknown_envelope_and_what_is_no_json(sandbox: RunningSandbox) -> None:
    with sandbox.fault("unknown_envelope"):
        assert set(get(sandbox, "live", PATH, **WINDOW).json()) == {"results", "more"}
    with sandbox.fault("wrong_json"), pytest.raises(ValueError):
        get(sandbox, "live", PATH, **WINDOW).json()


@pytest.mark.parametrize("dialect", ["live", "documented"])
def test_the_base_url_may_go_without_api(sandbox: RunningSandbox, dialect: str) -> None:
    short = f"{sandbox.url}/ace/{dialect}{PATH}"
    answer = sandbox.http.get(short, params=WINDOW, headers=sandbox.headers)
    assert answer.json() == get(sandbox, dialect, PATH, **WINDOW).json()


def test_weather_is_a_series_as_documented_and_a_snapshot_in_life(sandbox: RunningSandbox) -> None:
    rows = get(sandbox, "documented", f"/sites/{SITE}/weather", **WINDOW).json()["data"]
    truth = list(ace_weather.observations(sandbox.data.seed, SITE, START, END))
    assert [row["temperature"] for row in rows] == [each.temperature for each in truth]
    assert [row["timestamp"] for row in rows] == ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"]
    live = get(sandbox, "live", f"/sites/{SITE}/weather").json()["weather"]
    assert live["temp"]["name"] == f"sandbox/{SITE}/weather/temp"
    assert isinstance(live["temp"]["value"], str)
    with sandbox.fault("no_weather"):
        answer = get(sandbox, "live", f"/sites/{SITE}/weather")
        assert (answer.status_code, set(answer.json()["weather"].values())) == (404, {None})


def test_a_fault_can_be_kept_to_some_paths_and_some_times(sandbox: RunningSandbox) -> None:
    sandbox.switch_on("server_error", "502", times=1, path="/weather")
    assert get(sandbox, "live", PATH, **WINDOW).status_code == 200
    assert get(sandbox, "live", f"/sites/{SITE}/weather").status_code == 502
    assert get(sandbox, "live", f"/sites/{SITE}/weather").status_code == 200
    assert sandbox.http.post("/faults", json={"name": "boredom"}).status_code == 400
    assert sandbox.http.post("/faults", json={"nonsense": 1}).status_code == 400


def test_a_sandbox_with_a_fault_that_is_none_does_not_start() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "sandbox", "--fault", "boredom"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "no fault 'boredom'; there are rate_limited" in result.stderr.replace("\n", " ")
