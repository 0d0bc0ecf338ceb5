"""The vendor's own client (`aceiot-models-cli`, and the API client in it) reads the sandbox.

It is the independent check of the stand-in: paths, headers, parameters, envelopes, models.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aceiot_models import Point, PointSample, Site, WeatherData
from aceiot_models.api import APIClient, APIError, get_api_results_paginated
from aceiot_models_cli.cli import cli
from click.testing import CliRunner

from ingestion_pipeline.foundation.sandbox.ace_iot.data import Sample
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

SITE = "demo-site-1"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START + timedelta(hours=3)
WINDOW = ("2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z")


@pytest.fixture
def vendor(sandbox: RunningSandbox) -> Iterator[APIClient]:
    client = APIClient(sandbox.live_url, KEY)
    yield client
    client.session.close()


def read(answer: dict[str, Any]) -> list[Sample]:
    models = [PointSample(**record) for record in answer["point_samples"]]
    return [
        Sample(model.name, model.time.replace(tzinfo=UTC), float(str(model.value)))
        for model in models
    ]


def test_it_reads_every_sample_of_a_window_page_by_page(
    vendor: APIClient, sandbox: RunningSandbox
) -> None:
    answer = vendor.get_site_timeseries_paginated(SITE, *WINDOW, page_size=500, raw_data=True)
    assert read(answer) == sandbox.data.samples(SITE, START, END)
    assert sandbox.counts() == {f"/ace/live/api/sites/{SITE}/timeseries/paginated": 8}


def test_it_reads_means_of_five_minutes(vendor: APIClient, sandbox: RunningSandbox) -> None:
    samples = read(vendor.get_site_timeseries_paginated(SITE, *WINDOW, page_size=100))
    truth: dict[tuple[datetime, str], list[float]] = {}
    for sample in sandbox.data.samples(SITE, START, END):
        bucket = sample.time.replace(minute=sample.time.minute // 5 * 5, second=0, microsecond=0)
        assert isinstance(sample.value, float)
        truth.setdefault((bucket, sample.point), []).append(sample.value)
    assert {(sample.time, sample.point): sample.value for sample in samples} == {
        key: pytest.approx(sum(values) / len(values), abs=0.0051) for key, values in truth.items()
    }
    assert len(samples) == len(truth)


def test_it_reads_a_window_in_one_piece(vendor: APIClient, sandbox: RunningSandbox) -> None:
    truth = sandbox.data.samples(SITE, START, END)
    assert read(vendor.get_site_timeseries(SITE, *WINDOW)) == truth


def test_it_reads_one_point_and_several(vendor: APIClient, sandbox: RunningSandbox) -> None:
    first, second, *_ = sandbox.data.points(SITE)
    truth = sandbox.data.samples(SITE, START, END)
    assert read(vendor.get_point_timeseries(first, *WINDOW)) == [
        sample for sample in truth if sample.point == first
    ]
    assert read(vendor.get_points_timeseries([first, second], *WINDOW)) == [
        sample for sample in truth if sample.point in (first, second)
    ]


def test_it_reads_points_and_configured_points(vendor: APIClient, sandbox: RunningSandbox) -> None:
    points = get_api_results_paginated(vendor.get_site_points, per_page=10, site_name=SITE)
    configured = get_api_results_paginated(
        vendor.get_site_configured_points, per_page=2, site_name=SITE
    )
    assert [Point(**point).name for point in points] == sandbox.data.points(SITE)
    assert [Point(**point).name for point in configured] == sandbox.data.configured_points(SITE)
    assert all(Point(**point).collect_enabled for point in configured)
    assert vendor.get_point(points[3]["name"]) == points[3]


def test_it_reads_sites(vendor: APIClient, sandbox: RunningSandbox) -> None:
    sites = get_api_results_paginated(vendor.get_sites, per_page=2)
    assert tuple(Site(**site).name for site in sites) == sandbox.data.sites
    assert vendor.get_site(SITE) == sites[0]


def test_it_reads_the_weather(vendor: APIClient) -> None:
    weather = WeatherData(**vendor.get_site_weather(SITE)["weather"])
    assert all(getattr(weather, name) is not None for name in WeatherData.model_fields)


def test_it_fails_as_it_does_at_the_vendor(vendor: APIClient, sandbox: RunningSandbox) -> None:
    with pytest.raises(APIError) as refused:
        vendor.get_site_timeseries_paginated(SITE, *WINDOW, page_size=7)
    assert refused.value.status_code == 400
    assert refused.value.response_data is not None
    assert "page_size" in refused.value.response_data["errors"]
    with pytest.raises(APIError) as refused:
        vendor.get_site_points("somebody-elses-site")
    assert refused.value.status_code == 403
    with sandbox.fault("no_weather"), pytest.raises(APIError) as refused:
        vendor.get_site_weather(SITE)
    assert refused.value.status_code == 404


def test_its_command_line_reads_a_site(sandbox: RunningSandbox) -> None:
    options = ["--api-url", sandbox.live_url, "--api-key", KEY, "--output", "json"]
    result = CliRunner().invoke(cli, [*options, "sites", "points", SITE, "--per-page", "100"])
    assert result.exit_code == 0, result.output
    names = [point["name"] for point in json.loads(result.output)["items"]]
    assert names == sandbox.data.points(SITE)
