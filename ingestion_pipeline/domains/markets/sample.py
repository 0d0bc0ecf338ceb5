"""Sample events for the demo: three markets, made up, as a provider would send them."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.events import (
    COMPS,
    FUNDAMENTALS,
    MACRO,
    PREDICTION,
    parse_event,
)
from ingestion_pipeline.domains.markets.land.events import Received, land_event, land_warming

_SOURCE = "sample"
_MARKETS = {"dallas": (7.5, 12.4), "austin": (9.1, 14.2), "phoenix": (6.2, 13.1)}
_COMPARABLES = 12


def sample_events(today: date) -> list[dict[str, Any]]:
    """Bodies of /api/ingest/webhook."""
    events: list[dict[str, Any]] = []
    for slug, (vacancy, rent) in _MARKETS.items():
        about = {"market_slug": slug, "source": _SOURCE}
        data = {
            "vacancy_rate_pct": vacancy,
            "avg_asking_rent_psf_yr_nnn": rent,
            "yoy_rent_growth_pct": 3.1,
            "avg_cap_rate_pct": 6.25,
            "city": slug.title(),
            "as_of_date": (today - timedelta(days=7)).isoformat(),
        }
        events.append({**about, "event_type": FUNDAMENTALS, "data": data})
        comparables = [
            {
                "id": f"{slug}-{number}",
                "address": f"{number} Main Street",
                "building_sf": 40_000 + 5_000 * number,
                "price_per_sf_usd": 90 + 2.5 * number,
                "sale_date": (today - timedelta(days=20 * number)).isoformat(),
                "cap_rate_pct": 5.5 + number / 10,
            }
            for number in range(1, _COMPARABLES + 1)
        ]
        events.append({**about, "event_type": COMPS, "data": {"comparables": comparables}})
    events.append({"event_type": MACRO, "source": _SOURCE, "data": {"series": ["GDP"]}})
    events.append({"event_type": PREDICTION, "source": _SOURCE, "data": {"latency_ms": 42}})
    return events


def write_sample_events(engine: sa.Engine, tenant_id: int) -> int:
    """Record the sample events, and a warming; how many."""
    now = datetime.now(UTC)
    bodies = sample_events(now.date())
    with engine.begin() as connection:
        for body in bodies:
            received = Received(tenant_id, parse_event(body), body, json.dumps(body).encode())
            land_event(connection, received, max_attempts=3)
        land_warming(connection, source=_SOURCE, now=now, max_attempts=3)
    return len(bodies) + 1
