"""Receipts as JSON has them, and cursors; pure."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ingestion_pipeline.outlets.receipts.balances import Balance, Delivery, Numbers
from ingestion_pipeline.outlets.receipts.days import Days
from ingestion_pipeline.outlets.receipts.refusals import MOST, Refusal
from ingestion_pipeline.outlets.receipts.senders import SENDERS
from ingestion_pipeline.outlets.receipts.waiting import Waiting


def of_numbers(numbers: Numbers) -> dict[str, int]:
    """What became of what was sent; what is stored, in its parts, too."""
    return {
        "sent": numbers.sent, "stored": numbers.stored, "refused": numbers.refused,
        "waiting": numbers.waiting, "unexplained": numbers.unexplained, "new": numbers.inserted,
        "changed": numbers.updated, "known": numbers.known, "replaced": numbers.replaced,
    }  # fmt: skip


def of_days(days: Days, found: Sequence[Balance]) -> dict[str, Any]:
    """`GET /api/receipts`."""
    by_day: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        by_day.setdefault(each.day.isoformat(), []).append(
            {
                "sender": each.sender, "unit": SENDERS[each.sender].unit,
                "deliveries": each.deliveries, "failed": each.failed,
                "unfinished": each.unfinished, **of_numbers(each.numbers),
            }
        )  # fmt: skip
    unexplained = sum(each.numbers.unexplained for each in found)
    before = days.first - timedelta(days=1)
    number = (days.last - days.first).days + 1
    return {
        "status": "success",
        "message": "everything is explained" if not unexplained else
        f"{unexplained} are not explained",
        "timeZone": days.zone,
        "days": [{"day": day, "senders": senders} for day, senders in by_day.items()],
        "next": f"/api/receipts?days={number}&until={before}",
    }  # fmt: skip


def of_delivery(each: Delivery) -> dict[str, Any]:
    """A delivery."""
    return {
        "receipt": each.receipt, "sender": each.sender, "unit": SENDERS[each.sender].unit,
        "at": each.at.isoformat(), "name": each.name, "type": each.of_type,
        "channel": each.channel, "session": each.session, "state": each.state,
        "error": each.error,
        **of_numbers(each.numbers),
    }  # fmt: skip


def of_deliveries(
    found: Sequence[Delivery], *, more: bool, session: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`GET /api/receipts/deliveries`; with `of_session`, where it is asked for one."""
    return {
        "status": "success", "message": f"{len(found)} deliveries",
        "deliveries": [of_delivery(each) for each in found], "session": session,
        "next": cursor(found[-1]) if more else None,
    }  # fmt: skip


def of_session(
    session: int, files: int, numbers: Numbers, coming: Sequence[Waiting]
) -> dict[str, Any]:
    """An upload session: its whole files together, and those that are still coming."""
    return {
        "session": session, "files": files, "unit": "rows", **of_numbers(numbers),
        "coming": of_waiting(coming),
    }  # fmt: skip


def of_receipt(
    delivery: Delivery, refused: Sequence[Refusal], waits: Sequence[Waiting], *, kept: int
) -> dict[str, Any]:
    """`GET /api/receipts/{receipt}`; where there are more refusals than `MOST`, how to go on.

    Args:
        kept: of how many refusals place and reasons are kept; all are counted.
    """
    lines = [each.line for each in refused[:MOST] if each.line is not None]
    more = len(refused) > MOST and bool(lines)
    return {
        "status": "success", "message": f"{delivery.name} is {delivery.state}",
        "receipt": of_delivery(delivery),
        "refusals": [of_refusal(each) for each in refused[:MOST]],
        "kept": kept, "waiting": of_waiting(waits),
        "next": f"/api/receipts/{delivery.receipt}?after={lines[-1]}" if more else None,
    }  # fmt: skip


def of_refusal(each: Refusal) -> dict[str, Any]:
    """A refusal."""
    return {
        "place": each.place, "line": each.line,
        "reasons": [
            {"field": reason.field, "rule": reason.rule, "value": reason.value}
            for reason in each.reasons
        ],
        "raw": each.raw, "takenBy": each.replayed_by,
    }  # fmt: skip


def of_waiting(found: Sequence[Waiting]) -> list[dict[str, Any]]:
    """What waits."""
    return [
        {
            "what": each.what, "number": each.number, "waitsFor": each.waits_for,
            "since": None if each.since is None else each.since.isoformat(),
            "receipt": each.receipt, "session": each.session,
        }
        for each in found
    ]  # fmt: skip


def cursor(last: Delivery) -> str:
    """Where to go on behind a delivery."""
    text = f"{last.at.isoformat()} {last.receipt}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def cursor_of(text: str | None) -> tuple[datetime, str] | None:
    """The instant and receipt of a cursor; None where it is none."""
    if not text or len(text) > 600 or not text.isascii():
        return None
    try:
        at, _, receipt = base64.urlsafe_b64decode(text).decode().partition(" ")
        instant = datetime.fromisoformat(at)
    except (binascii.Error, ValueError):
        return None
    usable = instant.tzinfo is not None and receipt.isprintable()
    return (instant, receipt) if usable else None
