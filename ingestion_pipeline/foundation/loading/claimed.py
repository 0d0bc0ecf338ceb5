"""Working off the queue: an attempt at a job, and what follows from it in its domain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.worker import Work, Worker, do_each
from ingestion_pipeline.foundation.loading.known import DOMAIN, KIND, Known, kind_of
from ingestion_pipeline.foundation.loading.loading import Loaded, load_upload
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storable import storable
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.landing import Landing

Find = Callable[[str], Known | None]


@dataclass(frozen=True)
class Attempt:
    """What became of an attempt at a file.

    Attributes:
        status: done, lost, retrying or failed.
        loaded: what it came to, if it is done.
        error: why it is not done.
    """

    upload_id: int
    status: str
    loaded: Loaded | None = None
    error: Exception | None = None


def load_claimed(
    engine: sa.Engine,
    configuration: Settings,
    find: Find,
    claims: Sequence[Claim],
    *,
    landing: Landing | None = None,
) -> Iterator[Attempt]:
    """Load the files of claimed jobs, one after the other; an error costs its file only.

    Args:
        engine: of a migrated database.
        configuration: how long a claim is its own, and how much is kept.
        find: a mapping by its name, None: there is none.
        claims: of jobs of `known.KIND`.
        landing: where the files are; None: where the settings say.
    """
    store = landing or Landing(configuration.landing)
    limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)

    def load(claim: Claim) -> Loaded:
        known = _known(find, claim)
        return load_upload(
            engine, store, claim, known, limits=limits, keeps=configuration.tenant_rejected_bytes
        )

    work = Work(do=load, failed=_failed, name=_named, is_senders=_is_senders)
    lease, backoff = configuration.job_lease, configuration.job_backoff
    for ended in do_each(engine, claims, work, lease=lease, backoff=backoff):
        upload_id = ended.claim.payload["upload_id"]
        yield Attempt(upload_id, ended.status, ended.result, ended.error)


def load_waiting(
    engine: sa.Engine,
    configuration: Settings,
    known: Known,
    worker: Worker,
    *,
    only: Sequence[int] | None = None,
    landing: Landing | None = None,
) -> Iterator[Attempt]:
    """Load the files that wait for a mapping, in the order in which they came, until none is due.

    Args:
        engine: of a migrated database.
        configuration: how long a claim is its own, and how much is kept.
        known: the mapping.
        worker: who works.
        only: jobs that may be taken; None: all of the mapping.
        landing: where the files are; None: where the settings say.
    """
    while True:
        with engine.begin() as connection:
            claims = worker.claim(connection, kind_of(known.name), limit=1, only=only)
            uploads.give_up_with_their_jobs(connection, domain=DOMAIN)
        if not claims:
            return
        yield from load_claimed(engine, configuration, lambda _: known, claims, landing=landing)


def _known(find: Find, claim: Claim) -> Known:
    name = claim.kind.removeprefix(KIND)
    known = find(name)
    if known is None:
        raise ConfigurationError(f"there is no mapping {name}: it was there when the file came")
    return known


def _failed(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
    """A file that is loaded stays so, though what follows failed."""
    c = uploads_table.c
    if status == "failed":
        connection.execute(
            sa.update(uploads_table)
            .where(c.upload_id == claim.payload["upload_id"], c.status != "loaded")
            .values(status="failed", error=storable(str(error)))
        )


def _named(claim: Claim) -> str:
    return f"job {claim.job_id} ({claim.kind})"


def _is_senders(_claim: Claim, error: Exception) -> bool:
    """A file of another shape is its sender's, who may have sent what is of another mapping."""
    return isinstance(error, ContractError | MappingError)
