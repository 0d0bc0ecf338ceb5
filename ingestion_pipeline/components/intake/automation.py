"""When files are loaded: at once when some wait, a run a mapping and day; the drop folder. What
they went into is checked afterwards.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion_pipeline.components.intake.assets import GROUP, key_of
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.loading.days import Waiting, newest_loaded, waiting
from ingestion_pipeline.foundation.loading.dropped import receive_dropped
from ingestion_pipeline.foundation.loading.known import Known, kind_of
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.queues import DUE, PARTITION, decide, earlier_runs

JOB, SENSOR, DROPPED = "load_mapped_files", "waiting_mapped_files", "dropped_mapped_files"
CHECKS, LOADED = "check_mapped_files", "loaded_mapped_files"
_LOOK_SECONDS = 14  # as the other drop folders of days, not of seconds
_SCAN_SECONDS = 30  # a tick is ended after sixty
_MAPPING = "intake/mapping"


def automation(knowns: Sequence[Known]) -> dg.Definitions:
    """The job of all mappings, and the sensor that starts its runs."""
    keys = {each.name: key_of(each) for each in knowns}
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*keys.values()),
        description="Load the files of a day that wait for a mapping.",
        # The queue tries again what a failed run had claimed; a retry beside it finds nothing.
        tags={"dagster/max_retries": "0", **sensing.run_tags(GROUP)},
    )

    @dg.sensor(
        name=SENSOR,
        job=job,
        minimum_interval_seconds=sensing.EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run for each mapping and day of which files wait.",
    )
    def waiting_files(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        most = sensing.resource(context, "configuration").read().batch_uploads
        with sensing.resource(context).engine().connect() as connection:
            due = waiting(connection, keys, most=most)
        if not due:
            return dg.SkipReason("no files are waiting")
        of_each: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
        for each in due:
            of_each[each.mapping, each.day.isoformat()].append(each)
        found = [
            request
            for (name, day), own in of_each.items()
            if (request := _request(context.instance, name, day, own, keys[name]))
        ]
        return found or dg.SkipReason(f"runs take the {len(due)} waiting files, or have just left")

    return dg.Definitions(jobs=[job], sensors=[waiting_files, _dropped(Mappings(knowns))])


def checking(knowns: Sequence[Known]) -> dg.Definitions:
    """The checks of what mappings load: a domain's own runs, which run them, have no part in it."""
    assets = sorted({registry.asset_of(target) for each in knowns for target in each.targets})
    job = dg.define_asset_job(
        CHECKS,
        selection=dg.AssetSelection.checks_for_assets(*map(dg.AssetKey.from_user_string, assets)),
        description="Check what mapped files went into.",
        tags=sensing.run_tags(GROUP),
    )
    kinds = [kind_of(each.name) for each in knowns]

    @dg.sensor(
        name=LOADED,
        job=job,
        minimum_interval_seconds=_LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the checks of what files went into, once they are there.",
    )
    def loaded_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with sensing.resource(context).engine().connect() as connection:
            newest = newest_loaded(connection, kinds)
        if newest is None or newest.isoformat() == context.cursor:
            return dg.SkipReason("nothing was loaded since the last checks")
        context.update_cursor(newest.isoformat())
        return dg.RunRequest(f"{CHECKS}-{newest.isoformat()}")

    return dg.Definitions(jobs=[job], sensors=[loaded_files])


def _dropped(mappings: Mappings) -> dg.SensorDefinition:
    @dg.sensor(
        name=DROPPED,
        target=None,
        minimum_interval_seconds=_LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records complete files that it finds in the drop folder's folders of sources.",
    )
    def dropped_files(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        found = receive_dropped(
            sensing.resource(context).engine(),
            sensing.resource(context, "configuration").read(),
            mappings,
            landing=sensing.resource(context, "landing").landed(),
            until=datetime.now(UTC) + timedelta(seconds=_SCAN_SECONDS),
        )
        for said in (*found.left, *found.known):
            context.log.warning("drop folder: %s", printable(said))
        return dg.SkipReason(
            f"{len(found.recorded)} files recorded; {len(found.left)} left; "
            f"{found.unfinished} still change"
        )

    return dropped_files


def _request(
    instance: dg.DagsterInstance, name: str, day: str, own: list[Waiting], key: dg.AssetKey
) -> dg.RunRequest | None:
    due = sensing.run_key_of(f"{name}/{day}", ((each.job_id, each.attempt) for each in own))
    at_work = {PARTITION: day, _MAPPING: name}
    run_key = decide(due, earlier_runs(instance, JOB, due, at_work))
    if run_key is None:
        return None
    tags = {DUE: due, _MAPPING: name, "intake/files": str(len(own)), "partition": day}
    return dg.RunRequest(run_key, partition_key=day, asset_selection=[key], tags=tags)
