"""The database's own outage, the one incident that can't be a row in `alerts`.

What is known of it is a short text that whoever looks keeps elsewhere: the alert sensor in its
cursor, which is in Dagster's own storage. It is told once when it begins and once when it is over,
as every incident, and while the target is down later and later.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ingestion_pipeline.foundation.watch.alerts import longer

logger = logging.getLogger(__name__)

NAME = "database_down"
_MESSAGE = "the database does not answer"

Post = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class Outage:
    """An outage that is not over, or whose end is not told yet.

    Attributes:
        since: when it was seen first.
        told: whether the target has the news of its beginning.
        attempts: how often the next news could not be told.
        next_at: not to be tried before; None: now.
    """

    since: datetime
    told: bool = False
    attempts: int = 0
    next_at: datetime | None = None


def follow(
    outage: Outage | None, *, down: bool, now: datetime, post: Post, backoff: timedelta
) -> Outage | None:
    """Tell what is to be told of an outage; what is to be remembered of it, None when it is over.

    Args:
        outage: what was remembered.
        down: whether the database does not answer.
        now: the time.
        post: posts news to the target; returns what went wrong, or None.
        backoff: until news is posted again that could not be told; doubles each time.
    """
    if outage is None:
        if not down:
            return None
        logger.error("alert %s: %s", NAME, _MESSAGE)
        outage = Outage(since=now)
    if outage.next_at is not None and now < outage.next_at:
        return outage
    if not outage.told:
        fault = post(_news(outage, resolved_at=None))
        if fault is not None:
            return _put_off(outage, now, backoff, fault)
        outage = Outage(outage.since, told=True)
    if down:
        return outage
    fault = post(_news(outage, resolved_at=now))
    if fault is not None:
        return _put_off(outage, now, backoff, fault)
    logger.warning("alert %s is over", NAME)
    return None


def remembered(text: str | None) -> Outage | None:
    """An outage as `as_text` wrote it; what is no such text says that there is none."""
    try:
        return msgspec.json.decode(text, type=Outage) if text else None
    except msgspec.DecodeError:
        return None


def as_text(outage: Outage | None) -> str:
    """To be kept, and read by `remembered`."""
    return "" if outage is None else msgspec.json.encode(outage).decode()


def _put_off(outage: Outage, now: datetime, backoff: timedelta, fault: str) -> Outage:
    attempts = outage.attempts + 1
    logger.warning("alert %s not told (%d times): %s", NAME, attempts, fault)
    return replace(outage, attempts=attempts, next_at=now + longer(backoff, attempts))


def _news(outage: Outage, *, resolved_at: datetime | None) -> dict[str, Any]:
    return {
        "incident": f"{NAME}-{outage.since:%Y%m%dT%H%M%S}",
        "alert": NAME,
        "state": "firing" if resolved_at is None else "resolved",
        "message": _MESSAGE if resolved_at is None else f"over: {_MESSAGE}",
        "value": None,
        "threshold": None,
        "started_at": outage.since.isoformat(),
        "resolved_at": None if resolved_at is None else resolved_at.isoformat(),
    }
