"""What must hold of markets, as asset checks."""

import sqlalchemy as sa

from ingestion_pipeline.domains.markets import offenders
from ingestion_pipeline.domains.markets.assets import WING
from ingestion_pipeline.domains.markets.contract.places import place_of
from ingestion_pipeline.domains.markets.merge.cache import look_up
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
    markets_with_documents,
)
from ingestion_pipeline.orchestration.checks import checks_of, documents_check

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
    *checks_of(WING, offenders),
    documents_check(
        asset=WING.key("cache"),
        description="What is cached of the first 200 markets says what the tables say.",
        differing=_differing_documents,
        most=_MOST_DOCUMENTS,
    ),
]
