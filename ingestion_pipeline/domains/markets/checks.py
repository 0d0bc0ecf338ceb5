"""What must hold of markets, as asset checks."""

import sqlalchemy as sa

from ingestion_pipeline.domains.markets import offenders
from ingestion_pipeline.domains.markets.assets import EVENTS, key
from ingestion_pipeline.domains.markets.contract.events import (
    COMPS_NUMBERS,
    EVENT_TYPES,
    FUNDAMENTALS_NUMBERS,
    PREDICTION,
)
from ingestion_pipeline.domains.markets.contract.places import place_of
from ingestion_pipeline.domains.markets.merge.cache import look_up
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
    markets_with_documents,
)
from ingestion_pipeline.domains.markets.tables import comps, fundamentals
from ingestion_pipeline.orchestration.checks import documents_check, offenders_check

_MOST_DOCUMENTS = 200
_DOCUMENTS = {"fundamentals": fundamentals_document, "comps": comps_document}


def _differing_documents(connection: sa.Connection, most: int) -> list[str]:
    """The keys of what is cached and does not say what the tables say."""
    found = markets_with_documents(connection)[:most]
    places = [place_of(kind, market) for kind, market in found]
    cached = look_up(connection, places) if places else []
    return [
        f"{place.namespace}/{place.key}"
        for (kind, market), place, each in zip(found, places, cached, strict=True)
        if each.document is not None and each.document != _DOCUMENTS[kind](connection, market)
    ]


CHECKS = [
    offenders_check(
        asset=EVENTS.key,
        name="applied",
        description="No event has been waiting for 15 minutes.",
        offenders=offenders.overdue,
        warning=True,
    ),
    offenders_check(
        asset=EVENTS.key,
        name="applicable",
        description="No event of the last seven days could not be applied.",
        offenders=lambda: offenders.failed(*EVENT_TYPES),
        warning=True,
    ),
    offenders_check(
        asset=key("fundamentals"),
        name="in_range",
        description="All numbers lie within the contract's bounds.",
        offenders=lambda: offenders.out_of_range(fundamentals, FUNDAMENTALS_NUMBERS),
    ),
    offenders_check(
        asset=key("fundamentals"),
        name="fresh",
        description="No market's fundamentals are older than 30 days.",
        offenders=offenders.stale_markets,
        warning=True,
    ),
    offenders_check(
        asset=key("comps"),
        name="in_range",
        description="All numbers lie within the contract's bounds.",
        offenders=lambda: offenders.out_of_range(comps, COMPS_NUMBERS),
    ),
    offenders_check(
        asset=key("predictions"),
        name="applicable",
        description="No report of the last seven days could not be recorded.",
        offenders=lambda: offenders.failed(PREDICTION),
        warning=True,
    ),
    offenders_check(
        asset=key("macro_observations"),
        name="vintages_do_not_overlap",
        description="On every day exactly one vintage of a date is what was known.",
        offenders=offenders.overlapping,
    ),
    offenders_check(
        asset=key("macro_observations"),
        name="fetched",
        description="Every series was fetched within two days.",
        offenders=offenders.not_fetched,
        warning=True,
    ),
    documents_check(
        asset=key("cache"),
        description="What is cached of the first 200 markets says what the tables say.",
        differing=_differing_documents,
        most=_MOST_DOCUMENTS,
    ),
]
