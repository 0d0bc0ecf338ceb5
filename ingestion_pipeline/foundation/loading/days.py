"""Files of a mapping by the day on which they came, UTC: what waits, what came of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.tables.intake import intake_deliveries
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.loading.known import DOMAIN, KIND, kind_of

# Of records; how many were staged, or refused, is told by their lines.
_FATES = ("inserted", "updated", "unchanged", "superseded", "waiting", "removed")
_u, _j, _d = uploads.c, jobs_table.c, intake_deliveries.c


@dataclass(frozen=True)
class Waiting:
    """A job that may be claimed now; `attempt` is how often it has been tried."""

    job_id: int
    attempt: int
    mapping: str
    day: date


def waiting(connection: sa.Connection, names: Collection[str], *, most: int) -> list[Waiting]:
    """Files that wait for mappings, of each mapping the oldest `most`."""
    if not names:
        return []
    day = sa.func.date(sa.func.timezone("UTC", _u.recorded_at))
    of_each = [
        sa.select(_j.job_id, _j.attempt, _j.kind, day)
        .join(uploads, _u.job_id == _j.job_id)
        .where(jobs.claimable(kind_of(name)))
        .order_by(_j.job_id)
        .limit(most)
        .subquery()
        .select()
        for name in names
    ]
    rows = connection.execute(sa.union_all(*of_each))
    return [Waiting(job, attempt, kind.removeprefix(KIND), on) for job, attempt, kind, on in rows]


def newest_loaded(connection: sa.Connection, kinds: Collection[str]) -> datetime | None:
    """When a file was last loaded, with all that followed, by jobs of these kinds, UTC.

    It is looked for among the newest jobs that ended, which an index finds, of however many.
    """
    newest = (
        sa.select(_j.kind, _j.status, _j.updated_at)
        .where(_j.status.in_(("completed", "failed", "dead")))
        .order_by(_j.updated_at.desc())
        .limit(10_000)
        .subquery("newest")
    )
    loaded = sa.select(sa.func.max(newest.c.updated_at)).where(
        newest.c.kind.in_(kinds), newest.c.status == "completed"
    )
    found: datetime | None = connection.scalar(loaded)
    return found


def waiting_on(connection: sa.Connection, name: str, day: date) -> list[int]:
    """The jobs of a mapping's files of a day that are not done."""
    query = (
        sa.select(_j.job_id)
        .join(uploads, _u.job_id == _j.job_id)
        .where(_j.kind == kind_of(name), _j.status.in_(jobs.OPEN), *_came_on(name, day))
    )
    return list(connection.scalars(query.order_by(_j.job_id)))


def loaded_on(connection: sa.Connection, name: str, day: date) -> list[int]:
    """The uploads of a mapping that came on a day, are loaded, and can be read again."""
    query = sa.select(_u.upload_id).where(
        *_came_on(name, day), _u.status == "loaded", _u.source != "replay", _u.removed_at.is_(None)
    )
    return list(connection.scalars(query.order_by(_u.upload_id)))


@dataclass(frozen=True)
class Told:
    """A file of a mapping and what came of it.

    Attributes:
        upload: its row of `uploads`.
        delivery: its row of `intake_deliveries`; None: it is not loaded.
    """

    upload: sa.RowMapping
    delivery: sa.RowMapping | None

    @property
    def adds_up(self) -> bool:
        """Whether every line of it is counted, once."""
        if self.delivery is None:
            return True
        row = self.upload
        kept = row["blank"] + row["preamble"] + row["rejected"] + row["staged"]
        apart = self.delivery["footer"] + sum(self.delivery["skipped"].values())
        return bool(row["lines"] == kept and row["preamble"] >= apart)


def told_on(
    connection: sa.Connection, name: str, day: date, *, beside: Sequence[int] = ()
) -> list[Told]:
    """The files of a mapping that came on a day, and others `beside` them, in order of arrival."""
    return _told(connection, sa.or_(sa.and_(*_came_on(name, day)), _u.upload_id.in_(beside)))


def told_of(connection: sa.Connection, upload_ids: Sequence[int]) -> list[Told]:
    """Files by their uploads, in order of arrival."""
    return _told(connection, _u.upload_id.in_(upload_ids))


def _told(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Told]:
    rows = connection.execute(sa.select(uploads).where(which).order_by(_u.upload_id)).mappings()
    found = list(rows)
    ids = [row["upload_id"] for row in found]
    said = connection.execute(sa.select(intake_deliveries).where(_d.upload_id.in_(ids))).mappings()
    deliveries = {row["upload_id"]: row for row in said}
    return [Told(row, deliveries.get(row["upload_id"])) for row in found]


def totals(told: Sequence[Told]) -> dict[str, int]:
    """What became of the lines of files, together, by name."""
    together: dict[str, int] = defaultdict(int)
    for each in told:
        if each.delivery is None:
            continue
        row, said = each.upload, each.delivery
        passed_over: dict[str, int] = said["skipped"]
        around = row["preamble"] - said["footer"] - sum(passed_over.values())
        counts: dict[str, Any] = {
            "lines": row["lines"], "blank": row["blank"], "preamble": around,
            "footer": said["footer"], "rejected": row["rejected"], "used": row["staged"],
            **{f"passed over: {why}": lines for why, lines in passed_over.items()},
            **{f"made: {label}": number for label, number in said["made"].items()},
            **{
                f"{fate}: {name}": number
                for name, fates in said["became"].items()
                for fate, number in fates.items() if fate in _FATES
            },
        }  # fmt: skip
        for name, number in counts.items():
            together[name] += number
    return dict(together)


def _came_on(name: str, day: date) -> list[sa.ColumnElement[bool]]:
    begins = datetime.combine(day, time.min, UTC)
    return [
        _u.domain == DOMAIN, _u.type == name,
        _u.recorded_at >= begins, _u.recorded_at < begins + timedelta(days=1),
    ]  # fmt: skip
