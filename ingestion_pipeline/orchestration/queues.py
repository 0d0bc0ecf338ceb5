"""Runs for jobs of the ledger: the sensor of every wing with a queue.

What a run takes is decided by the queue (decision 0006); a run is asked for where one would find
something to take.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration import sensing

DUE = "queue/due"  # the tag of a run that says for which jobs, in which attempt, it was asked for
LONGEST_PAUSE = 300.0  # seconds between a run that left its jobs and the next that is to take them
PARTITION = "dagster/partition"


@dataclass(frozen=True)
class Queue:
    """The jobs of the ledger that the runs of a Dagster job take.

    Attributes:
        job: the Dagster job's name.
        what: the jobs of the ledger are called.
        tag: of a run, how many of them it was asked for.
        kinds: of these jobs.
        batch: how many of a kind a run takes.
        assets: by kind, the asset that takes it; empty: a run is of all assets of its job.
        partitions: by kind, the partition that takes it; empty: a run has none. Of a partition
            there is one run at a time.
    """

    job: str
    what: str
    tag: str
    kinds: Collection[str]
    batch: Callable[[Settings], int]
    assets: Mapping[str, dg.AssetKey] = field(default_factory=dict)
    partitions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Due:
    """A job of the ledger that may be claimed now; `attempt` is how often it has been tried."""

    job_id: int
    attempt: int
    kind: str


@dataclass(frozen=True)
class Earlier:
    """The runs before one.

    Attributes:
        about_to_take: how many will take what is due.
        tried: how many were asked for the very same jobs, each in the same attempt.
        seconds_since: the newest of these ended.
    """

    about_to_take: int = 0
    tried: int = 0
    seconds_since: float = 0.0


def decide(key: str, earlier: Earlier) -> str | None:
    """The run key of the run to request; None: not now.

    Dagster never starts a second run of a key, even when the first came to nothing. So how many
    there have been is part of it, and the next waits a while.

    Args:
        key: of the jobs that are due, each with its attempt.
        earlier: the runs before it.
    """
    pause = min(5.0 * 2 ** min(earlier.tried, 8), LONGEST_PAUSE) if earlier.tried else 0.0
    if earlier.about_to_take or earlier.seconds_since < pause:
        return None
    return f"{key}-{earlier.tried}"


def queue_sensor(
    queue: Queue, *, name: str, description: str, tags: Mapping[str, str] | None = None
) -> dg.SensorDefinition:
    """A sensor that starts the runs of a queue; `tags` are further ones of these."""

    @dg.sensor(
        name=name,
        job_name=queue.job,
        minimum_interval_seconds=sensing.EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
    def sensor(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        return requests(context, queue, tags)

    return sensor


def requests(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext,
    queue: Queue,
    tags: Mapping[str, str] | None = None,
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs to request now: one, or one a partition; our database is asked first."""
    most = queue.batch(sensing.resource(context, "configuration").read())
    with sensing.resource(context).engine().connect() as connection:
        due = due_jobs(connection, queue.kinds, most=most)
    if not due:
        return dg.SkipReason(f"no {queue.what} are waiting")
    of_each: dict[str | None, list[Due]] = defaultdict(list)
    for each in due:
        of_each[queue.partitions.get(each.kind)].append(each)
    found = []
    for partition, own in of_each.items():
        key = sensing.run_key_of(
            partition or queue.what, ((each.job_id, each.attempt) for each in own)
        )
        at_work = None if partition is None else {PARTITION: partition}
        run_key = decide(key, earlier_runs(context.instance, queue.job, key, at_work))
        if run_key is not None:
            said = {**(tags or {}), DUE: key, queue.tag: str(len(own))}
            found.append(_request(queue, run_key, own, partition, said))
    return found or dg.SkipReason(
        f"runs take the {len(due)} waiting {queue.what}, or have just left them"
    )


def due_jobs(connection: sa.Connection, kinds: Collection[str], *, most: int) -> list[Due]:
    """Jobs that may be claimed now, of each kind the oldest `most`."""
    c = jobs_table.c
    of_each = [
        sa.select(c.job_id, c.attempt, c.kind)
        .where(jobs.claimable(kind)).order_by(c.job_id).limit(most).subquery().select()
        for kind in kinds
    ]  # fmt: skip
    return [Due(*row) for row in connection.execute(sa.union_all(*of_each))]


def earlier_runs(
    instance: dg.DagsterInstance, job: str, key: str, at_work: Mapping[str, str] | None = None
) -> Earlier:
    """A run that is about to start takes all that is due, one that has begun what it was asked for.

    Args:
        instance: that knows the runs.
        job: the Dagster job's name.
        key: of the jobs that are due, each with its attempt.
        at_work: tags of runs that take all, also once they have begun: they go on until nothing is
            due; None: there are none.
    """
    taking = dg.RunsFilter(job_name=job, statuses=sensing.ABOUT_TO_START)
    if at_work is not None:
        taking = dg.RunsFilter(job_name=job, statuses=sensing.UNFINISHED, tags={**at_work})
    same = dg.RunsFilter(job_name=job, tags={DUE: key})
    tried, about_to_take = instance.get_runs_count(same), instance.get_runs_count(taking)
    if not tried:
        return Earlier(about_to_take)
    [newest] = instance.get_run_records(same, limit=1)
    if newest.dagster_run.status in sensing.UNFINISHED:
        about_to_take += 1
    ended = newest.end_time or newest.create_timestamp.timestamp()
    return Earlier(about_to_take, tried, time.time() - ended)


def _request(
    queue: Queue, run_key: str, due: Sequence[Due], partition: str | None, tags: dict[str, str]
) -> dg.RunRequest:
    assets = sorted({queue.assets[each.kind] for each in due}) if queue.assets else None
    if partition is not None:
        tags = {**tags, "partition": partition}
    return dg.RunRequest(run_key, partition_key=partition, asset_selection=assets, tags=tags)
