"""Findings in Dagster: what is due starts a run, the run finds, the check says what is open."""

from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.kpis.merge.grade import merge_points
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline.outlets.findings.assets import analyses, findings, silences
from ingestion_pipeline.outlets.findings.automation import (
    half_hourly_silences,
    packages_without_analysis,
    watched_series,
)
from ingestion_pipeline_tests.domains.kpis.builders import LATE, send, update


def _tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> object:
    with dg.build_sensor_context(
        definitions=defs, instance=instance, resources=dict(RESOURCES)
    ) as context:
        return sensor(context)


def test_an_empty_installation_starts_no_run_and_a_reading_starts_each(
    configured: Settings,
) -> None:
    engine = database.engine(configured)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(_tick(watched_series, instance), dg.SkipReason)
        assert isinstance(_tick(packages_without_analysis, instance), dg.SkipReason)
        with dg.build_schedule_context(
            instance=instance, repository_def=defs.get_repository_def()
        ) as context:
            assert isinstance(half_hourly_silences(context), dg.SkipReason)
        with engine.begin() as connection:
            tenant_id = tenants.ensure(connection, "acme")
        now = datetime.now(UTC)
        send(engine, update(tenant_id, at=now))
        merge_points(engine, now.date(), late=LATE, limit=100)
        assert isinstance(_tick(watched_series, instance), dg.RunRequest)
        assert isinstance(_tick(packages_without_analysis, instance), dg.RunRequest)
        done = dg.materialize(
            [findings, silences, analyses], instance=instance, resources=dict(RESOURCES)
        )
        assert done.success
        assert isinstance(_tick(watched_series, instance), dg.SkipReason)
        assert isinstance(_tick(packages_without_analysis, instance), dg.SkipReason)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT verdict FROM watched_subjects")) == "unknown"
        assert connection.scalar(sa.text("SELECT analysis ->> 'verdict' FROM kpi_analyses")) == (
            "unknown"
        )
