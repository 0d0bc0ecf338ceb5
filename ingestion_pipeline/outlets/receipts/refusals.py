"""What was refused of a delivery: place, field, rule, and the value as it is stored.

Of large deliveries the first refusals are kept in full (`uploads.rejected_kept`), and all counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.receipts.balances import Delivery

MOST = 100  # refusals of one answer
_LINES = sa.text("""
    SELECT r.upload_id, r.line_number, r.raw, r.reasons, r.replayed_by, r.file_name
    FROM rejected_rows AS r
    WHERE r.upload_id = CAST(:key AS bigint) AND r.tenant_id = :tenant_id AND r.line_number > :after
    ORDER BY r.line_number LIMIT :limit
""")
_OF_JOB = sa.text("""
    SELECT r.upload_id, r.line_number, r.raw, r.reasons, r.replayed_by, r.file_name
    FROM uploads AS u JOIN rejected_rows AS r ON r.upload_id = u.upload_id
    WHERE u.job_id = :job_id AND u.tenant_id = :tenant_id AND r.tenant_id = :tenant_id
      AND r.line_number > :after
    ORDER BY r.line_number LIMIT :limit
""")
_JOB_OF_PING = sa.text(
    "SELECT job_id FROM gumroad_pings WHERE ping_id = :key AND tenant_id = :tenant_id"
)
_OF_READINGS = sa.text("""
    SELECT received_at, refusals, conflicts FROM kpi_receipts
    WHERE receipt_id = :key AND tenant_id = :tenant_id
""")
# Of the same transaction, whose time both have; a conflict that was told before has its row there.
_CONFLICTS = sa.text("""
    SELECT kpi_id, observed_at, trace_id, value, kept_value FROM kpi_conflicts
    WHERE tenant_id = :tenant_id AND received_at = :at
    ORDER BY kpi_id, observed_at, trace_id LIMIT :limit
""")
_OF_EVENT = sa.text(
    "SELECT rejected FROM ingestion_events WHERE ingestion_id = :key AND tenant_id = :tenant_id"
)
_OF_COLLECTION = sa.text("""
    SELECT d.result FROM collected_days AS d
    JOIN tenant_sites AS s ON s.site_name = d.site_name AND s.tenant_id = :tenant_id
    WHERE d.site_name = :site AND d.day = CAST(:day AS date)
""")
_RECORDS = sa.text("""
    SELECT r.page, r.record, r.reason FROM rejected_records AS r
    JOIN tenant_sites AS s ON s.site_name = r.site_name AND s.tenant_id = :tenant_id
    WHERE r.site_name = :site AND r.rejected_id > :after
      AND r.window_start >= CAST(:day AS date) AT TIME ZONE 'UTC'
      AND r.window_start < (CAST(:day AS date) + 1) AT TIME ZONE 'UTC'
    ORDER BY r.rejected_id LIMIT :limit
""")
_KEPT = {
    "f": sa.text(
        "SELECT count(*) FROM rejected_rows WHERE upload_id = :key AND tenant_id = :tenant_id"
    ),
    "r": sa.text(
        "SELECT jsonb_array_length(refusals) + conflicts FROM kpi_receipts "
        "WHERE receipt_id = :key AND tenant_id = :tenant_id"
    ),
}
_ANOTHER_VALUE = "the series has a point of that instant with another value, which is kept"


@dataclass(frozen=True)
class Reason:
    """Why something was refused.

    Attributes:
        value: as it is stored; None: nothing was kept of it.
    """

    field: str
    rule: str
    value: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A row, a reading, a record that was refused.

    Attributes:
        place: in what was sent: `line 12`, `index 3`, `page 2`.
        line: its number, where it is a line.
        raw: as it came; None: not kept.
        replayed_by: receipt of the file that took it, corrected.
    """

    place: str
    reasons: tuple[Reason, ...]
    line: int | None = None
    raw: str | None = None
    replayed_by: str | None = None


def of(
    connection: sa.Connection, delivery: Delivery, *, after: int = 0, limit: int = MOST
) -> list[Refusal]:
    """What was refused of a delivery, in its order.

    Args:
        after: the number of the last line that is known; of files only.
    """
    letter, key = delivery.receipt[0], delivery.receipt[1:]
    whole = [] if after else list(_as_a_whole(delivery))
    find = _FINDERS[letter]
    return [*whole, *find(connection, delivery.tenant_id, key, after=after, limit=limit)]


