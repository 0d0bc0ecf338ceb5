"""Events into `sales_events`: what is new is added, what a later report says otherwise is changed.

A value that is known stays known: where a report leaves it out (an amount that is pending, an ASIN
that only one sheet has) the event keeps it. Which report is newer, it says itself
(`sources/formats/as_of.py`), or
its arrival does: an older one changes nothing that a newer one said, whenever it is imported.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import (
    PAYMENT,
    Event,
    Parsed,
    RejectedRow,
)
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.identify import identified
from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline.foundation.ledger import quota, uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_KEPT = (
    "title", "author", "asin", "isbn", "marketplace", "list_price", "list_currency", "amount",
    "currency",
)  # fmt: skip
_REPLACED = (
    "event_type", "provisional", "report", "natural_key", "occurred_at", "date_precision",
    "quantity", "refunded_units",
)  # fmt: skip
_ORIGIN = ("raw", "source_file", "source_row", "job_id", "as_of", "received_at")
_KEY = ("tenant_id", "platform", "external_id")
_COLUMNS = (*_KEY, *_REPLACED, *_KEPT, *_ORIGIN)
# What a payment is for, and whether it was made, only its row says.
_OF_PAYMENT = f"CASE {{0}}.event_type WHEN '{PAYMENT}' THEN {{0}}.raw END"
_SET = ", ".join(
    [f"{name} = COALESCE(excluded.{name}, known.{name})" for name in _KEPT]
    + [f"{name} = excluded.{name}" for name in (*_REPLACED, *_ORIGIN)]
)
_NEW = ", ".join(
    [f"COALESCE(excluded.{name}, known.{name})" for name in _KEPT]
    + [f"excluded.{name}" for name in _REPLACED]
    + [_OF_PAYMENT.format("excluded")]
)
_NOW = ", ".join([f"known.{name}" for name in (*_KEPT, *_REPLACED)] + [_OF_PAYMENT.format("known")])
_NAMES = ", ".join(_COLUMNS)
_replaced, _kept = attrgetter(*_REPLACED), attrgetter(*_KEPT)
_encoded = json.JSONEncoder(ensure_ascii=False).encode
# Events of before as_of was noted have none: there, arrival decides.
_NEWER = """CASE WHEN known.as_of IS NULL THEN known.received_at > {other}.received_at
    ELSE (known.as_of, known.received_at) > ({other}.as_of, {other}.received_at) END"""
_MERGE = sa.text(f"""
    WITH merged AS (
        INSERT INTO sales_events AS known ({_NAMES})
        SELECT {_NAMES} FROM arriving_events ORDER BY external_id
        ON CONFLICT (tenant_id, platform, external_id) DO UPDATE
        SET {_SET}, updated_at = now()
        WHERE NOT {_NEWER.format(other="excluded")} AND ({_NOW}) IS DISTINCT FROM ({_NEW})
        RETURNING (xmax = 0) AS is_new)
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM merged
""")  # noqa: S608 - names of ours
_OLDER = sa.text(f"""
    SELECT count(*) FROM arriving_events AS excluded JOIN sales_events AS known
        USING (tenant_id, platform, external_id)
    WHERE {_NEWER.format(other="excluded")} AND ({_NOW}) IS DISTINCT FROM ({_NEW})
""")  # noqa: S608 - names of ours
# What a newer report said as well is as of the newer one: one between the two can't change it.
_CONFIRM = sa.text(f"""
    UPDATE sales_events AS known SET as_of = said.as_of, received_at = said.received_at
    FROM arriving_events AS said
    WHERE known.tenant_id = said.tenant_id AND known.platform = said.platform
        AND known.external_id = said.external_id
        AND NOT {_NEWER.format(other="said")} AND known.as_of IS DISTINCT FROM said.as_of
