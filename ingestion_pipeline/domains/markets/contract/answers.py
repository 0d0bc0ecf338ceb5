"""The shapes of event bodies and of what readers get, as `/openapi.json` shows them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingestion_pipeline.domains.markets.contract.events import COMPS, FUNDAMENTALS, MACRO


class Answer(BaseModel):
    """What every answer has."""

    status: str
    message: str


class MarketEvent(BaseModel):
    """Something that happened in a market, or to macro data."""

    model_config = ConfigDict(extra="allow")

    event_type: Literal[
        "market.fundamentals.upsert", "comps.upsert", "macro.update", "api.prediction",
        "cache.warming",
    ]  # fmt: skip
    source: str = Field(min_length=1, max_length=500)
    market_slug: str | None = Field(None, description="Needed for fundamentals and comps.")
    timestamp: str | None = Field(None, description="When it happened, ISO 8601.")
    data: dict[str, Any]


class EventAccepted(Answer):
    """An event is recorded; the same again gets the same answer."""

    ingestion_id: str
    job_id: int | None
    accepted: int | None = Field(None, description="How many items can be used.")
    rejected: list[dict[str, Any]] | None = Field(
        None, description="Those that can't: `index`, and `errors` with field and message."
    )


class EventState(Answer):
    """An event on its way: received, validated, applied or failed."""

    model_config = ConfigDict(extra="allow")

    status: Literal["received", "validated", "applied", "failed"]
    ingestion_id: str


class MarketDocument(Answer):
    """What is known of a market."""

    model_config = ConfigDict(extra="allow")

    market_slug: str
    as_of: str
    cached: bool
    stale: bool


class MacroDocument(Answer):
    """The newest good value of every series, or what was known of them on a day."""

    model_config = ConfigDict(extra="allow")

    as_of: str
    series: dict[str, Any]
    cached: bool
    stale: bool


_COMPARABLE = {"id": "c-1", "building_sf": 120000, "price_per_sf_usd": 98.5,
               "sale_date": "2024-05-01", "address": "1 Main Street"}  # fmt: skip
EXAMPLES = {
    "fundamentals": {
        "event_type": FUNDAMENTALS, "market_slug": "dallas", "source": "external-provider",
        "data": {"vacancy_rate_pct": 7.5, "avg_asking_rent_psf_yr_nnn": 12.4,
                 "yoy_rent_growth_pct": 3.1, "avg_cap_rate_pct": 6.25,
                 "as_of_date": "2024-06-30"},
    },
    "comps": {
        "event_type": COMPS, "market_slug": "dallas", "source": "external-provider",
        "data": {"comparables": [_COMPARABLE]},
    },
    "macro": {"event_type": MACRO, "source": "cron", "data": {"series": ["GDP"]}},
}  # fmt: skip
MACRO_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "as_of",
        "in": "query",
        "description": "A day, YYYY-MM-DD: what was known then, all observations.",
        "schema": {"type": "string", "format": "date"},
    }
]
SIGNATURE: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in {
        "X-Timestamp": "Unix seconds, ten digits; at most 300 s from now.",
        "X-Signature": "`sha256=` and hex of HMAC-SHA256(secret, timestamp + '.' + body). "
        "Or the headers of Standard Webhooks in place of both.",
    }.items()
]
