"""The look: what is due is assessed, and what is found is kept, a subject a transaction.

Killed anywhere, what was not kept is due again, and what was is found as it is.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.unusual.findings import findings_of
from ingestion_pipeline.foundation.unusual.rhythm import silences, volume_drops
from ingestion_pipeline.foundation.unusual.usual import Assessed, assess
from ingestion_pipeline.outlets.findings.calendars import calendar_of
from ingestion_pipeline.outlets.findings.ending import end_of_unheard, end_of_unwatched
from ingestion_pipeline.outlets.findings.keeping import Whose, keep, row_of, row_of_quiet
from ingestion_pipeline.outlets.findings.senders import senders
from ingestion_pipeline.outlets.findings.series import (
    WATCHED,
    Shift,
    Subject,
    due,
    known_until,
    points,
)
from ingestion_pipeline.outlets.findings.tables import findings, watched_subjects

AT_ONCE = 1_000  # subjects of a kind
SECONDS = 300.0  # of a look; what is left is due next time
_OF_LATE = timedelta(days=14)


@dataclass
class Looked:
    """What a look came to: subjects, those of which too little is known, findings that are new."""

    subjects: int = 0
    unknown: int = 0
    senders: int = 0
    new: int = 0


def look(engine: sa.Engine, *, now: datetime, seconds: float = SECONDS) -> Looked:
    """Look at all series that are due."""
    looked = Looked()
    until = time.monotonic() + seconds
    for kind in WATCHED:
        with engine.begin() as connection:
            subjects = due(connection, kind, now=now, limit=AT_ONCE)
            end_of_unwatched(connection, kind, now=now)
        for subject in subjects:
            if time.monotonic() > until:
                return looked
            with engine.begin() as connection:
                looked.new += _look_at(connection, subject, now, looked)
    return looked


def _look_at(connection: sa.Connection, subject: Subject, now: datetime, looked: Looked) -> int:
    calendar = calendar_of(connection, subject.tenant_id)
    series = points(connection, subject, _shifts(connection, subject))
    assessed = assess(series, calendar)
    since = min(subject.seen_until or subject.newest, subject.newest) - _OF_LATE
    instant = int(now.timestamp())
    known = known_until(connection, subject, now=now)
    found = findings_of(assessed, now=int(known.timestamp()), since=int(since.timestamp()))
    if subject.kind.daily:
        found = [each for each in found if each.kind != "gap"]
    whose = Whose(
        subject.tenant_id, subject.kind.domain, subject.name, calendar.zone, subject.kind.daily
    )
    new = keep(
        connection,
        whose,
        [row_of(whose, each, now=instant) for each in found],
        since=since,
        absorbed=[part for each in found for part in each.absorbed],
    )
    seen = _seen(assessed, open_=any(each.ended is None for each in found))
    _remember(connection, subject, now, seen)
    looked.subjects += 1
    looked.unknown += seen["verdict"] == "unknown"
    return new


def _shifts(connection: sa.Connection, subject: Subject) -> list[Shift]:
    """Levels of a subject that have moved as expected, oldest first."""
    c = findings.c
    rows = connection.execute(
        sa.select(c.began_at, c.value - c.usual_middle)
        .where(
            c.tenant_id.is_not_distinct_from(subject.tenant_id), c.domain == subject.kind.domain,
            c.subject == subject.name, c.kind == "level_shift", c.state == "expected",
            c.value.is_not(None), c.usual_middle.is_not(None),
        )
        .order_by(c.began_at)
    )  # fmt: skip
    return [(row[0], float(row[1])) for row in rows]


def _seen(assessed: Assessed, *, open_: bool) -> dict[str, Any]:
    """What is usual at the newest point, and whether it is known."""
    known = len(assessed.series) > 0 and not np.isnan(assessed.scores.rarity[-1])
    usual = assessed.usual
    each = {"usual_low": usual.low, "usual_middle": usual.middle, "usual_high": usual.high}
    return {
        "verdict": ("unusual" if open_ else "usual") if known else "unknown",
        **{
            name: float(values[-1]) if len(values) and np.isfinite(values[-1]) else None
            for name, values in each.items()
        },
    }


def _remember(
    connection: sa.Connection, subject: Subject, now: datetime, seen: dict[str, Any]
) -> None:
    changed = {"seen_until": subject.newest, "looked_at": now, **seen}
    connection.execute(
        insert(watched_subjects)
        .values(
            tenant_id=subject.tenant_id,
            domain=subject.kind.domain,
            subject=subject.name,
            **changed,
        )
        .on_conflict_do_update(constraint="watched_subjects_once", set_=changed)
    )


def listen(engine: sa.Engine, *, now: datetime) -> Looked:
    """Look for whoever has gone quiet, or sends far less than usual."""
    looked = Looked()
    instant = int(now.timestamp())
    since = int((now - _OF_LATE).timestamp())
    heard: set[tuple[int | None, str, str]] = set()
    with engine.connect() as reading, closing(senders(reading, now=now)) as everybody:
        for sender in everybody:
            heard.add((sender.tenant_id, sender.domain, sender.subject))
            with engine.begin() as connection:
                calendar = calendar_of(connection, sender.tenant_id)
                counted = instant if sender.counted_until is None else sender.counted_until
                found = [
                    *silences(sender.arrivals.instants, calendar, now=instant, since=since),
                    *volume_drops(sender.arrivals, calendar, now=counted, since=since),
                ]
                whose = Whose(sender.tenant_id, sender.domain, sender.subject, calendar.zone)
                rows = [row_of_quiet(whose, each, now=instant) for each in found]
                looked.new += keep(connection, whose, rows, since=now - _OF_LATE)
            looked.senders += 1
    with engine.begin() as connection:
        end_of_unheard(connection, heard, now=now)
    return looked


def now_utc() -> datetime:
    """The instant of a look."""
    return datetime.now(UTC)
