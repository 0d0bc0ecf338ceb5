"""Files of this machine, loaded at once: the same as of any other door, without its runs.

A file lands and is recorded with its job first, and the job is then worked off here. Killed in
between, the same command goes on where it was; where Dagster runs, and the mapping is described,
its own run may be faster.
"""

from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.loading.claimed import Attempt, load_waiting
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.loading.recording import Recorded, record, record_again
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline.foundation.storage.landing import Landing, chunks_of, landing_name


@dataclass
class Direct:
    """What became of a file.

    Attributes:
        is_new: whether it was loaded, or tried, because of this.
        attempts: the attempts at it, the last one last.
    """

    name: str
    recorded: Recorded
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def status(self) -> str:
        """`loaded`, `known`, or what the last attempt came to: retrying, failed, lost."""
        if not self.attempts:
            return "known"
        last = self.attempts[-1].status
        return "loaded" if last == "done" else last

    @property
    def error(self) -> str | None:
        """Why it is not loaded."""
        error = self.attempts[-1].error if self.attempts else None
        return None if error is None else str(error)


def load_file(
    engine: sa.Engine, configuration: Settings, known: Known, path: Path, *, tenant_id: int,
    tenant: str,
) -> Direct:  # fmt: skip
    """Load a file; one that had come before, and is loaded, is left alone.

    Raises:
        ContractError: its name can't be used.
        OSError: it can't be read.
    """
    if rule := file_name_problem(path.name):
        raise ContractError(f"file name: {rule}")
    landing = Landing(configuration.landing)
    with path.open("rb") as file:
        landed = landing.write(landing_name(tenant, path.name), chunks_of(file))
    with engine.begin() as connection:
        recorded = record(
            connection, tenant_id=tenant_id, mapping=known.name, file_name=path.name,
            landed=landed, source="cli", attempts=configuration.job_attempts,
        )  # fmt: skip
    if not recorded.keeps:
        landing.remove(landed.location)
    return _worked_off(engine, configuration, known, Direct(path.name, recorded))


def load_again(engine: sa.Engine, configuration: Settings, known: Known, upload_id: int) -> Direct:
    """Read a loaded file once more, by what its mapping says today.

    Raises:
        ContractError: there is no such file of a mapping, or it is gone.
    """
    with engine.begin() as connection:
        recorded = record_again(connection, upload_id, attempts=configuration.job_attempts)
    return _worked_off(engine, configuration, known, Direct(f"upload {upload_id}", recorded))


def _worked_off(engine: sa.Engine, configuration: Settings, known: Known, direct: Direct) -> Direct:
    worker = Worker("command line", None, configuration.job_lease, configuration.job_backoff)
    direct.attempts += load_waiting(
        engine, configuration, known, worker, only=[direct.recorded.job_id]
    )
    return direct
