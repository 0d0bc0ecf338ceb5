"""When analyses are made: a sensor over packages that want one."""

import dagster as dg

from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.outlets.findings.analysis.packages import any_wanted
from ingestion_pipeline.outlets.findings.assets import WING, analyses

EVERY_SECONDS = 30

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
    under_way = dg.RunsFilter(job_name=analyse_packages.name, statuses=sensing.UNFINISHED)
    if context.instance.get_runs_count(under_way):
        return dg.SkipReason("a run is at work")
    return dg.RunRequest(tags=sensing.run_tags(WING.name))
