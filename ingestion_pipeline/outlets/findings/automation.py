"""When it is looked: sensors over what is due."""

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.outlets.findings.analysis.packages import any_wanted
from ingestion_pipeline.outlets.findings.assets import (
    WING,
    analyses,
    findings,
    silences,
)
from ingestion_pipeline.outlets.findings.looking import now_utc
from ingestion_pipeline.outlets.findings.series import WATCHED, due
from ingestion_pipeline.outlets.findings.telling import untold

EVERY_SECONDS = 30
LOOK_EVERY_SECONDS = 300  # a look costs some seconds, and a finding is of a quarter of an hour

analyse_packages = dg.define_asset_job(
    "analyse_packages",
    selection=dg.AssetSelection.assets(analyses).without_checks(),
    description="Put analyses on packages of KPIs that want one.",
    tags=sensing.run_tags(WING.name),
)


@dg.sensor(
    job=analyse_packages,
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when new packages of KPIs have no analysis.",
)
def packages_without_analysis(
    context: dg.SensorEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """Request a run, unless one is under way."""
    with sensing.resource(context).engine().connect() as connection:
        if not any_wanted(connection):
            return dg.SkipReason("no package wants an analysis")
    return _run_unless_at_work(context, analyse_packages.name)


look_for_findings = dg.define_asset_job(
    "look_for_findings",
    selection=dg.AssetSelection.assets(findings),
    description="Look for what is out of the ordinary, and tell it.",
    tags=sensing.run_tags(WING.name),
)
listen_for_silences = dg.define_asset_job(
    "listen_for_silences",
    selection=dg.AssetSelection.assets(silences),
    description="Look for senders and sources that have gone quiet, and tell it.",
    tags=sensing.run_tags(WING.name),
)


@dg.sensor(
    job=look_for_findings,
    minimum_interval_seconds=LOOK_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when something that is watched has new points, or a finding is to "
    "be told.",
)
def watched_series(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request a run, unless one is under way."""
    url = sensing.resource(context, "configuration").read().alert_webhook_url
    now = now_utc()
    with sensing.resource(context).engine().connect() as connection:
        tell = url is not None and connection.execute(untold(now).limit(1)).first() is not None
        if not tell and not any(due(connection, kind, now=now, limit=1) for kind in WATCHED):
            return dg.SkipReason("nothing that is watched has new points")
    return _run_unless_at_work(context, look_for_findings.name)


_ANYBODY = sa.text("""
    SELECT EXISTS (SELECT FROM uploads) OR EXISTS (SELECT FROM kpi_receipts)
        OR EXISTS (SELECT FROM ingestion_events) OR EXISTS (SELECT FROM collected_days)
        OR EXISTS (SELECT FROM series_windows) OR EXISTS (SELECT FROM macro_observations)
""")


@dg.schedule(
    job=listen_for_silences,
    cron_schedule="*/30 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks every half hour whether somebody has gone quiet.",
)
def half_hourly_silences(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """Request a run, once anything has come."""
    with sensing.resource(context).engine().connect() as connection:
        if not connection.scalar(_ANYBODY):
            return dg.SkipReason("nothing has come yet")
    return dg.RunRequest(tags=sensing.run_tags(WING.name))


check_analyses = dg.define_asset_job(
    "check_analyses",
    selection=dg.AssetSelection.checks_for_assets(analyses),
    description="Run all checks of analyses.",
    tags=sensing.run_tags(WING.name),
)
checks_of_analyses = dg.ScheduleDefinition(
    name="daily_checks_of_analyses",
    job=check_analyses,
    cron_schedule="37 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs the checks of analyses every night.",
)


def _run_unless_at_work(
    context: dg.SensorEvaluationContext, job_name: str
) -> dg.RunRequest | dg.SkipReason:
    under_way = dg.RunsFilter(job_name=job_name, statuses=sensing.UNFINISHED)
    if context.instance.get_runs_count(under_way):
        return dg.SkipReason("a run is at work")
    return dg.RunRequest(tags=sensing.run_tags(WING.name))
