"""The queue of imports: what is recorded, who may work on it, how many at once.

Every platform has a kind of jobs of its own, `book_sales.import.<platform>`. A payload names the
platform and one source: `upload_id` (a landed report), `ping_id` (a Ping), or what an API needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN
from ingestion_pipeline.domains.book_sales.sources.formats.notation import NOTHING_TOLD, Told
from ingestion_pipeline.domains.book_sales.sources.registry import ALIASES, PLATFORMS, canonical
from ingestion_pipeline.foundation.credentials import encrypted
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import locks

_KIND = f"{DOMAIN}.import."
# With those of aliases: a gateway of before the upgrade may still write them.
KINDS = {
    f"{_KIND}{name}": platform
    for name, platform in ({name: name for name in PLATFORMS} | ALIASES).items()
}
_ADOPT = sa.text("""
    UPDATE jobs SET kind = :kind,
        payload = payload || jsonb_build_object('platform', CAST(:platform AS text))
    WHERE kind = ANY(:aliases) AND status IN ('pending', 'retrying', 'processing')
""")


def kinds_of(platforms: Iterable[str]) -> dict[str, str]:
    """The kinds of the jobs of platforms, each with its platform; with those of aliases."""
    return {f"{_KIND}{name}": name for name in platforms} | KINDS


def platform_of_kind(kind: str) -> str:
    """The platform of a kind of jobs."""
    return canonical(kind.removeprefix(_KIND))


def is_import(kind: sa.Column[str]) -> sa.ColumnElement[bool]:
    """Whether a job is an import, of whichever platform."""
    return kind.startswith(_KIND, autoescape=True)


def kind_of(platform: str) -> str:
    """The kind of the jobs of a platform, by any of its names."""
    return f"{_KIND}{canonical(platform)}"


def land_import(
    connection: sa.Connection,
    configuration: Settings,
    *,
    tenant_id: int,
    platform: str,
    payload: Mapping[str, Any],
    priority: int = 0,
    scheduled_for: datetime | None = None,
) -> int:
    """Record an import for later, its credentials encrypted; returns the job's id.

    Raises:
        ConfigurationError: it holds credentials, and there is no key to encrypt them.
    """
    platform = canonical(platform)
    job_id = jobs.enqueue(
        connection, kind=kind_of(platform), tenant_id=tenant_id, priority=priority,
        payload={**encrypted(configuration, payload), "platform": platform},
        max_attempts=configuration.job_attempts,
    )  # fmt: skip
    if scheduled_for is not None:
        # Never in the past, or the health document would say at once that it is long overdue.
        moment = sa.literal(scheduled_for, sa.DateTime(timezone=True))
        _put_off(connection, job_id, sa.func.greatest(sa.func.now(), moment))
    return job_id


@dataclass(frozen=True)
class Report:
    """A landed report."""

    file_name: str
    location: str
    size: int
    sha256: str


def land_report(
    connection: sa.Connection,
    configuration: Settings,
    *,
    tenant_id: int,
    platform: str,
    report: Report,
    source: str,
    told: Told = NOTHING_TOLD,
) -> tuple[int, bool]:
    """Record a landed report and its job; returns the job's id, and whether it is a new report.

    The same bytes are one report, however often a tenant sends them. Told how they are to be read,
    they are imported once more.
    """
    payload = {name: said for name, said in asdict(told).items() if said is not None}
    platform = canonical(platform)
    source_key = f"{DOMAIN}:{platform}:{report.sha256}"
    upload_id = uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=platform,
        file_name=report.file_name, source=source, source_key=source_key,
        location=report.location, size=report.size, sha256=report.sha256,
    )  # fmt: skip
    if upload_id is None:
        c = uploads_table.c
        known = connection.execute(
            sa.select(c.upload_id, c.job_id).where(
                c.tenant_id == tenant_id, c.source_key == source_key
            )
        ).one()
        if not payload:
            return int(known.job_id), False
        again = land_import(
            connection, configuration, tenant_id=tenant_id, platform=platform,
            payload={"upload_id": known.upload_id, **payload},
        )  # fmt: skip
        uploads.update(connection, known.upload_id, job_id=again)
        return again, False
    job_id = land_import(
        connection, configuration, tenant_id=tenant_id, platform=platform,
        payload={"upload_id": upload_id, **payload},
    )  # fmt: skip
    uploads.update(connection, upload_id, job_id=job_id)
    return job_id, True


def take(
    connection: sa.Connection,
    configuration: Settings,
    platform: str,
    *,
    worker: str,
    run_id: str | None,
) -> Claim | None:
    """Claim the next import of a platform, unless as many as may be are under way."""  # fmt: skip
    kind = kind_of(platform)
    # Counting and claiming have to be one step, or two workers would both see room for one.
    locks.hold(connection, locks.CLAIMING_IMPORT.of(platform))
    if aliases := [f"{_KIND}{alias}" for alias, of in ALIASES.items() if of == platform]:
        values = {"kind": kind, "platform": platform, "aliases": aliases}
        connection.execute(_ADOPT, values)
    under_way = sa.select(sa.func.count()).where(
        jobs_table.c.kind == kind,
        jobs_table.c.status.in_(jobs.OPEN),  # as the partial index has it
        jobs_table.c.status == "processing",
        jobs_table.c.lease_expires_at > sa.func.now(),
    )
    if connection.execute(under_way).scalar_one() >= configuration.platform_imports:
        return None
    claims = jobs.claim(
        connection, kind=kind, worker=worker, run_id=run_id, lease=configuration.job_lease
    )
    uploads.give_up_with_their_jobs(connection, domain=DOMAIN)
    return claims[0] if claims else None


def wait_at_least(connection: sa.Connection, job_id: int, wait: timedelta) -> None:
    """Let a job that is to be tried again wait at least so long: its upstream asked for it."""
    later = sa.func.greatest(jobs_table.c.available_at, sa.func.now() + wait)
    _put_off(connection, job_id, later)


def _put_off(connection: sa.Connection, job_id: int, until: sa.ColumnElement[Any]) -> None:
    statement = sa.update(jobs_table).where(jobs_table.c.job_id == job_id)
    connection.execute(statement.values(available_at=until))
