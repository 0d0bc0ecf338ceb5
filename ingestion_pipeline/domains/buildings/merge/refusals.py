"""Why records of a day were refused, counted; and when that were all of them."""

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Window
from ingestion_pipeline.domains.buildings.tables import rejected_records

_REASONS = 20
_SHOWN = 3


def counted_reasons(connection: sa.Connection, site: str, window: Window) -> dict[str, int]:
    """The most frequent reasons why samples in a window were refused, with their numbers."""
    c = rejected_records.c
    number = sa.func.count().label("number")
    query = (
        sa.select(c.reason, number)
        .where(c.site_name == site, c.window_start >= window.start, c.window_start < window.end)
        .where(c.page >= 0)  # weather's have none
        .group_by(c.reason)
        .order_by(number.desc(), c.reason)
        .limit(_REASONS)
    )
    return {row.reason: row.number for row in connection.execute(query)}


def why_nothing_is_kept(counts: Counts, reasons: dict[str, int]) -> str | None:
    """What became of records of which none was kept; None: some were, or none came."""
    if not counts.fetched or counts.kept:
        return None
    causes = [f"{number} × {reason}" for reason, number in list(reasons.items())[:_SHOWN]]
    if counts.outside:
        causes.append(f"{counts.outside} × not within the window that was asked for")
    if counts.skipped:
        causes.append(f"{counts.skipped} × of a point that is not configured")
    return f"none of {counts.fetched} records can be used: {'; '.join(causes)}"