def kept(connection: sa.Connection, delivery: Delivery) -> int:
    """Of how many refusals of a delivery place and reasons are kept: of the first ones."""
    statement = _KEPT.get(delivery.receipt[0])
    if statement is None:
        return delivery.numbers.refused
    values = {"tenant_id": delivery.tenant_id, "key": int(delivery.receipt[1:])}
    return int(connection.scalar(statement, values) or 0)


def rows(
    connection: sa.Connection, delivery: Delivery, *, at_once: int = 1_000
) -> Iterator[Mapping[str, Any]]:
    """The refused lines of a file that are kept, as `rejected_rows` has them."""
    values = {"tenant_id": delivery.tenant_id, "key": delivery.receipt[1:], "limit": at_once}
    after = 0
    while found := connection.execute(_LINES, {**values, "after": after}).mappings().all():
        yield from (dict(row) for row in found)
        after = found[-1]["line_number"]


def _as_a_whole(delivery: Delivery) -> Iterator[Refusal]:
    if delivery.state == "failed" and delivery.error:
        yield Refusal("as a whole", (Reason("file", delivery.error),))


def _of_file(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    values = {"tenant_id": tenant_id, "key": key, "after": after, "limit": limit}
    return map(_of_line, connection.execute(_LINES, values).all())


def _of_job(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    values = {"tenant_id": tenant_id, "job_id": int(key), "after": after, "limit": limit}
    return map(_of_line, connection.execute(_OF_JOB, values).all())


def _of_ping(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    job_id = connection.scalar(_JOB_OF_PING, {"key": int(key), "tenant_id": tenant_id})
    if job_id is None:
        return iter(())
    return _of_job(connection, tenant_id, str(job_id), after=after, limit=limit)


def _of_line(row: Any) -> Refusal:
    replayed = None if row.replayed_by is None else f"f{row.replayed_by}"
    return Refusal(
        f"line {row.line_number}", _reasons(row.reasons), row.line_number, row.raw, replayed
    )


def _of_readings(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    if after:
        return
    values: dict[str, Any] = {"tenant_id": tenant_id, "key": int(key)}
    found = connection.execute(_OF_READINGS, values).one()
    for each in found.refusals[:limit]:
        yield Refusal(each["at"], (Reason(each["field"], each["rule"]),))
    if found.conflicts:
        at = {"tenant_id": tenant_id, "at": found.received_at, "limit": limit}
        for row in connection.execute(_CONFLICTS, at):
            rule = f"{_ANOTHER_VALUE}: {row.kept_value!r}"
            place = f"{row.kpi_id} at {row.observed_at.isoformat()}"
            yield Refusal(place, (Reason("data.value", rule, repr(row.value)),))


def _of_event(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    if after:
        return
    rejected = connection.scalar(_OF_EVENT, {"tenant_id": tenant_id, "key": key})
    for each in (rejected if isinstance(rejected, list) else [])[:limit]:
        if isinstance(each, dict):
            yield Refusal(f"index {each.get('index', '?')}", _reasons(each.get("errors", ())))


def _of_collection(
    connection: sa.Connection, tenant_id: int, key: str, *, after: int, limit: int
) -> Iterator[Refusal]:
    site, _, day = key.rpartition("@")
    values = {"tenant_id": tenant_id, "site": site, "day": day}
    result = connection.scalar(_OF_COLLECTION, values) or {}
    counts = result.get("counts", {})
    if not after:
        for name, rule in (
            ("skipped", "points that are not configured are not kept"),
            ("outside", "is not within the time that was asked for"),
        ):
            if number := counts.get(name):
                yield Refusal(f"{number:,} records", (Reason("record", rule),))
    found = connection.execute(_RECORDS, {**values, "after": after, "limit": limit})
    for row in found:
        yield Refusal(f"page {row.page}", (Reason("record", row.reason),), raw=row.record)


def _nothing(*_: object, **__: object) -> Iterator[Refusal]:
    return iter(())


_FINDERS: Mapping[str, Any] = {
    "f": _of_file, "r": _of_readings, "e": _of_event, "p": _of_ping, "j": _of_job,
    "c": _of_collection, "x": _nothing,
}  # fmt: skip


def _reasons(said: Iterable[Any]) -> tuple[Reason, ...]:
    """Reasons as domains keep them: an object with field and rule (or message), or a sentence."""
    found = []
    for each in said:
        if isinstance(each, dict):
            value = each.get("value")
            rule = each.get("rule") or each.get("message") or ""
            found.append(
                Reason(
                    str(each.get("field") or "row"), str(rule),
                    None if value is None else str(value),
                )
            )  # fmt: skip
        else:
            found.append(Reason("row", str(each)))
    return tuple(found)
