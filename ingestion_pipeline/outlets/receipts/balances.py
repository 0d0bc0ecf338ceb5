"""What was sent and what became of it: by day and sender, or delivery by delivery.

The statements of `balances.sql` tell a delivery of each sender in the same columns; here they are
put together. A tenant's are asked for by its number, beside whatever its role may see.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.statements import statements
from ingestion_pipeline.outlets.receipts.days import Days

_SQL = statements(__name__)
# Of each part: the alias of its table, the column of its time, the column of its tenant, its
# senders, and how the one delivery of a number is found.
_PARTS: Mapping[str, tuple[str, str, str, tuple[str, ...], str]] = {
    "files": ("u", "recorded_at", "u.tenant_id",
              ("upload", "drop_folder", "cli", "corrections", "other_files", "reports"),
              "u.upload_id = CAST(:key AS bigint)"),
    "mapped": ("u", "recorded_at", "u.tenant_id", ("mapped_files", "http_series"),
               "u.upload_id = CAST(:key AS bigint)"),
    "readings": ("r", "received_at", "r.tenant_id", ("kpi_posts", "kpi_imports"),
                 "r.receipt_id = CAST(:key AS bigint)"),
    "errors": ("e", "received_at", "e.tenant_id", ("kpi_errors",),
               "e.error_id = CAST(:key AS bigint)"),
    "events": ("e", "received_at", "e.tenant_id", ("events",), "e.ingestion_id = :key"),
    "pings": ("p", "received_at", "p.tenant_id", ("gumroad_pings",),
              "p.ping_id = CAST(:key AS bigint)"),
    "apis": ("j", "created_at", "j.tenant_id", ("platform_apis",),
             "j.job_id = CAST(:key AS bigint)"),
    "collections": ("d", "collected_at", "s.tenant_id", ("collections",),
                    "d.site_name = :site AND d.day = CAST(:day AS date)"),
}  # fmt: skip
_OF_LETTER = {
    "f": ("files", "mapped"), "r": ("readings",), "x": ("errors",), "e": ("events",),
    "p": ("pings",), "j": ("apis",), "c": ("collections",),
}  # fmt: skip
# By each tenant's index; there is none by time alone.
_ANYBODYS = "= ANY (ARRAY(SELECT tenant_id FROM tenants))"
NUMBERS = ("sent", "inserted", "updated", "known", "replaced", "refused", "waiting", "unexplained")


def _text(part: str, *, span: str, everybody: bool = False) -> str:
    alias, at, tenant, _, _ = _PARTS[part]
    theirs = _ANYBODYS if everybody else "= :tenant_id"
    return (
        _SQL[part]
        .text.replace("{theirs}", f"{tenant} {theirs}")
        .replace("{span}", span.format(at=f"{alias}.{at}"))
    )


_SPAN = "{at} >= :start AND {at} < :end"
_EVERYTHING = {part: _text(part, span=_SPAN) for part in _PARTS}
_SUMS = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in NUMBERS)
# Each part is summed up by itself: what all of them are told in is made of a few rows then.
_SUMMED = f"""
    SELECT CAST(at AT TIME ZONE :zone AS date) AS day, sender, count(*) AS deliveries, {_SUMS},
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state IN ('recorded', 'staged')) AS unfinished
    FROM ({{part}}) AS d GROUP BY 1, 2
