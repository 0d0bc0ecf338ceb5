"""What the sensors of several domains share: how often they look, where they get their resources,
and how they tell runs apart.

A tick that finds nothing due is what happens all day, so it must cost next to nothing: sensors ask
our database first, and Dagster's instance only when something is due. Opening the instance reads
all of Dagster's migrations, a hundred times the cost of the question.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg

EVERY_SECONDS = 4  # the daemon looks every five; an interval of five would tick every ten
ABOUT_TO_START = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
]
UNFINISHED = [*ABOUT_TO_START, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
LONGEST_PAUSE = 600.0  # seconds between a run that failed and the next
_REMEMBERED_RUNS = 8

_kept: WeakKeyDictionary[dg.ResourceDefinition, Any] = WeakKeyDictionary()


def resource(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, key: str = "database"
) -> Any:
    """A resource of the Definitions, or the one that a test hands in.

    A sensor that has it as a parameter, or names it in `required_resource_keys`, gets it made anew
    at every tick, and Dagster opens the instance for that. Here it is made once a process and
    definition, beside an instance in memory. (For schedules Dagster opens the instance anyway.)

    Args:
        context: of the tick; a test's has `build_sensor_context(resources={key: …})`.
        key: of a resource that needs no other, no instance and no teardown.

    Raises:
        LookupError: there is no such resource.
    """
    handed_in = context.resource_defs or {}
    repository = context.repository_def
    known = {**(repository.get_top_level_resources() if repository else {}), **handed_in}
    if key not in known:
        raise LookupError(f"there is no resource {key!r}")
    definition = known[key]
    if definition not in _kept:
        with dg.build_resources({key: definition}) as made:
            _kept[definition] = getattr(made, key)
    return _kept[definition]


def run_tags(domain: str, *partitions: str) -> dict[str, str]:
    """What the list of runs shows of a run: whose it is, and of which partitions.

    Args:
        domain: of a job, or of a run that has none.
        partitions: the first and the last; one, where there is one; none of a run without.
    """
    tags = {"domain": domain}
    return tags | ({"partition": "...".join(dict.fromkeys(partitions))} if partitions else {})


def run_key_of(prefix: str, due: Iterable[tuple[int, int]]) -> str:
    """The key of the run that takes jobs of the ledger: (job id, attempts so far), in any order.

    The attempt is part of it: a retry is a new run, the same tick seen twice is not.
    """
    text = ",".join(f"{job_id}:{attempt}" for job_id, attempt in sorted(due))
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def may_run(statuses: Sequence[dg.DagsterRunStatus], seconds_since: float, *, every: float) -> bool:
    """Whether another run may start now: a failing one waits twice as long each time.

    Args:
        statuses: of the runs before, the newest first.
        seconds_since: the newest ended.
        every: seconds from one run that is well to the next.
    """
    failures = 0
    for status in statuses:
        if status in UNFINISHED:
            return False
        if status is not dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    return not failures or seconds_since >= min(every * 2**failures, LONGEST_PAUSE)


def run_before(context: dg.SensorEvaluationContext, job_name: str, *, every: float) -> str | None:
    """The run of a job before the next, which may start now; None: one is at work, or a pause.

    It belongs into the next one's key, empty where there was none: Dagster never starts a second
    run of a key, even when the first came to nothing.
    """
    records = context.instance.get_run_records(
        dg.RunsFilter(job_name=job_name), limit=_REMEMBERED_RUNS
    )
    ended = (records[0].end_time or records[0].create_timestamp.timestamp()) if records else 0.0
    statuses = [record.dagster_run.status for record in records]
    if not may_run(statuses, time.time() - ended, every=every):
        return None
    return records[0].dagster_run.run_id[:8] if records else ""
