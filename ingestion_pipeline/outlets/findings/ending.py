"""What is watched no more has no end of its own: it ends when nobody looks any more.

A series that has had no point for so long, or whose points were all deleted, is not looked at
again; nor is a sender of whom nothing is kept. What was open of them would be so for ever.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.findings.series import GONE_AFTER_DAYS, Watched
from ingestion_pipeline.outlets.findings.tables import QUIET, findings

_c = findings.c


def end_of_unwatched(connection: sa.Connection, kind: Watched, *, now: datetime) -> None:
    """End what is open of series of a kind that are watched no more."""
    mine = (_c.domain == kind.domain, _c.kind.not_in(QUIET))
    if not _any_open(connection, *mine):
        return
    watched = sa.text(f"""
        SELECT tenant_id, subject FROM ({kind.newest}) AS every
        WHERE newest > CAST(:now AS timestamptz) - interval '{GONE_AFTER_DAYS} days'
    """).bindparams(now=now)  # noqa: S608 constants only
    rows = connection.execute(watched)
    _end(connection, {(row.tenant_id, row.subject) for row in rows}, *mine, now=now)


def end_of_unheard(
    connection: sa.Connection, heard: Collection[tuple[int | None, str, str]], *, now: datetime
) -> None:
    """End the silences of senders of whom nothing is kept any more."""
    for domain in connection.scalars(
        sa.select(_c.domain).where(_c.kind.in_(QUIET), _c.state == "open").distinct()
    ).all():
        of_domain = {(each[0], each[2]) for each in heard if each[1] == domain}
        _end(connection, of_domain, _c.domain == domain, _c.kind.in_(QUIET), now=now)


def _any_open(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> bool:
    found = sa.select(sa.literal(1)).where(*conditions, _c.state == "open").limit(1)
    return connection.scalar(found) is not None


def _end(
    connection: sa.Connection,
    alive: Collection[tuple[Any, Any]],
    *conditions: sa.ColumnElement[bool],
    now: datetime,
) -> None:
    rows = connection.execute(
        sa.select(_c.finding_id, _c.tenant_id, _c.subject).where(*conditions, _c.state == "open")
    )
    gone = [row.finding_id for row in rows if (row.tenant_id, row.subject) not in alive]
    if gone:
        connection.execute(
            sa.update(findings)
            .where(_c.finding_id.in_(gone))
            .values(
                state="ended",
                ended_at=sa.func.greatest(now, _c.began_at),
                updated_at=sa.func.now(),
            )
        )
