"""What the sensors of several domains share: how often they look, and how they tell runs apart."""

import hashlib
from collections.abc import Iterable

import dagster as dg

EVERY_SECONDS = 4  # the daemon looks every five; an interval of five would tick every ten
ABOUT_TO_START = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
]
UNFINISHED = [*ABOUT_TO_START, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def runs_about_to_start(instance: dg.DagsterInstance, job_name: str) -> int:
    """How many runs of a job have yet to claim what is due: one more would find nothing."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job_name, statuses=ABOUT_TO_START))


def run_key_of(prefix: str, due: Iterable[tuple[int, int]]) -> str:
    """The key of the run that takes jobs of the ledger: (job id, attempts so far), in any order.

    The attempt is part of it: a retry is a new run, the same tick seen twice is not.
    """
    text = ",".join(f"{job_id}:{attempt}" for job_id, attempt in sorted(due))
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
