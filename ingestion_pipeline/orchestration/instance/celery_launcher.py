"""Dagster's runs on Celery workers, and runs noticed whose worker has died.

`deploy/celery/dagster.yaml` names the launcher; it belongs to Dagster's instance, not to a code
location, and no wing knows of it. The package dagster-celery comes with the extra `celery`.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, unpack_value
from dagster_celery.launcher import CeleryRunLauncher

_ANSWER_LASTS = 2.0  # seconds: one question for all runs that monitoring looks at in a round


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """A CeleryRunLauncher that asks the workers which runs they are at.

    The one of dagster-celery believes the last state that a task wrote of itself: a run whose
    worker was killed stays `STARTED` until `max_runtime_seconds`. This one asks. A run that no
    worker has said it is at, for longer than a busy worker may be silent, is lost: monitoring fails
    it, and run retries or the queue of its jobs begin anew.

    Attributes:
        answer_seconds: that workers have to answer.
        patience_seconds: that a run may go unnamed, over several questions.
    """

    def __init__(
        self, *, answer_seconds: int = 5, patience_seconds: int = 60, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._answer_seconds = answer_seconds
        self._patience_seconds = patience_seconds
        self._at_work: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._unnamed_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The keys under `run_launcher.config` in dagster.yaml."""
        theirs: Any = super().config_type()
        return {
            **theirs,
            "answer_seconds": dg.Field(dg.IntSource, is_required=False, default_value=5),
            "patience_seconds": dg.Field(dg.IntSource, is_required=False, default_value=60),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """The launcher that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_resume_run(self) -> bool:
        """Not: the in-process executor can't; a lost run is begun anew."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a worker is at the run.

        Raises:
            kombu.exceptions.OperationalError: the broker does not answer, so nothing is known.
        """
        if time.monotonic() - self._asked_at > _ANSWER_LASTS:
            self._at_work = frozenset(self._ask())
            self._asked_at = time.monotonic()
        if run.run_id in self._at_work:
            self._unnamed_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        since = self._unnamed_since.setdefault(run.run_id, self._asked_at)
        if self._asked_at - since < self._patience_seconds:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._unnamed_since[run.run_id]
        said = f"no worker has been at it for {self._patience_seconds} seconds"
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, said)

    def _ask(self) -> Iterator[str]:
        """The runs that the workers are at."""
        answers = self.celery.control.inspect(timeout=self._answer_seconds).active() or {}
        for tasks in answers.values():
            for task in tasks:
                packed = task["kwargs"]["execute_job_args_packed"]
                yield unpack_value(packed, as_type=ExecuteRunArgs).run_id
