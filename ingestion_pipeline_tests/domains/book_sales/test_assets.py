"""Book sales in Dagster: the platforms' partitions, what starts a run, and what a run shows."""

from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.book_sales.assets import TRIGGER
from ingestion_pipeline.domains.book_sales.automation import queued_imports
from ingestion_pipeline.domains.book_sales.definitions import definitions
from ingestion_pipeline.domains.book_sales.resources import GumroadApi
from ingestion_pipeline.domains.book_sales.sample import queue_samples
from ingestion_pipeline.domains.book_sales.sources.registry import PLATFORMS
from ingestion_pipeline.foundation import credentials
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.resources import RESOURCES, database_at

TOKEN = "gumroad-token-that-no-page-shows"


@pytest.fixture
def queued(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, engine: sa.Engine, tenant_id: int
) -> sa.Engine:
    monkeypatch.setenv("CREDENTIAL_KEYS", credentials.new_key())
    monkeypatch.setenv("GUMROAD_API_BASE_URL", "http://127.0.0.1:9/v2")  # nobody listens
    monkeypatch.setenv("HTTP_BACKOFF", "0.01")
    settings.cache_clear()
    queue_samples(engine, settings(), tenant_id=tenant_id, gumroad_token=TOKEN)
    return engine


def test_a_run_imports_sums_up_and_checks(queued: sa.Engine, database_url: str) -> None:
    own = dg.Definitions.merge(
        definitions,
        dg.Definitions(
            resources={**RESOURCES, "database": database_at(database_url), "gumroad": GumroadApi()}
        ),
    )
    job = own.resolve_job_def("import_sales")
    names = list(PLATFORMS)
    tags = {
        "dagster/asset_partition_range_start": names[0],
        "dagster/asset_partition_range_end": names[-1],
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=tags)
        assert result.success
        log = "".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert TOKEN not in log
    rows = {
        (event.asset_key.path[-1], event.partition): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    assert len(rows) == 8
    assert rows["sales_events", "amazon_kdp"]["dagster/partition_row_count"].value == 60
    assert rows["sales_events", "gumroad"]["failed"].value == 1
    assert "plot" in rows["daily_sales", "amazon_kdp"]
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 7
    assert [check.check_name for check in checks if not check.passed] == []
    with queued.connect() as connection:
        ticks = connection.execute(sa.text("SELECT trigger, status FROM cron_logs")).all()
    assert [tuple(row) for row in ticks] == [("dagster", "completed")] * 4


def test_the_sensor_starts_a_run_a_platform(queued: sa.Engine, database_url: str) -> None:
    resources = {**RESOURCES, "database": database_at(database_url)}
    with dg.DagsterInstance.ephemeral() as instance:

        def asked() -> dict[str | None, dg.RunRequest]:
            context = dg.build_sensor_context(
                instance=instance, definitions=defs, resources=resources
            )
            found = queued_imports.evaluate_tick(context).run_requests or []
            return {each.partition_key: each for each in found}

        requests = asked()
        assert set(requests) == set(PLATFORMS)
        for platform, request in requests.items():
            assert request.tags["dagster/partition"] == request.tags["partition"] == platform
            assert request.tags[TRIGGER] == "sensor"
        at_work = {"dagster/partition": "gumroad"}
        instance.add_run(
            dg.DagsterRun(
                job_name="import_sales", run_id=str(uuid4()), tags=at_work,
                status=dg.DagsterRunStatus.STARTED,
            )
        )  # fmt: skip
        assert set(asked()) == {*PLATFORMS} - {"gumroad"}
