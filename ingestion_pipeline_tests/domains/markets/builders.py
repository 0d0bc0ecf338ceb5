"""Events as senders send them, and ways to apply them."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.events import COMPS, FUNDAMENTALS, parse_event
from ingestion_pipeline.domains.markets.land.events import Accepted, Received, land_event
from ingestion_pipeline.domains.markets.merge.claimed import Applied, Handler, merge_claimed
from ingestion_pipeline.domains.markets.merge.handlers import merge_comps, merge_fundamentals
from ingestion_pipeline.foundation.ledger.worker import Worker

SECRET = "test_secret"
WORKER = Worker("test", None, timedelta(minutes=1), timedelta(0))
HANDLERS: dict[str, Handler] = {FUNDAMENTALS: merge_fundamentals, COMPS: merge_comps}


def fundamentals_event(slug: str = "dallas", **data: object) -> dict[str, Any]:
    return {
        "event_type": FUNDAMENTALS,
        "source": "external-provider",
        "market_slug": slug,
        "data": {
            "vacancy_rate_pct": 7.5,
            "avg_asking_rent_psf_yr_nnn": 12,
            "yoy_rent_growth_pct": 3.1,
            "avg_cap_rate_pct": 6.25,
            **data,
        },
    }


def comparable(comp_id: object, **members: object) -> dict[str, Any]:
    made: dict[str, Any] = {
        "building_sf": 120_000, "price_per_sf_usd": 98.5, "sale_date": "2024-05-01",
        "address": "1 Main Street", **members,
    }  # fmt: skip
    return made if comp_id is None else {"id": comp_id, **made}


def comps_event(*comparables: object, slug: str = "dallas") -> dict[str, Any]:
    return {
        "event_type": COMPS,
        "source": "external-provider",
        "market_slug": slug,
        "data": {"comparables": list(comparables)},
    }


def record(
    engine: sa.Engine, tenant_id: int, body: dict[str, Any], *, webhook_id: str | None = None
) -> Accepted:
    received = Received(
        tenant_id, parse_event(body), body, json.dumps(body).encode(), webhook_id=webhook_id
    )
    with engine.begin() as connection:
        return land_event(connection, received, max_attempts=3)


def apply_all(engine: sa.Engine, event_type: str, *, handler: Handler | None = None) -> Applied:
    return merge_claimed(
        engine, event_type, handler or HANDLERS[event_type], worker=WORKER, limit=1000
    )


def send(engine: sa.Engine, tenant_id: int, body: dict[str, Any]) -> Accepted:
    """Record an event and apply it."""
    accepted = record(engine, tenant_id, body)
    apply_all(engine, body["event_type"])
    return accepted


def event_row(engine: sa.Engine, ingestion_id: str) -> Any:
    query = sa.text("SELECT * FROM ingestion_events WHERE ingestion_id = :id")
    with engine.connect() as connection:
        return connection.execute(query, {"id": ingestion_id}).one()


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of the project's own scheme."""
    timestamp = f"{time.time() if at is None else at:.0f}"
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Timestamp": timestamp, "X-Signature": f"sha256={digest}"}
