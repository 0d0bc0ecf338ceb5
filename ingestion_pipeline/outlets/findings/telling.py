"""Findings are told once each, to where alerts go; what could not be told is told later.

What is part of another, or was called expected before, is not told; nor is what was found of more
than two days ago: then it is no news. Without ALERT_WEBHOOK_URL nothing is told, and nothing counts
as told.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.watch import alerts
from ingestion_pipeline.outlets.findings.tables import findings

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 20
_NEWS = timedelta(days=2)


def untold(now: datetime) -> sa.Select[Any]:
    """Findings that are to be told, oldest first."""
    c = findings.c
    return (
        sa.select(findings, tenants.c.name.label("tenant"))
        .select_from(findings.outerjoin(tenants, tenants.c.tenant_id == c.tenant_id))
        .where(c.told_at.is_(None), c.state.in_(["open", "ended"]))
        .where(c.raised_at > now - _NEWS)
        .order_by(c.raised_at, c.finding_id)
    )


def tell(engine: sa.Engine, *, url: str | None, now: datetime) -> int:
    """Tell what is untold; how many were. The first that can't be told ends it, until next time."""
    told = 0
    if url is None:
        return told
    with alerts.client() as http:
        while told < _MOST_AT_ONCE:
            with engine.begin() as connection:
                # Held while it is told, so that nobody else tells the same.
                one = connection.execute(
                    untold(now).limit(1).with_for_update(skip_locked=True, of=findings)
                ).one_or_none()
                if one is None:
                    break
                if (fault := alerts.post(http, url, _news(one))) is not None:
                    logger.warning("finding %d not told: %s", one.finding_id, fault)
                    break
                connection.execute(
                    sa.update(findings)
                    .where(findings.c.finding_id == one.finding_id)
                    .values(told_at=sa.func.now())
                )
            told += 1
    return told


def _news(row: Any) -> dict[str, Any]:
    return {
        "incident": f"finding-{row.finding_id}",
        "alert": f"finding_{row.kind}",
        "state": "firing",
        "message": row.sentence,
        "tenant": row.tenant,
        "domain": row.domain,
        "subject": row.subject,
        "value": row.value,
        "started_at": row.began_at.isoformat(),
        "resolved_at": None if row.ended_at is None else row.ended_at.isoformat(),
    }
