"""FRED still answers as we think: the sandbox always, the live service where a key is set.

The recordings of the live service (a folder beside the project) are the sandbox's ground truth.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY
from ingestion_pipeline.domains.markets.sources.fred import NAME, Fred, open_upstream
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    UpstreamRefusedError,
)
from ingestion_pipeline.foundation.sandbox.fred import data as fred_data
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.upstreams.client import Answer
from ingestion_pipeline.foundation.upstreams.limits import RateLimit
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

RECORDED = Path(__file__).parents[4] / "shared" / "real" / "macro" / "fred"
needs_recordings = pytest.mark.skipif(not RECORDED.exists(), reason="no recordings of FRED here")
EVERYTHING = {"realtime_start": "1776-07-04", "realtime_end": "9999-12-31", "file_type": "json"}


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / name).read_text())
    return found


@pytest.fixture(params=["sandbox", "live"])
def service(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """The wire itself, sandbox or live."""
    if request.param == "live":
        live = Settings()
        if live.fred_api_key is None:
            pytest.skip("FRED_API_KEY is not set")
        base, key = live.fred_api_base_url, live.fred_api_key.get_secret_value()
    else:
        sandbox: RunningSandbox = request.getfixturevalue("sandbox")
        base, key = f"{sandbox.url}/fred", KEY
    with httpx.Client(base_url=base, params={"api_key": key}, timeout=60) as client:
        yield client


def get(service: httpx.Client, **params: str | int) -> httpx.Response:
    return service.get("/series/observations", params={**EVERYTHING, "series_id": "GDP", **params})


def test_every_vintage_of_a_date_is_given_without_gaps(service: httpx.Client) -> None:
    page = get(service).json()
    assert page["count"] == len(page["observations"])
    assert (page["offset"], page["limit"], page["output_type"]) == (0, 100_000, 1)
    row = page["observations"][0]
    assert set(row) == {"realtime_start", "realtime_end", "date", "value"}
    assert {"199.7", "."} <= {each["value"] for each in page["observations"]}
    of_2020 = [each for each in page["observations"] if each["date"] == "2020-01-01"]
    for earlier, later in itertools.pairwise(of_2020):
        assert earlier["realtime_end"] < later["realtime_start"]
    assert of_2020[-1]["realtime_end"] == "9999-12-31"


def test_pages_follow_one_another(service: httpx.Client) -> None:
    whole = get(service).json()["observations"]
    pages = [get(service, limit=100, offset=offset).json() for offset in range(0, 300, 100)]
    assert [row for page in pages for row in page["observations"]] == whole[:300]
    assert get(service, limit=100_001).status_code == 400


def test_a_wrong_key_and_an_unknown_series_are_both_400(service: httpx.Client) -> None:
    for params, said in (({"api_key": "0" * 32}, "api_key"), ({"series_id": "NOPE1"}, "exist")):
        refused = get(service, **params)
        assert refused.status_code == 400
        assert refused.json()["error_code"] == 400
        assert said in refused.json()["error_message"]


def test_without_a_period_of_real_time_all_is_of_today(service: httpx.Client) -> None:
    params = {"series_id": "GDP", "file_type": "json"}
    page = service.get("/series/observations", params=params).json()
    assert {row["realtime_start"] for row in page["observations"]} == {page["realtime_start"]}
    dates = [row["date"] for row in page["observations"]]
    assert dates == sorted(set(dates))


def test_more_than_2000_vintage_dates_in_one_request_are_400(service: httpx.Client) -> None:
    dates = service.get("/series/vintagedates", params={**EVERYTHING, "series_id": "DGS10"}).json()
    assert dates["count"] == len(dates["vintage_dates"]) > 2000
    assert dates["vintage_dates"] == sorted(set(dates["vintage_dates"]))
    refused = get(service, series_id="DGS10")
    assert refused.status_code == 400
    said = refused.json()["error_message"]
    assert f"There are {dates['count']} vintage dates" in said
    assert "exceeds the maximum number of vintage dates allowed (2000)" in said
    allowed = get(service, series_id="DGS10", realtime_start=dates["vintage_dates"][-2000])
    assert allowed.status_code == 200


def test_a_period_of_real_time_cuts_the_rows_to_itself(service: httpx.Client) -> None:
    period = {"realtime_start": "2021-01-01", "realtime_end": "2021-06-30"}
    rows = get(service, **period).json()["observations"]
    assert {row["realtime_start"] for row in rows} > {"2021-01-01"}
    assert min(row["realtime_start"] for row in rows) == "2021-01-01"
    assert max(row["realtime_end"] for row in rows) == "2021-06-30"


def test_the_121st_request_of_a_minute_is_429_without_retry_after(sandbox: RunningSandbox) -> None:
    with httpx.Client(base_url=f"{sandbox.url}/fred", params={"api_key": KEY}) as client:
        params = {"series_id": "GDP", "file_type": "json"}
        answers = [client.get("/series", params=params) for _ in range(121)]
        assert [each.status_code for each in answers] == [200] * 120 + [429]
        assert "retry-after" not in answers[-1].headers
        with sandbox.fault("unlimited"):
            assert client.get("/series", params=params).status_code == 200


def test_the_client_waits_before_the_121st_request(engine: sa.Engine) -> None:
    limit = RateLimit(engine, NAME, Settings().fred_requests_per_minute)
    assert max(limit.enter() for _ in range(120)) == 0
    assert 30 < limit.enter() <= 60


@needs_recordings
def test_the_sandbox_answers_as_it_was_recorded(sandbox: RunningSandbox) -> None:
    truth = recorded("gdp_all_vintages.json")
    answered = httpx.get(
        f"{sandbox.url}/fred/series/observations",
        params={**EVERYTHING, "series_id": "GDP", "api_key": KEY},
    ).json()
    assert set(answered) == set(truth)
    same = ("observation_start", "observation_end", "units", "output_type", "order_by", "limit")
    assert [answered[name] for name in same] == [truth[name] for name in same]
    kept = {row["date"] for row in answered["observations"]}
    assert answered["observations"] == [r for r in truth["observations"] if r["date"] in kept]
    of_a_day = {"realtime_start": "2024-10-30", "realtime_end": "2024-10-30"}
    latest = recorded("gdp_observations.json")
    answered = httpx.get(
        f"{sandbox.url}/fred/series/observations",
        params={**EVERYTHING, **of_a_day, "series_id": "GDP", "api_key": KEY},
    ).json()
    expected = [row for row in latest["observations"] if row["date"] in kept]
    assert answered["observations"] == expected
    about = httpx.get(
        f"{sandbox.url}/fred/series",
        params={"series_id": "GDP", "api_key": KEY, "file_type": "json"},
    ).json()["seriess"][0]
    assert set(about) <= set(recorded("gdp_series.json")["seriess"][0])


def configured_for(sandbox: RunningSandbox, **others: Any) -> Settings:
    base = {"fred_api_base_url": f"{sandbox.url}/fred", "fred_api_key": KEY}
    return Settings(**{**base, **others})


def test_the_client_reads_all_pages(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    with open_upstream(engine, configured_for(sandbox)) as upstream:
        vintages = Fred(upstream, api_key=KEY, page=100).vintages("GDP")
    assert len(vintages) == len(fred_data.rows_of("GDP", date(2100, 1, 1)))
    assert sandbox.counts() == {"/fred/series/observations": 4}
    newest = vintages[-1]
    assert (newest.date, newest.value, newest.realtime_end) == (
        date(2024, 7, 1), Decimal("29349.924"), LAST_DAY,
    )  # fmt: skip


def test_a_daily_series_is_read_in_periods_and_loses_no_vintage(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    with open_upstream(engine, configured_for(sandbox)) as upstream:
        vintages = Fred(upstream, api_key=KEY, page=1500).vintages("DGS10")
    found = {(each.date, each.realtime_start): each for each in vintages}
    today = max(each.realtime_start for each in vintages)
    rows = fred_data.rows_of("DGS10", today)
    assert len(vintages) == len(found) == len(rows) > 2000
    for row in rows:
        known = found[row.day, row.realtime_start]
        value = None if row.value == fred_data.MISSING else Decimal(row.value)
        assert (known.realtime_end, known.value) == (row.realtime_end, value)
    assert sandbox.counts()["/fred/series/vintagedates"] == 1


def test_a_wrong_key_is_a_matter_of_configuration_and_is_not_shown(
    engine: sa.Engine, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with open_upstream(engine, configured_for(sandbox)) as upstream:
        with pytest.raises(ConfigurationError, match="FRED_API_KEY") as refused:
            Fred(upstream, api_key="a-wr0ng-key").vintages("GDP")
        with pytest.raises(UpstreamRefusedError, match="does not exist"):
            Fred(upstream, api_key=KEY).vintages("NOPE")
    logged = "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for text in (logged, str(refused.value), repr(refused.value)):
        assert "a-wr0ng-key" not in text
    assert sum(sandbox.counts().values()) == 2  # neither is tried again


class Answering:
    """An upstream that answers the same to everything."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def get(self, *_: Any, **__: Any) -> Answer:
        return Answer(200, self.content, {})