""")  # noqa: S608 - names of ours


@dataclass(frozen=True)
class Origin:
    """Where events come from.

    Attributes:
        upload_id: where rejected rows and counts are noted; None: nowhere (a Ping).
        received_at: when it came; the later one wins between reports of one time.
        as_of: what the report says of its own time; None: nothing, so that its arrival counts.
    """

    tenant_id: int
    platform: str
    source_file: str
    received_at: datetime
    upload_id: int | None = None
    job_id: int | None = None
    as_of: datetime | None = None

    @property
    def time(self) -> datetime:
        """The time that it stands for."""
        return self.as_of or self.received_at


def merge_events(
    connection: sa.Connection, origin: Origin, parsed: Parsed, *, keeps: int
) -> Counts:
    """Merge a report's events, and note its rejected rows; returns what became of each.

    `superseded` are rows that a newer report tells otherwise: they are left alone. `keeps` are the
    bytes of refused rows that are kept of a tenant that has no limit of its own.
    """
    lock(connection, origin.tenant_id, origin.platform)
    events, beyond = identified(
        connection, tenant_id=origin.tenant_id, platform=origin.platform, events=parsed.events,
        as_of=origin.time, received_at=origin.received_at,
    )  # fmt: skip
    # A page may tell of a sale that another page told of; the last telling counts.
    distinct = {event.external_id: event for event in events}
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE IF NOT EXISTS arriving_events "
        "(LIKE sales_events INCLUDING DEFAULTS) ON COMMIT DROP"
    )
    connection.exec_driver_sql("TRUNCATE arriving_events")
    rows = [_row(origin, event) for event in distinct.values()]
    copy_rows(connection, "arriving_events", _COLUMNS, rows)
    older = beyond
    inserted, updated = connection.execute(_MERGE).one()
    if inserted < len(rows):  # else none was known: nothing is older, and nothing said again
        older += connection.execute(_OLDER).scalar_one()
        connection.execute(_CONFIRM)
    staged, rejected = len(parsed.events), len(parsed.rejected)
    counts = Counts(
        lines=staged + rejected, rejected=rejected, staged=staged, inserted=inserted,
        updated=updated, superseded=older,
        unchanged=staged - inserted - updated - older,
    )  # fmt: skip
    if origin.upload_id is not None:
        note(connection, origin, origin.upload_id, parsed.rejected, counts, keeps=keeps)
    return counts


def _row(origin: Origin, event: Event) -> tuple[Any, ...]:
    *replaced, refunded = _replaced(event)
    row = (
        origin.tenant_id, origin.platform, event.external_id, *replaced,
        max(-event.quantity, 0) if refunded is None else refunded, *_kept(event),
        _json(event.raw), origin.source_file, event.source_row, origin.job_id,
        event.as_of or origin.time, origin.received_at,
    )  # fmt: skip
    return tuple(map(_plain, row))


def _json(raw: Mapping[str, Any]) -> str:
    text = _encoded(raw)
    return _encoded(_plain(raw)) if "\\u0000" in text else text


def _plain(value: Any) -> Any:
    """A value without NUL, which no text column takes."""
    if isinstance(value, str):
        return value.replace("\x00", "") if "\x00" in value else value
    if isinstance(value, dict):
        return {_plain(name): _plain(inner) for name, inner in value.items()}
    return value


def note(
    connection: sa.Connection,
    origin: Origin,
    upload_id: int,
    rejected: Sequence[RejectedRow],
    counts: Counts,
    *,
    keeps: int,
) -> None:
    """Note what became of an upload's rows; all that are refused count, the first are kept."""
    mine = rejected_rows.c.upload_id == upload_id
    connection.execute(sa.delete(rejected_rows).where(mine))
    # What an earlier reading of it kept is gone, and no longer takes room.
    uploads.update(connection, upload_id, rejected_kept=0, rejected_bytes=0)
    room = quota.rejected_room(connection, origin.tenant_id, default=keeps)
    kept, size = first_kept(rejected, most_bytes=min(room, uploads.MOST_KEPT_BYTES))
    rows = [
        {
            "upload_id": upload_id, "line_number": number, "tenant_id": origin.tenant_id,
            "file_name": origin.source_file, "raw": _plain(row.raw),
            "reasons": list(row.reasons),
        }
        for number, row in _numbered(kept)
    ]  # fmt: skip
    if rows:
        connection.execute(sa.insert(rejected_rows), rows)
    uploads.set_counts(connection, upload_id, counts)
    uploads.update(
        connection, upload_id, status="loaded", error=None, staged_at=sa.func.now(),
        loaded_at=sa.func.now(), rejected_kept=len(kept), rejected_bytes=size,
    )  # fmt: skip


def first_kept(
    rejected: Sequence[RejectedRow], *, most_bytes: int
) -> tuple[Sequence[RejectedRow], int]:
    """The first refused rows, as many as are kept in full, and their size in bytes."""
    size = 0
    for number, row in enumerate(rejected[: uploads.MOST_KEPT]):
        more = len(row.raw.encode(errors="replace"))
        if size + more > most_bytes:
            return rejected[:number], size
        size += more
    return rejected[: uploads.MOST_KEPT], size


def _numbered(rejected: Iterable[RejectedRow]) -> Iterable[tuple[int, RejectedRow]]:
    """Rows by a number of their own: sheets of a workbook number theirs alike."""
    used: set[int] = set()
    for row in rejected:
        number = row.row
        while number in used:
            number += 10_000_000
        used.add(number)
        yield number, row


assert set(_COLUMNS) <= set(sales_events.c.keys())  # noqa: S101
