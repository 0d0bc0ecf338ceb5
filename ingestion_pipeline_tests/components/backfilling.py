"""A backfill of an API of a file in a process of its own, which may be killed."""

import sys

import dagster as dg

from ingestion_pipeline.components.loading import load
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.orchestration.partitions import RANGE
from ingestion_pipeline.orchestration.resources import RESOURCES

JOB = "collect_plant_readings"


def job() -> dg.JobDefinition:
    """The job of the API, as the files of `DEFS_FOLDER` say."""
    parts, faults = load(settings().described, beside=dg.Definitions())
    assert not faults, faults
    made = dg.Definitions.merge(*parts, dg.Definitions(resources=RESOURCES))
    return made.resolve_job_def(JOB)


def main(first: str, last: str, before: str = "") -> None:
    """Collect days in one run, as a backfill does.

    Args:
        before: the run that this one takes up again, as `run_retries` has it; empty: none.
    """
    again = dg.ReexecutionOptions(parent_run_id=before) if before else None
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(
            dg.reconstructable(job),
            instance=instance,
            tags=dict(zip(RANGE, (first, last), strict=True)),
            run_config={"execution": {"config": {"in_process": {}}}},
            reexecution_options=again,
        )
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
