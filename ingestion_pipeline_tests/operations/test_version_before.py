"""A database and a Dagster instance of the release before, taken up by this one: all goes on.

The home was made by that release itself (`before/make.py`): loaded, and stopped with work of every
sort under way. Nothing in it is made by hand but what only a crash at an unlucky moment leaves.
"""

import json
from collections.abc import Iterator

import httpx
import pytest
from dagster._core.scheduler.instigation import InstigatorType
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.definitions import defs
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import metrics
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.orchestration.housekeeping import fail_orphaned_runs
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.gateway.running import serving
from ingestion_pipeline_tests.operations.before import production
from ingestion_pipeline_tests.operations.before.restored import Restored, taken_up, unpack

pytestmark = [
    pytest.mark.slow,
    # What Dagster asks its own schedules for, and how it says that a tick was cut off.
    pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is"),
    pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated"),
]
SANDBOX = {"points": 3, "interval_seconds": 1800}
OPEN = "SELECT kind, status FROM jobs WHERE status IN ('pending', 'processing', 'retrying')"
RUNS = """{ runsOrError { ... on Runs { results { runId status jobName tags { key value }
  eventConnection(limit: 1000) { events { __typename } }
  assetMaterializations { assetKey { path } } } } } }"""
PARTITIONS = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
  ... on AssetNode { partitionStats { numMaterialized numFailed } } } }"""
LOADED = """SELECT upload_id, lines, staged, inserted, updated, unchanged FROM uploads
  WHERE loaded_at < :upgraded ORDER BY upload_id"""
AUSTIN = "SELECT vacancy_rate_pct::text FROM market_fundamentals WHERE market_slug = 'austin'"
EVENT = {
    "event_type": "market.fundamentals.upsert", "market_slug": "phoenix", "source": "me",
    "data": {
        "vacancy_rate_pct": 6.5, "avg_asking_rent_psf_yr_nnn": 12.4, "yoy_rent_growth_pct": 3.1,
        "avg_cap_rate_pct": 6.25,
    },
}  # fmt: skip
FILLED = {
    "alerts", "api_keys", "api_requests", "building_alerts", "collected_days", "cron_logs",
    "customers", "daily_sales", "idempotency_keys", "ingestion_events", "job_attempts", "jobs",
    "key_value", "kpi_jobs", "kpi_points", "kpi_updates", "macro_observations",
    "market_fundamentals", "order_items", "order_items_staging", "orders", "products",
    "rejected_rows", "sales_events", "tenants", "timeseries_daily", "timeseries_hourly",
    "timeseries_raw", "upload_sessions", "uploads", "weather_raw",
}  # fmt: skip
HEADERS = {"X-API-Key": production.API_KEY}

# What later releases make of what is there.
FOLLOWING = {
    "refresh_days_of_marts", "refresh_marts", "look_for_findings", "analyse_packages", "write_lake",
}  # fmt: skip


@pytest.fixture(scope="module")
def before(
    bare_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_process: RunningSandbox,
) -> Iterator[Restored]:
    """The home, taken up."""
    home = unpack(tmp_path_factory.mktemp("before"))
    told = production.upstreams(sandbox_process.url) | {
        "INGESTION_HOME": str(home), "DATABASE_URL": bare_database_url,
        "DAGSTER_HOME": str(home / "dagster"),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (production.SETTINGS | told).items():
            patched.setenv(name, value)
        settings.cache_clear()
        engine = database.engine(bare_database_url)
        try:
            with taken_up(engine, home) as restored:
                yield restored
        finally:
            metrics.flush()
            engine.dispose()
            database.engine.cache_clear()
            settings.cache_clear()


def test_no_row_is_lost_doubled_or_changed_by_the_upgrade(before: Restored) -> None:
    expected = dict(before.before)
    after = dict(before.after)
    assert expected.pop("alembic_version") != after.pop("alembic_version")
    assert after == expected
    assert {name for name, content in expected.items() if content.rows} >= FILLED
    with before.engine.connect() as connection:
        assert schema.current_revision(connection) == schema.head_revision()


def test_old_runs_are_shown_with_their_logs(before: Restored) -> None:
    shown = before.graphql(RUNS)["runsOrError"]["results"]
    assert {run["status"] for run in shown} >= {"SUCCESS", "QUEUED"}
    for run in shown:
        logged = {event["__typename"] for event in run["eventConnection"]["events"]}
        wanted = {"SUCCESS": "RunSuccessEvent", "FAILURE": "RunFailureEvent"}
        assert wanted.get(run["status"], "RunEnqueuedEvent") in logged
    materialized = {
        "/".join(made["assetKey"]["path"]) for run in shown for made in run["assetMaterializations"]
    }
    assert materialized >= {
        "commerce/orders", "kpis/packages", "buildings/timeseries_raw", "markets/fundamentals",
        "book_sales/daily_sales",
    }  # fmt: skip


def test_partitions_and_backfills_are_what_they_were(before: Restored) -> None:
    statuses = sorted(each.status.name for each in before.instance.get_backfills())
    assert statuses == ["COMPLETED_SUCCESS", "REQUESTED"]
    found = before.graphql(PARTITIONS, key={"path": ["buildings", "timeseries_raw"]})
    assert found["assetNodeOrError"]["partitionStats"] == {"numMaterialized": 2, "numFailed": 0}


def test_sensors_and_schedules_are_the_same(before: Restored) -> None:
    known = {state.instigator_name for state in before.instance.all_instigator_state()}
    repository = defs.get_repository_def()
    ours = {each.name for each in (*repository.sensor_defs, *repository.schedule_defs)}
    assert known <= ours
    assert len(known) >= 8
    for state in before.instance.all_instigator_state():
        ticks = before.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        assert ticks or state.instigator_type is InstigatorType.SCHEDULE, state.instigator_name


def test_what_was_under_way_is_done_once_and_nothing_is_done_again(before: Restored) -> None:
    [[upgraded]] = before.rows("SELECT now()")
    loaded_before = before.rows(LOADED, upgraded=upgraded)
    runs_before = before.instance.get_runs_count()
    assert fail_orphaned_runs(before.home / "dagster") == 1  # as `up` does: its process is gone
    waiting = before.queued()
    assert {run.job_name for run in waiting} == {"collect_buildings", "publish_documents"}
    before.tick()
    requested = before.queued()[len(waiting) :]
    assert {run.job_name for run in requested} - FOLLOWING == {
        "load_uploads", "publish_readings", "apply_events", "import_sales",
    }  # fmt: skip
    for run in before.queued():
        if run.job_name in FOLLOWING:  # an analysis has its package published once more
            before.instance.report_run_canceled(run)
        else:
            assert before.work(run), run.job_name
    assert before.rows(OPEN) == []
    assert before.rows("SELECT count(*) FROM kpi_updates WHERE pending") == [(0,)]
    assert before.rows(
        "SELECT status FROM jobs WHERE kind LIKE 'book%' AND error = 'given up'"
    ) == [("dead",)]
    assert before.rows(LOADED, upgraded=upgraded) == loaded_before
    assert before.rows(AUSTIN) == [("9.5",)]
    before.tick_again()
    # What was published is looked at; else nothing is left to do.
    followed = before.queued()
    checking = [run for run in followed if run.job_name not in FOLLOWING]
    assert [run.job_name for run in checking] == ["check_kpis"]
    assert before.instance.get_runs_count() == runs_before + len(requested) + len(followed)
    for run in followed:
        before.instance.report_run_canceled(run)


def test_a_day_that_was_cut_off_is_collected_whole(before: Restored) -> None:
    """The checkpoints are of the old release; what they say is there is not fetched again."""
    days = "SELECT DISTINCT left(split_part(key, ':', 3), 10) FROM key_value WHERE key LIKE :keys"
    keys = f"checkpoint:{production.SITE}:%"
    [[day]] = before.rows(days, keys=keys)
    told = ["collect", "--site", production.SITE, "--day", day, "--json"]
    collected = CliRunner().invoke(app, told)
    assert collected.exit_code == 0, collected.output
    document = json.loads(collected.stdout)
    assert (document["complete"], document["resumed"]) == (True, True)
    stored = "SELECT count(*) FROM timeseries_raw WHERE timestamp::date = CAST(:day AS date)"
    assert before.rows(stored, day=day) == [(document["kept"],)]
    assert before.rows(days, keys=keys) == []


def test_senders_go_on_where_they_were(before: Restored) -> None:
    """The old key, the old secret, the old session, the old idempotency key, the old point."""
    url = before.engine.url.render_as_string(hide_password=False)
    with (
        serving(url) as gateway,
        httpx.Client(base_url=gateway.url, headers=HEADERS, timeout=60) as http,
    ):
        files = before.home / "files"
        again = http.post(
            "/api/v1/ingest/comprehensive/",
            files={
                "file": (
                    "customers_sample.ndjson",
                    (files / "more/customers_sample.ndjson").read_bytes(),
                )
            },
            headers={"Idempotency-Key": "before"},
        )
        assert (again.status_code, again.headers.get("idempotent-replayed")) == (202, "true")
        half_a_file_goes_on(before, http)
        body = json.dumps(EVENT).encode()
        assert (
            http.post(
                "/api/ingest/webhook", content=body, headers=production.signed(body)
            ).status_code
            == 202
        )
        [[trace, kpi, at, value]] = before.rows(
            "SELECT trace_id, kpi_id, observed_at, value FROM kpi_points "
            "WHERE kpi_id = 'mrr' LIMIT 1"
        )
        reading = {
            "traceId": trace,
            "kpiId": kpi,
            "kpiType": "money",
            "timestamp": at.isoformat(),
            "data": {"value": value},
        }
        assert http.post("/api/kpi-data", json=reading).json()["status"] == "duplicate"


def half_a_file_goes_on(before: Restored, http: httpx.Client) -> None:
    path = before.home / "files/pending/orders_sample.ndjson"
    token = (path.parent / "session").read_text()
    session = http.get(f"/api/v1/ingest/sessions/{token}/status/").json()
    [file] = session["files"]
    [[first, last]] = file["missing"]
    content = path.read_bytes()
    assert 0 < first < last == len(content) - 1
    answer = http.put(
        f"/api/v1/ingest/sessions/{token}/files/{path.name}/",
        content=content[first:],
        headers={"Content-Range": f"bytes {first}-{last}/{len(content)}"},
    )
    assert answer.status_code == 202
    upload_id = answer.json()["upload_id"]
    before.tick_again()
    for run in before.queued():
        assert before.work(run)
    [[status, lines]] = before.rows(
        f"SELECT status, lines FROM uploads WHERE upload_id = {upload_id}"
    )
    assert (status, lines) == ("loaded", content.count(b"\n"))