ROW = {"date": "2024-01-01", "realtime_start": "2024-02-01", "realtime_end": "9999-12-31"}


@pytest.mark.parametrize(
    "page",
    [
        "no json",
        {"results": []},
        {"count": 2, "offset": 0, "observations": []},
        {"count": 2, "offset": 0, "observations": [{**ROW, "value": "1"}]},
        {"count": 0, "offset": 0, "observations": [{**ROW, "value": "1"}]},
        {"count": 1, "offset": 1, "observations": [{**ROW, "value": "1"}]},
        {"count": 2, "offset": 0, "observations": [{**ROW, "value": v} for v in ("1", "2")]},
        {
            "count": 1,
            "offset": 0,
            "realtime_start": "2026-01-01",
            "realtime_end": "2026-01-01",
            "observations": [{**ROW, "value": "1"}],
        },
        {
            "count": 1,
            "offset": 0,
            "observations": [{**ROW, "realtime_end": "2024-01-31", "value": "1"}],
        },
        "<html><body>FRED is temporarily down</body></html>",
        {"error_code": 500, "error_message": "Internal"},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": "#N/A"}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": None}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": "NaN"}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": "1,5"}]},
        # Numbers to Python, and to nobody else.
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": "1E+999999"}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": "-1e-99999"}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "value": 1}]},
        {"count": 1, "offset": 0, "observations": [{**ROW, "date": "x", "value": "1"}]},
    ],
)
def test_what_is_no_page_of_observations_is_refused(page: object) -> None:
    content = page.encode() if isinstance(page, str) else json.dumps(page).encode()
    with pytest.raises(ContractError):
        Fred(Answering(content), api_key="k").vintages("GDP")


def test_the_default_is_the_real_service() -> None:
    settings.cache_clear()
    assert Settings().fred_api_base_url == "https://api.stlouisfed.org/fred"