"""  # noqa: S608  (put together of texts of ours)
_BY_DAY = sa.text(
    " UNION ALL ".join(_SUMMED.replace("{part}", part) for part in _EVERYTHING.values())
    + " ORDER BY day DESC, sender"
)
_WHOLE = ("pings", "errors")  # each is one row, which can't be in part
_EVERYBODYS = sa.text(
    " UNION ALL ".join(
        _text(part, span="true", everybody=True) for part in _PARTS if part not in _WHOLE
    )
).columns(
    sa.column("tenant_id", sa.Integer), sa.column("sender", sa.Text),
    sa.column("receipt", sa.Text), sa.column("at", sa.DateTime(timezone=True)),
    *(sa.column(name, sa.Text) for name in ("name", "of_type", "channel", "state", "error")),
    sa.column("session", sa.BigInteger), *(sa.column(name, sa.BigInteger) for name in NUMBERS),
)  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """What became of what was sent: sent = stored + refused + waiting + unexplained."""

    sent: int = 0
    inserted: int = 0
    updated: int = 0
    known: int = 0
    replaced: int = 0
    refused: int = 0
    waiting: int = 0
    unexplained: int = 0

    @property
    def stored(self) -> int:
        """What is in the tables: new, changed, there already, or replaced by a later version."""
        return self.inserted + self.updated + self.known + self.replaced

    def __add__(self, other: "Numbers") -> "Numbers":
        return Numbers(*(getattr(self, name) + getattr(other, name) for name in NUMBERS))


@dataclass(frozen=True)
class Balance:
    """A day of a sender.

    Attributes:
        deliveries: files, requests, events that came.
        failed: those that could not be used as a whole.
        unfinished: those that are not dealt with yet.
    """

    day: date
    sender: str
    deliveries: int
    failed: int
    unfinished: int
    numbers: Numbers


@dataclass(frozen=True)
class Delivery:
    """What came at once: a file, a request with readings, an event, a day of a site.

    Attributes:
        receipt: its name in addresses: a letter, and what it is known by in its domain.
        of_type: of its rows, events or reports.
        channel: how it came, in the domain's own word.
        state: recorded, staged, loaded or failed.
        error: why it can't be used as a whole.
        session: number of the upload session that a file came in; None: in none.
    """

    tenant_id: int
    sender: str
    receipt: str
    at: datetime
    name: str
    of_type: str | None
    channel: str
    state: str
    error: str | None
    session: int | None
    numbers: Numbers


def by_day(connection: sa.Connection, *, tenant_id: int, days: Days) -> list[Balance]:
    """What a tenant sent on some days, by day and sender; the newest day first."""
    values = {"tenant_id": tenant_id, "zone": days.zone, "start": days.start, "end": days.end}
    return [
        Balance(row.day, row.sender, row.deliveries, row.failed, row.unfinished, _numbers(row))
        for row in connection.execute(_BY_DAY, values)
    ]


def totals(balances: Iterable[Balance]) -> dict[str, Numbers]:
    """By sender: their units differ, so nothing is added across."""
    found: dict[str, Numbers] = {}
    for each in balances:
        found[each.sender] = found.get(each.sender, Numbers()) + each.numbers
    return found


def deliveries(
    connection: sa.Connection,
    *,
    tenant_id: int,
    days: Days,
    sender: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """What came on some days, the newest first.

    Args:
        sender: of this one only.
        before: the instant and receipt of the last one that is known: what comes after it.
    """
    at, receipt = before or (None, None)
    values = {
        "tenant_id": tenant_id, "start": days.start, "end": days.end, "sender": sender,
        "at": at, "receipt": receipt, "limit": limit,
    }  # fmt: skip
    return [_delivery(row) for row in connection.execute(_newest(sender), values)]


def of_session(
    connection: sa.Connection,
    *,
    tenant_id: int,
    session: int,
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The files of an upload session that are whole, the newest first, whatever day they came."""
    at, receipt = before or (None, None)
    values = {
        "tenant_id": tenant_id, "session": session, "sender": None, "at": at, "receipt": receipt,
        "limit": limit,
    }  # fmt: skip
    return [_delivery(row) for row in connection.execute(_SESSION, values)]


def session_totals(
    connection: sa.Connection, *, tenant_id: int, session: int
) -> tuple[int, Numbers]:
    """How many files of an upload session are whole, and what became of their rows."""
    row = connection.execute(_SESSION_SUMS, {"tenant_id": tenant_id, "session": session}).one()
    return row.files, _numbers(row)


