"""Markets in Dagster: what the sensor requests, what a run applies, checks, warming."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.markets.assets import ASSET_OF, ASSETS
from ingestion_pipeline.domains.markets.automation import cache_warming, recorded_events
from ingestion_pipeline.domains.markets.contract.events import FUNDAMENTALS, WARMING
from ingestion_pipeline.domains.markets.contract.places import MarketKey, place_of
from ingestion_pipeline.domains.markets.land.events import land_warming
from ingestion_pipeline.domains.markets.merge.cache import look_up, store
from ingestion_pipeline.domains.markets.sample import write_sample_events
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.orchestration.resources import CONFIGURATION, RESOURCES, Database
from ingestion_pipeline_tests.domains.markets.builders import fundamentals_event, record
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def fetching(
    configured: Settings, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> sa.Engine:
    """Settings that take the sandbox for FRED."""
    known = {
        "FRED_API_BASE_URL": f"{sandbox.url}/fred", "FRED_API_KEY": KEY, "HTTP_BACKOFF": "0.01",
        "JOB_BACKOFF": "0",
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return database.engine(settings())


def tenant_of(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        return tenants.ensure(connection, "acme")


def run(instance: dg.DagsterInstance, job: str = "apply_events") -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, run_config=QUIET, raise_on_error=False
    )


def requested(instance: dg.DagsterInstance) -> dg.RunRequest:
    context = dg.build_sensor_context(instance=instance, resources=RESOURCES)
    found = recorded_events(context)
    assert isinstance(found, list)
    [request] = found
    return request


def scalar(engine: sa.Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(sa.text(query))


def test_events_that_are_due_are_one_run_of_the_assets_that_they_need(
    fetching: sa.Engine, instance: dg.DagsterInstance
) -> None:
    tenant_id = tenant_of(fetching)
    record(fetching, tenant_id, fundamentals_event())
    record(fetching, tenant_id, {"event_type": WARMING, "source": "test", "data": {}})
    request = requested(instance)
    assert set(request.asset_selection or []) == {ASSET_OF[FUNDAMENTALS], ASSET_OF[WARMING]}
    assert request.tags["markets/events"] == "2"


def test_a_run_applies_all_that_was_sent_and_its_checks_pass(
    fetching: sa.Engine, instance: dg.DagsterInstance
) -> None:
    number = write_sample_events(fetching, tenant_of(fetching))
    request = requested(instance)
    assert set(request.asset_selection or []) == {each.key for each in ASSETS}
    assert run(instance).success
    applied = scalar(fetching, "SELECT count(*) FROM ingestion_events WHERE status = 'applied'")
    assert applied == number
    context = dg.build_sensor_context(instance=instance, resources=RESOURCES)
    assert isinstance(recorded_events(context), dg.SkipReason)
    assert scalar(fetching, "SELECT count(*) FROM macro_observations WHERE series_id = 'GDP'") > 300
    checks = run(instance, "check_markets").get_asset_check_evaluations()
    assert len(checks) == 9
    failed = {each.check_name for each in checks if not each.passed}
    assert failed == set()


def test_warming_is_an_event_a_job_a_cron_log_and_metrics(
    fetching: sa.Engine, instance: dg.DagsterInstance
) -> None:
    tenant_id = tenant_of(fetching)
    record(fetching, tenant_id, fundamentals_event())
    assert run(instance).success
    assert scalar(fetching, "SELECT status FROM cron_logs WHERE name = 'cache_warming'") == (
        "completed"
    )
    place = place_of("fundamentals", MarketKey(tenant_id, "dallas"))
    with fetching.connect() as connection:
        cached = look_up(connection, [place, place_of("macro")])
    assert all(each.document for each in cached)
    assert scalar(fetching, "SELECT count(*) FROM cache_metrics WHERE outcome = 'miss'") == 2
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime(2026, 1, 1, 6, 7, tzinfo=UTC)
    )
    known = {"configuration": CONFIGURATION, "database": Database()}
    assert isinstance(cache_warming(context, **known), dg.RunRequest)
    assert isinstance(cache_warming(context, **known), dg.SkipReason)  # one at a time
    with fetching.begin() as connection:
        ordered = land_warming(connection, source="cron", now=datetime.now(UTC), max_attempts=1)
    assert ordered.known
    assert run(instance).success
    event = "SELECT status FROM ingestion_events WHERE event_type = 'cache.warming'"
    assert scalar(fetching, event) == "applied"


def test_a_cached_document_that_differs_is_found(
    fetching: sa.Engine, instance: dg.DagsterInstance
) -> None:
    tenant_id = tenant_of(fetching)
    record(fetching, tenant_id, fundamentals_event())
    assert run(instance).success
    place = place_of("fundamentals", MarketKey(tenant_id, "dallas"))
    with fetching.begin() as connection:
        before = look_up(connection, [place])[0]
        assert store(connection, place, before, {"data": "something else"})
    checks = run(instance, "check_markets").get_asset_check_evaluations()
    assert [each.check_name for each in checks if not each.passed] == ["documents_equal_tables"]


def test_an_update_of_an_unknown_series_fails_for_good_and_others_do_not(
    fetching: sa.Engine, instance: dg.DagsterInstance
) -> None:
    tenant_id = tenant_of(fetching)
    for series in ("NOPE", "UNRATE"):
        body = {"event_type": "macro.update", "source": "test", "data": {"series": [series]}}
        record(fetching, tenant_id, body)
    assert run(instance).success
    rows = "SELECT string_agg(status, ',' ORDER BY payload->'data'->>'series') FROM {}"
    assert scalar(fetching, rows.format("ingestion_events")) == "failed,applied"


def test_the_daily_refresh_keeps_all_vintages_and_says_what_failed(
    fetching: sa.Engine, instance: dg.DagsterInstance, sandbox: RunningSandbox
) -> None:
    assert run(instance, "refresh_macro").success
    before = scalar(fetching, "SELECT count(*) FROM macro_observations")
    with sandbox.fault("revised", "GDP"):
        assert run(instance, "refresh_macro").success
    assert scalar(fetching, "SELECT count(*) FROM macro_observations") == before + 1
    with sandbox.fault("server_error", "503"):
        assert run(instance, "refresh_macro").success
    assert "503" in scalar(fetching, "SELECT error FROM macro_series WHERE series_id = 'GDP'")
    assert scalar(fetching, "SELECT count(*) FROM macro_observations") >= before


def test_without_a_key_updates_of_macro_data_fail_and_say_why(
    configured: Settings, instance: dg.DagsterInstance
) -> None:
    engine = database.engine(settings())
    record(engine, tenant_of(engine), {"event_type": "macro.update", "source": "x", "data": {}})
    assert run(instance).success
    assert scalar(engine, "SELECT status FROM ingestion_events") == "failed"
    assert "FRED_API_KEY" in scalar(engine, "SELECT error FROM ingestion_events")
    assert not run(instance, "refresh_macro").success
