"""Every check of KPIs passes on good data and fails on the fault that it is there for."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.kpis.checks import CHECKS
from ingestion_pipeline.domains.kpis.publish.summary import publish_summary
from ingestion_pipeline.domains.kpis.sample import write_sample_readings
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.kpis.builders import execute, publish_all, send, update

ALL = sorted((key.asset_key.path[-1], key.name) for check in CHECKS for key in check.check_keys)
TODAY = datetime.now(UTC)
DAYS = [TODAY.date() - timedelta(days=ago) for ago in (3, 2, 1)]
TABLES = (
    "key_value", "kpi_updates", "kpi_points", "kpi_job_kpis", "kpi_jobs", "kpi_errors",
    "kpi_daily_summary",
)  # fmt: skip


@pytest.fixture
def published(configured: Settings) -> sa.Engine:
    """A database with published sample data."""
    engine = database.engine(settings())
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    write_sample_readings(engine, tenant_id, days=DAYS, until=TODAY)
    # A value that JSON gives back as an integer, and one in conflict with it.
    send(engine, update(kpi="large", at=TODAY, value=1.2345e25))
    send(engine, update(kpi="large", at=TODAY, value=1.0, trace="other"))
    for day in (*DAYS, TODAY.date()):
        publish_all(engine, day)
        publish_summary(engine, day)
    return engine


def evaluations(*only: tuple[str, str]) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    keys = [dg.AssetCheckKey(dg.AssetKey(["kpis", asset]), name) for asset, name in only or ALL]
    job = dg.define_asset_job("checks_only", selection=dg.AssetSelection.checks(*keys))
    with_job = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    result = with_job.resolve_job_def("checks_only").execute_in_process()
    return {
        (found.asset_key.path[-1], found.check_name): found
        for found in result.get_asset_check_evaluations()
    }


FAULTS = [
    ("UPDATE kpi_updates SET pending = true, received_at = now() - interval '1 hour'",
     ("updates", "published")),
    ("UPDATE kpi_updates SET error = 'x'", ("updates", "publishable")),
    ("DELETE FROM kpi_points WHERE kpi_id = 'mvrv'", ("points", "agree_with_updates")),
    ("UPDATE kpi_points SET value = value + 1", ("points", "agree_with_updates")),
    ("UPDATE kpi_points SET kpi_id = 'a b ' || kpi_id", ("points", "schema")),
    ("UPDATE kpi_points SET value = 'NaN'", ("points", "schema")),
    ("DELETE FROM key_value", ("packages", "documents_equal_tables")),
    ("UPDATE key_value SET value = value || '{\"data\": 1}'",
     ("packages", "documents_equal_tables")),
    ("DELETE FROM kpi_points WHERE kpi_id = 'mvrv'", ("timeseries", "documents_equal_tables")),
    ("UPDATE kpi_job_kpis SET error = 'x'", ("jobs", "documents_equal_tables")),
    ("UPDATE kpi_job_kpis SET status = 'failed'", ("jobs", "states_are_consistent")),
    ("UPDATE kpi_job_kpis SET completed_at = NULL", ("jobs", "states_are_consistent")),
    ("UPDATE kpi_job_kpis SET status = 'pending'; "
     "UPDATE kpi_jobs SET timeout_at = now() - interval '1 hour'",
     ("jobs", "timeouts_are_applied")),
    ("UPDATE kpi_errors SET message = 'x'", ("errors", "documents_equal_tables")),
    ("INSERT INTO kpi_errors (tenant_id, sha256, trace_id, kpi_ids, message, observed_at, n, body)"
     " SELECT 1, g::text, 't', '{}', 'x', now(), g, '{}' FROM generate_series(1, 10) g",
     ("errors", "few_of_a_kind")),
    ("UPDATE kpi_daily_summary SET mean = maximum + 1", ("daily_summary", "possible")),
    ("UPDATE kpi_daily_summary SET day = day - 20", ("daily_summary", "no_series_fell_silent")),
]  # fmt: skip


def test_every_check_passes_on_good_data_and_fails_on_its_fault(published: sa.Engine) -> None:
    """One database for all of them: a copy a fault would cost more than the checks."""
    found = evaluations()
    assert sorted(found) == ALL
    assert [key for key, evaluation in found.items() if not evaluation.passed] == []
    execute(published, "; ".join(f"CREATE TABLE saved_{t} AS TABLE {t}" for t in TABLES))
    restore = "; ".join(
        f"TRUNCATE {t}; INSERT INTO {t} OVERRIDING SYSTEM VALUE SELECT * FROM saved_{t}"
        for t in TABLES
    )
    for statement, check in FAULTS:
        execute(published, statement)
        assert not evaluations(check)[check].passed, (statement, check)
        execute(published, restore)
    assert {check for _, check in FAULTS} == set(ALL)
