"""The newest day of a mart of days, and what of its table is not in it yet.

Marts are made some half a minute after their tables have changed; of a first load of years it takes
minutes, the newest days first. `changed_parts` says what of a tenant is due, so that no page takes
"not yet" for "nothing".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import count

_MOST = 1_000  # that are counted
# `infinity` is one row for all days there are, which may be none: a new time zone puts it, too.
_DUE = sa.text("""
    SELECT count(*) AS parts, coalesce(bool_or(day = 'infinity'), false) AS every FROM (
        SELECT DISTINCT key, day FROM changed_parts
        WHERE reader = 'marts' AND source = :source AND tenant_id = :tenant_id LIMIT :most
    ) AS due
""")
_CAME = {
    "orders": sa.text("SELECT FROM orders WHERE tenant_id = :tenant_id LIMIT 1"),
    "sales_events": sa.text("SELECT FROM sales_events WHERE tenant_id = :tenant_id LIMIT 1"),
}


@dataclass(frozen=True)
class Recent:
    """How far a mart is.

    Attributes:
        newest: its newest day; None: it has none. Of a shop whose files come weekly, yesterday
            says nothing: the last days are those up to this one.
        due: what is still being worked out, as a sentence; empty: all that came is in it.
    """

    newest: date | None
    due: str

    def table(
        self, name: str, caption: str, columns: tuple[Column, ...],
        rows: Sequence[Mapping[str, Any]], *, empty: str,
    ) -> Table:  # fmt: skip
        """A table of the mart; without rows it says `empty` only where nothing has come."""
        waits = f"Something has come: {self.due} Look again in a minute."
        return Table(name, caption, columns, rows, empty=waits if self.due else empty)

    def note(self, text: str) -> str:
        """What stands beside a table, with what is due."""
        return f"{text}. {self.due}" if self.due and text else text or self.due


def recent(ask: Ask, newest: sa.TextClause, source: str, *, unit: str = "day") -> Recent:
    """How far a mart is.

    Args:
        ask: the request.
        newest: a query of the newest day of `:tenant_id` until `:today`.
        source: the table that it is made of, of `_CAME`.
        unit: what the parts of the table are.
    """
    today = ask.now.astimezone(ask.zone).date()
    [[day]] = ask.rows(newest, tenant_id=ask.tenant_id, today=today)
    [[parts, every]] = ask.rows(_DUE, tenant_id=ask.tenant_id, source=source, most=_MOST)
    if every and ask.row(_CAME[source], tenant_id=ask.tenant_id) is None:
        parts, every = 0, False
    return Recent(day, _told(parts, unit, many=every or parts >= _MOST))


def _told(parts: int, unit: str, *, many: bool) -> str:
    """What is due, as a sentence.

    >>> _told(1, "day", many=False), _told(2, "month", many=False), _told(0, "day", many=False)
    ('1 day is still being worked out.', '2 months are still being worked out.', '')
    """
    if many:
        return f"Many {unit}s are still being worked out."
    if not parts:
        return ""
    return f"{count(parts)} {unit}{'s are' if parts > 1 else ' is'} still being worked out."
