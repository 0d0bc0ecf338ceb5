"""Findings into the table, each once: by tenant, domain, subject, kind and begin.

What is found again is brought up to date. What was found and is no longer (points that came late,
or were put right, say something else) is `absorbed`: it stands out no more, and its row is kept, as
it may have been told. What somebody called expected is left as it is, but for its end; also when
late points move its begin by some hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.unusual.findings import Finding
from ingestion_pipeline.foundation.unusual.rhythm import Quiet
from ingestion_pipeline.outlets.findings.saying import sentence_of, sentence_of_quiet
from ingestion_pipeline.outlets.findings.tables import findings

_SAME_WITHIN = timedelta(hours=6)
_GROWS = (
    "ended_at", "raised_at", "farthest_at", "value", "usual_low", "usual_middle", "usual_high",
    "rarity", "watched_weeks", "sentence", "history",
)  # fmt: skip


@dataclass(frozen=True)
class Whose:
    """What findings are of, and by which clock they are told."""

    tenant_id: int | None
    domain: str
    subject: str
    zone: str
    daily: bool = False


def row_of(whose: Whose, found: Finding, *, now: int) -> dict[str, Any]:
    """A finding of a series as a row."""
    return {
        **_key(whose, found.kind, found.began),
        "ended_at": _instant(found.ended),
        "raised_at": _instant(found.raised),
        "farthest_at": None if found.value is None else _instant(found.at),
        "value": found.value,
        "usual_low": found.low,
        "usual_middle": found.middle,
        "usual_high": found.high,
        "rarity": found.rarity,
        "watched_weeks": found.watched,
        "sentence": sentence_of(found, zone=whose.zone, now=now, daily=whose.daily),
        "history": [[_text(instant), value] for instant, value in found.weeks],
        "state": "open" if found.ended is None else "ended",
    }


def row_of_quiet(whose: Whose, quiet: Quiet, *, now: int) -> dict[str, Any]:
    """A silence, or a day with too little, as a row."""
    return {
        **_key(whose, quiet.kind, quiet.began),
        "ended_at": _instant(quiet.ended),
        "raised_at": _instant(quiet.raised),
        "farthest_at": None,
        "value": quiet.value,
        "usual_low": None,
        "usual_middle": quiet.usual,
        "usual_high": None,
        "rarity": quiet.rarity,
        "watched_weeks": 0.0,
        "sentence": sentence_of_quiet(quiet, zone=whose.zone, now=now),
        "history": [],
        "state": "open" if quiet.ended is None else "ended",
    }


def keep(
    connection: sa.Connection,
    whose: Whose,
    rows: Sequence[dict[str, Any]],
    *,
    since: datetime,
    absorbed: Sequence[tuple[str, int]] = (),
) -> int:
    """Bring the findings of a subject up to date; how many are new.

    Args:
        rows: all that is found of it, of what lasts or has ended after `since`.
        since: what has ended before stays as it is.
        absorbed: kind and begin of what is a part of one of them.
    """
    c = findings.c
    of_subject = (
        c.tenant_id.is_not_distinct_from(whose.tenant_id), c.domain == whose.domain,
        c.subject == whose.subject,
    )  # fmt: skip
    before = connection.scalar(sa.select(sa.func.count()).where(*of_subject)) or 0
    rows = _as_expected(connection, of_subject, rows)
    for row in rows:
        connection.execute(_upsert(row))
    mine = [(row["kind"], row["began_at"]) for row in rows]
    parts = [(kind, _instant(began)) for kind, began in absorbed]
    gone = sa.tuple_(c.kind, c.began_at).in_(parts) if parts else sa.false()
    still = sa.tuple_(c.kind, c.began_at).in_(mine) if mine else sa.false()
    of_late = sa.or_(c.ended_at.is_(None), c.ended_at > since)
    connection.execute(
        sa.update(findings)
        .where(*of_subject, c.state.in_(["open", "ended"]))
        .where(sa.or_(gone, sa.and_(of_late, ~still)))
        .values(
            state="absorbed",
            ended_at=sa.func.coalesce(c.ended_at, sa.func.greatest(c.began_at, sa.func.now())),
            updated_at=sa.func.now(),
        )
    )
    return int(connection.scalar(sa.select(sa.func.count()).where(*of_subject)) or 0) - before


def _as_expected(
    connection: sa.Connection, of_subject: Sequence[Any], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows; what was called expected begins when it began then, though it be seen to have begun
    some hours earlier or later now."""
    c = findings.c
    known = connection.execute(
        sa.select(c.kind, c.began_at).where(*of_subject, c.state == "expected")
    ).all()
    there = {(row["kind"], row["began_at"]) for row in rows}
    moved = [each for each in known if (each.kind, each.began_at) not in there]
    made = []
    for row in rows:
        same = [
            each for each in moved
            if each.kind == row["kind"] and abs(each.began_at - row["began_at"]) <= _SAME_WITHIN
        ]  # fmt: skip
        if same and (row["kind"], row["began_at"]) not in map(tuple, known):
            moved.remove(same[0])
            made.append({**row, "began_at": same[0].began_at})
        else:
            made.append(row)
    return made


def _upsert(row: dict[str, Any]) -> Any:
    statement = insert(findings).values(row)
    new, old = statement.excluded, findings.c
    state = sa.case((old.state == "expected", old.state), else_=new.state)
    return statement.on_conflict_do_update(
        constraint="findings_once",
        set_={**{name: new[name] for name in _GROWS}, "state": state, "updated_at": sa.func.now()},
        where=sa.or_(
            old.ended_at.is_distinct_from(new.ended_at),
            old.sentence != new.sentence,
            old.state.not_in([row["state"], "expected"]),
        ),
    )


def _key(whose: Whose, kind: str, began: int) -> dict[str, Any]:
    return {
        "tenant_id": whose.tenant_id, "domain": whose.domain, "subject": whose.subject,
        "kind": kind, "began_at": _instant(began),
    }  # fmt: skip


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
