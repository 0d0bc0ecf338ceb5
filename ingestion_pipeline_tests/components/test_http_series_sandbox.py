"""ACE IoT and FRED by a YAML file: the examples of the docs, run against the sandbox, give the
numbers that our own collectors write."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.components.loading import load
from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.domains.buildings.merge.day import merge_day
from ingestion_pipeline.domains.markets.merge.refresh import merge_series, source_of
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.domains.buildings.builders import SITE, ace, rows, truth
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

SANDBOX = {"points": 4, "interval_seconds": 300}
DOCS = (Path(__file__).parents[2] / "docs" / "http-series.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
DAY = date(2024, 2, 29)
ACE_URL, FRED_URL = "https://ace.example.com/api", "https://api.stlouisfed.org/fred"


@pytest.fixture
def defs(
    tmp_path: Path, configured: Settings, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> dg.Definitions:
    """The examples that name an API of the sandbox, which takes its place."""
    known = {
        "ACE_IOT_API_KEY": KEY, "FRED_API_KEY": KEY, "HTTP_BACKOFF": "0.01",
        "FRED_API_BASE_URL": f"{sandbox.url}/fred",
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    for number, text in enumerate(EXAMPLES):
        folder = tmp_path / "defs" / f"example-{number}"
        folder.mkdir(parents=True)
        here = text.replace(ACE_URL, sandbox.live_url).replace(FRED_URL, f"{sandbox.url}/fred")
        fast = re.sub(r"requests_per_minute: \d+", "requests_per_minute: 60000", here)
        (folder / "defs.yaml").write_text(fast.replace("limit: 500", "limit: 20"))
    described = Settings(defs_folder=tmp_path / "defs").described
    parts, found = load(described, beside=dg.Definitions())
    assert not found, found
    return dg.Definitions.merge(*parts, dg.Definitions(resources=RESOURCES))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def collected(
    defs: dg.Definitions, instance: dg.DagsterInstance, job: str, day: date | None = None
) -> dict[str, Any]:
    result = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=None if day is None else day.isoformat()
    )
    [event] = result.get_asset_materialization_events()
    return {name: each.value for name, each in event.materialization.metadata.items()}


def tenant_with_its_site(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:id, :site)"),
            {"id": tenant_id, "site": SITE},
        )


def test_samples_of_ace_iot(
    defs: dg.Definitions, instance: dg.DagsterInstance, engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    tenant_with_its_site(engine)
    said = collected(defs, instance, "collect_ace_iot_api_samples", DAY)
    assert said["pages"] == 2
    ours = rows(engine)
    points = set(sandbox.data.configured_points(SITE))
    assert [row for row in ours if row[0] in points] == truth(sandbox, day_of(DAY))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM timeseries_raw")
    with ace(engine, sandbox) as source:
        merge_day(engine, source, SITE, DAY)
    assert [row for row in ours if row[0] in points] == rows(engine)


def test_a_day_of_ace_iot_without_samples_is_an_empty_day(
    defs: dg.Definitions, instance: dg.DagsterInstance, engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    tenant_with_its_site(engine)
    with sandbox.fault("no_data", "404"):
        said = collected(defs, instance, "collect_ace_iot_api_samples", DAY)
    assert (said["records"], said["upload"]) == (0, "none")


@pytest.mark.parametrize(
    "fault",
    [
        "repeated_cursor",
        "broken_body",
        "wrong_json",
        "unknown_envelope",
        "status_error",
        "web_page",
    ],
)
def test_a_day_that_was_not_read_to_its_end_is_not_there(
    fault: str, defs: dg.Definitions, instance: dg.DagsterInstance, engine: sa.Engine,
    sandbox: RunningSandbox,
) -> None:  # fmt: skip
    tenant_with_its_site(engine)
    job = defs.resolve_job_def("collect_ace_iot_api_samples")
    with sandbox.fault(fault):
        result = job.execute_in_process(
            instance=instance, partition_key=DAY.isoformat(), raise_on_error=False
        )
    assert not result.success
    assert result.get_asset_materialization_events() == []
    assert rows(engine) == []


def test_a_series_of_fred(
    defs: dg.Definitions, instance: dg.DagsterInstance, engine: sa.Engine, configured: Settings
) -> None:
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
    said = collected(defs, instance, "collect_fred_api_unrate")
    assert said["records"] == said["total"] > 80
    assert said["pages"] > 4
    with source_of(engine, settings()) as source:
        merge_series(engine, source, ["UNRATE"])
    known = sa.text(
        "SELECT date, value FROM macro_observations "
        "WHERE series_id = :series AND realtime_end = '9999-12-31' ORDER BY date"
    )
    with engine.connect() as connection:
        mine = connection.execute(known, {"series": "acme/fred_api/UNRATE"}).all()
        theirs = connection.execute(known, {"series": "UNRATE"}).all()
    assert len(mine) > 80
    assert mine == theirs
