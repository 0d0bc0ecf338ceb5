"""Findings that are as expected are remembered.

A finding that somebody calls expected stays so, however often it is found. A level that has moved
as expected is the new normal from its begin: what came before is read as if it had been there
(`series.py`). Anything else that is expected is that event, and no other.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.findings.tables import findings


def call_expected(
    connection: sa.Connection, finding_id: int, *, tenant_id: int | None, by: str
) -> bool:
    """Remember that a finding of a tenant was expected; False: the tenant has none of that number.

    Args:
        connection: to write with.
        finding_id: which.
        tenant_id: whose; None: the operator's own.
        by: who says so.
    """
    values = {"state": "expected", "expected_at": sa.func.now(), "expected_by": by}
    return _change(connection, finding_id, tenant_id, values)


def call_unexpected(connection: sa.Connection, finding_id: int, *, tenant_id: int | None) -> bool:
    """Take that back; False: the tenant has no finding of that number that was expected."""
    state = sa.case((findings.c.ended_at.is_(None), "open"), else_="ended")
    values = {"state": state, "expected_at": None, "expected_by": None}
    return _change(connection, finding_id, tenant_id, values, findings.c.state == "expected")


def _change(
    connection: sa.Connection,
    finding_id: int,
    tenant_id: int | None,
    values: dict[str, Any],
    *conditions: sa.ColumnElement[bool],
) -> bool:
    c = findings.c
    which = (
        c.finding_id == finding_id, c.tenant_id.is_not_distinct_from(tenant_id), *conditions,
    )  # fmt: skip
    changed = sa.update(findings).where(*which).values(updated_at=sa.func.now(), **values)
    return bool(connection.execute(changed).rowcount)


def newest(connection: sa.Connection, *, tenant_id: int | None, limit: int = 100) -> Sequence[Any]:
    """A tenant's findings, newest first, without what is part of another."""
    c = findings.c
    return connection.execute(
        sa.select(
            c.finding_id, c.domain, c.subject, c.kind, c.began_at, c.ended_at, c.state, c.sentence
        )
        .where(c.tenant_id.is_not_distinct_from(tenant_id), c.state != "absorbed")
        .order_by(c.raised_at.desc(), c.finding_id.desc())
        .limit(limit)
    ).all()