@cache
def _newest(sender: str | None) -> sa.TextClause:
    """Each part by itself, so that its index gives the newest: no day is sorted whole."""
    parts = " UNION ALL ".join(
        _ONE.replace("{part}", _EVERYTHING[part])
        for part, each in _PARTS.items() if sender is None or sender in each[3]
    )  # fmt: skip
    return sa.text(_ALL.replace("{parts}", parts))


_ONE = """(
    SELECT * FROM ({part}) AS one
    WHERE (CAST(:sender AS text) IS NULL OR sender = :sender)
      AND (CAST(:at AS timestamptz) IS NULL OR (
          at <= CAST(:at AS timestamptz) AND (at, receipt) < (CAST(:at AS timestamptz), :receipt)))
    ORDER BY at DESC, receipt DESC LIMIT :limit)"""
_ALL = "SELECT * FROM ({parts}) AS d ORDER BY at DESC, receipt DESC LIMIT :limit"
_OF_SESSION = _text("files", span="u.session_id = :session")
_SESSION = sa.text(_ONE.replace("{part}", _OF_SESSION))
_WHOLE_SUMS = ", ".join(f"CAST(coalesce(sum({each}), 0) AS bigint) AS {each}" for each in NUMBERS)
_SESSION_SUMS = sa.text(f"SELECT count(*) AS files, {_WHOLE_SUMS} FROM ({_OF_SESSION}) AS d")  # noqa: S608


def find(connection: sa.Connection, *, tenant_id: int, receipt: str) -> Delivery | None:
    """A delivery by its receipt; None: there is none, or it is somebody else's."""
    letter, key = receipt[:1], receipt[1:]
    if letter not in _OF_LETTER or not is_key(letter, key):
        return None
    values: dict[str, Any] = {"tenant_id": tenant_id, "key": key}
    if letter == "c":
        values["site"], _, values["day"] = key.rpartition("@")
    for part in _OF_LETTER[letter]:
        statement = sa.text(_text(part, span=_PARTS[part][4]))
        row = connection.execute(statement, values).one_or_none()
        if row is not None:
            return _delivery(row)
    return None


def is_key(letter: str, key: str) -> bool:
    """Whether a text can be what deliveries of a letter are known by.

    >>> is_key("f", "12"), is_key("f", "-1"), is_key("f", "9" * 30), is_key("e", "a\\0b")
    (True, False, False, False)
    """
    if letter in "ec":
        usable = 0 < len(key) <= 300 and key.isprintable()
        return usable and (letter == "e" or _is_site_and_day(key))
    return key.isascii() and key.isdigit() and len(key) < 19


def _is_site_and_day(key: str) -> bool:
    _, _, day = key.rpartition("@")
    try:
        return date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


def unexplained(since: sa.ColumnElement[datetime]) -> sa.Select[Any]:
    """Deliveries of all tenants since an instant of which something is not accounted for."""
    c = _EVERYBODYS.subquery("found").c
    shown = (c.tenant_id, c.sender, c.receipt, c.at, c.name, c.state, c.sent, c.unexplained)
    return sa.select(*shown).where(c.at >= since, c.unexplained != 0)


def sums_since(connection: sa.Connection, since: sa.ColumnElement[datetime]) -> dict[str, Numbers]:
    """What all tenants sent since an instant, by sender; but for Pings and error reports."""
    c = _EVERYBODYS.subquery("found").c
    sums = [sa.func.sum(c[name]).label(name) for name in NUMBERS]
    query = sa.select(c.sender, *sums).where(c.at >= since).group_by(c.sender)
    return {row.sender: _numbers(row) for row in connection.execute(query)}


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.tenant_id, row.sender, row.receipt, row.at, row.name, row.of_type, row.channel,
        row.state, row.error, row.session, _numbers(row),
    )  # fmt: skip


def _numbers(row: Any) -> Numbers:
    return Numbers(*(int(getattr(row, name)) for name in NUMBERS))
