"""Receipts: what became of everything that was sent, down to the line that was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from ingestion_pipeline.gateway.front import row_number_of
from ingestion_pipeline.outlets.dashboards.asking import (
    PAGE_ROWS,
    Ask,
    NotThereError,
    Shown,
    page,
)
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.receipts import balances, refusals, sheets, waiting
from ingestion_pipeline.outlets.receipts.balances import Delivery, Numbers
from ingestion_pipeline.outlets.receipts.days import Days
from ingestion_pipeline.outlets.receipts.senders import SENDERS

_SHOWN_DAYS = 7
_MOST_PAGES = 200  # of deliveries; an earlier one is found by its day
_STATES = {
    "loaded": ("stored", ""), "failed": ("refused as a whole", "bad"),
    "recorded": ("waits for its turn", "warn"), "staged": ("waits to be merged", "warn"),
}  # fmt: skip
_NUMBERS = (
    Column("sent", "sent", "count"),
    Column("stored", "stored", "count"),
    Column("refused", "refused", "count", level="refused_level"),
    Column("waiting", "waiting", "count", level="waiting_level"),
    Column("unexplained", "unexplained", "count", level="unexplained_level"),
)
_WAITING = Table(
    "waiting", "What waits, and what for",
    (
        Column("what", "what", link="link"), Column("number", "rows", "count"),
        Column("for", "waits for"), Column("since", "since", "instant"),
    ),
    (), empty="Nothing waits.",
)  # fmt: skip


@page("/receipts", nav="Receipts", coming=True)
def receipts(ask: Ask) -> Shown:
    """A row a day and sender; above them, what does not add up or waits."""
    days = _days(ask)
    found = balances.by_day(ask.connection, tenant_id=ask.tenant_id, days=days)
    rows = [
        {
            "day": each.day, "sender": SENDERS[each.sender].title,
            "unit": SENDERS[each.sender].unit,
            "deliveries": each.deliveries, "failed": each.failed, "failed_level": _if(each.failed),
            "unfinished": each.unfinished, "unfinished_level": _if(each.unfinished, "warn"),
            "link": _address("/receipts/deliveries", sender=each.sender, day=each.day),
            **_numbers(each.numbers),
        }
        for each in found
    ]  # fmt: skip
    columns = (
        Column("day", "day", "day"), Column("sender", "way in", link="link"),
        Column("deliveries", "deliveries", "count"),
        Column("unfinished", "not done yet", "count", level="unfinished_level"),
        Column("failed", "unusable", "count", level="failed_level"),
        *_NUMBERS, Column("unit", "of"),
    )  # fmt: skip
    waits = [*waiting.of_tenant(ask.connection, tenant_id=ask.tenant_id), *ask.coming]
    return Shown(
        "receipts.html", "Receipts",
        (
            Table("days", "What was sent, by day and way in", columns, rows,
                  empty="Nothing was sent in these days."),
            _of_waiting(waits),
        ),
        {
            "days": days, "unexplained": sum(each.numbers.unexplained for each in found),
            "refused": sum(each.numbers.refused for each in found),
            "failed": sum(each.failed for each in found), "waits": len(waits),
            "earlier": _address("/receipts", until=days.first - timedelta(days=1)),
            "later": _address("/receipts", until=days.last + timedelta(days=_SHOWN_DAYS)),
            "is_now": days.last >= ask.now.astimezone(ask.zone).date(),
        },
    )  # fmt: skip


@page("/receipts/deliveries")
def deliveries(ask: Ask) -> Shown:
    """Files, requests, events of a day and sender, the newest first."""
    sender = SENDERS.get(ask.text("sender"))
    if sender is None and ask.text("sender"):
        raise NotThereError
    day = _day(ask.text("day"))
    days = Days(day, day, ask.zone.key) if day else _days(ask)
    window = ask.window
    offset = min(window["offset"], _MOST_PAGES * PAGE_ROWS)
    found = balances.deliveries(
        ask.connection, tenant_id=ask.tenant_id, days=days,
        sender=sender.name if sender else None, limit=offset + window["limit"],
    )  # fmt: skip
    table = _of_deliveries(found[offset:])
    of = sender.title if sender else "All ways in"
    return Shown(
        "deliveries.html", f"{of}, {day}" if day else of,
        (table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting),),
        {"unit": sender.unit if sender else "", "days": days},
    )  # fmt: skip


@page("/receipts/session", coming=True)
def session(ask: Ask) -> Shown:
    """An upload session: its files together and one by one, and those that are still coming."""
    number = row_number_of(ask.text("session")) or 0
    connection, tenant_id = ask.connection, ask.tenant_id
    files, numbers = balances.session_totals(connection, tenant_id=tenant_id, session=number)
    coming = [each for each in ask.coming if each.session == number]
    if not files and not coming:
        raise NotThereError
    window = ask.window
    offset = min(window["offset"], _MOST_PAGES * PAGE_ROWS)
    found = balances.of_session(
        connection, tenant_id=tenant_id, session=number, limit=offset + window["limit"]
    )
    table = _of_deliveries(found[offset:])
    return Shown(
        "session.html", f"Upload session {number}",
        (
            table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting),
            replace(_of_waiting(coming), name="coming", caption="Files that are not whole yet",
                    empty="All that was announced is whole."),
        ),
        {"files": files, "numbers": numbers},
    )  # fmt: skip


def _of_deliveries(found: Sequence[Delivery]) -> Table:
    in_sessions = any(each.session for each in found)
    columns = (
        Column("name", "name", link="link"), Column("at", "came", "instant"),
        Column("type", "type"), Column("state", "state", level="state_level"), *_NUMBERS,
        *([Column("session", "upload session", link="session_link")] if in_sessions else ()),
    )  # fmt: skip
    rows = [_delivery(each) for each in found]
    return Table("deliveries", "Deliveries", columns, rows, empty="Nothing came.")


@page("/receipts/one")
def one(ask: Ask) -> Shown:
    """A delivery: its numbers, each refusal with its reasons, what of it waits."""
    delivery = balances.find(ask.connection, tenant_id=ask.tenant_id, receipt=ask.text("receipt"))
    if delivery is None:
        raise NotThereError
    after = 0 if ask.exporting else ask.whole("after", least=0, most=999_999_999)
    limit = ask.window["limit"]
    refused = refusals.of(ask.connection, delivery, after=after, limit=limit)
    columns = (
        Column("place", "where"), Column("field", "field"), Column("rule", "why"),
        Column("value", "value"), Column("raw", "as it came"),
        Column("taken", "corrected in", link="taken_link"),
    )  # fmt: skip
    shown = refused if ask.exporting else refused[:PAGE_ROWS]
    is_file = delivery.receipt[0] == "f"
    waits = waiting.of_delivery(ask.connection, tenant_id=ask.tenant_id, receipt=delivery.receipt)
    can_be_corrected = is_file and delivery.sender in _CORRECTED and bool(refused)
    last = max((each.line or 0 for each in shown), default=0)
    return Shown(
        "receipt.html", delivery.name,
        (
            Table("refusals", "What was refused, and why", columns, _reasons(shown),
                  empty="Nothing was refused."),
            _of_waiting(waits),
        ),
        {
            "delivery": delivery, "sender": SENDERS[delivery.sender],
            "state": _STATES[delivery.state], "is_file": is_file,
            "can_be_corrected": can_be_corrected,
            "to_correct": _to_correct(ask, delivery) if can_be_corrected else "",
            "kept": refusals.kept(ask.connection, delivery),
            "more": _address("/receipts/one", receipt=delivery.receipt, after=last)
            if len(refused) > len(shown) and last else None,
        },
    )  # fmt: skip


_CORRECTED = ("upload", "drop_folder", "cli", "corrections")  # commerce's own files
_MOST_EDITED = 64 * 1024  # bytes of rows that stand in the form; more are sent as a file


def _to_correct(ask: Ask, delivery: Delivery) -> str:
    """The first refused rows that nobody has taken yet, as they are downloaded."""
    pieces, size = list[bytes](), 0
    for piece in sheets.ndjson(refusals.rows(ask.connection, delivery, at_once=PAGE_ROWS)):
        size += len(piece)
        if size > _MOST_EDITED or len(pieces) == PAGE_ROWS:
            break
        pieces.append(piece)
    return b"".join(pieces).decode()


def _of_waiting(found: Sequence[waiting.Waiting]) -> Table:
    rows = [
        {
            "what": each.what, "number": each.number, "for": each.waits_for, "since": each.since,
            "link": (each.receipt and _address("/receipts/one", receipt=each.receipt))
            or (each.session and _address("/receipts/session", session=each.session)),
        }
        for each in found
    ]  # fmt: skip
    return Table(_WAITING.name, _WAITING.caption, _WAITING.columns, rows, empty=_WAITING.empty)


def _delivery(each: Delivery) -> dict[str, Any]:
    state, level = _STATES[each.state]
    return {
        "name": each.name, "at": each.at, "type": each.of_type, "state": state,
        "state_level": level, "receipt": each.receipt, **_numbers(each.numbers),
        "link": _address("/receipts/one", receipt=each.receipt), "session": each.session,
        "session_link": each.session and _address("/receipts/session", session=each.session),
    }  # fmt: skip


def _reasons(found: Sequence[refusals.Refusal]) -> list[Mapping[str, Any]]:
    """A row a reason; the row as it came beside the first."""
    return [
        {
            "place": each.place, "field": reason.field, "rule": reason.rule, "value": reason.value,
            "raw": each.raw if number == 0 else None, "taken": each.replayed_by,
            "taken_link": each.replayed_by and _address("/receipts/one", receipt=each.replayed_by),
        }
        for each in found
        for number, reason in enumerate(each.reasons or (refusals.Reason("row", ""),))
    ]  # fmt: skip


def _numbers(numbers: Numbers) -> dict[str, Any]:
    return {
        "sent": numbers.sent, "stored": numbers.stored, "refused": numbers.refused,
        "waiting": numbers.waiting, "unexplained": numbers.unexplained,
        "refused_level": _if(numbers.refused, "warn"),
        "waiting_level": _if(numbers.waiting, "warn"),
        "unexplained_level": _if(numbers.unexplained),
    }  # fmt: skip


def _if(number: int, level: str = "bad") -> str:
    return level if number else ""


def _days(ask: Ask) -> Days:
    last = _day(ask.text("until")) or ask.now.astimezone(ask.zone).date()
    return Days(last - timedelta(days=_SHOWN_DAYS - 1), last, ask.zone.key)


def _day(text: str) -> date | None:
    """A day of this time; None: the text is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1971, 1, 1) < found < date(9000, 1, 1) else None


def _address(path: str, **query: object) -> str:
    return f"{path}?{urlencode(query)}"
