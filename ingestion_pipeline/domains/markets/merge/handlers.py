"""What each type of event does to the tables."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.places import MarketKey, place_of
from ingestion_pipeline.domains.markets.merge.claimed import Recorded, Write, Written
from ingestion_pipeline.domains.markets.merge.upsert import upsert
from ingestion_pipeline.domains.markets.tables import comps, fundamentals


def merge_fundamentals(_: sa.Engine, recorded: Recorded) -> Write:
    """One row by market and day; an event without a day is of the day on which it was sent."""
    facts = recorded.event.fundamentals
    assert facts is not None, "an event of this type has them"  # noqa: S101
    row = {
        **_origin(recorded),
        "as_of_date": facts.as_of_date or recorded.day,
        "city": facts.city,
        **facts.numbers,
    }

    def write(connection: sa.Connection) -> Written:
        written = upsert(connection, fundamentals, [row])
        return Written(written, (place_of("fundamentals", _market(recorded)),))

    return write


def merge_comps(_: sa.Engine, recorded: Recorded) -> Write:
    """One row by market and identity; of two alike in a batch the last one counts."""
    rows = {
        each.comp_key: {
            **_origin(recorded),
            "comp_key": each.comp_key,
            "comp_id": each.comp_id,
            "sale_date": each.sale_date,
            **each.numbers,
            **each.texts,
        }
        for each in recorded.event.comparables
    }

    def write(connection: sa.Connection) -> Written:
        written = upsert(connection, comps, list(rows.values()))
        return Written(written, (place_of("comps", _market(recorded)),))

    return write


def apply_prediction(_: sa.Engine, __: Recorded) -> Write:
    """Nothing: that the prediction API reported it is all there is, and is recorded already."""
    return lambda _: Written(1)


def _market(recorded: Recorded) -> MarketKey:
    slug = recorded.event.market_slug
    assert slug is not None, "an event of a market has it"  # noqa: S101
    return MarketKey(recorded.tenant_id, slug)


def _origin(recorded: Recorded) -> dict[str, Any]:
    market = _market(recorded)
    return {
        "tenant_id": market.tenant_id,
        "market_slug": market.market_slug,
        "source": recorded.event.source,
        "ingestion_id": recorded.ingestion_id,
        "sent_at": recorded.sent_at,
    }
