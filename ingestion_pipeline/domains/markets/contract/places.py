"""Where a market's documents are: whose, and under which key; pure."""

from dataclasses import dataclass
from typing import Any

MACRO_KEY = "macro_data"


Document = dict[str, Any]


@dataclass(frozen=True)
class MarketKey:
    """Whose market."""

    tenant_id: int
    market_slug: str


@dataclass(frozen=True)
class Place:
    """Where a document is cached; `tenant_id` is None for what all tenants share."""

    service: str
    key: str
    tenant_id: int | None

    @property
    def namespace(self) -> str:
        """The namespace of its key."""
        return "markets" if self.tenant_id is None else f"markets:{self.tenant_id}"


def place_of(service: str, market: MarketKey | None = None) -> Place:
    """The place of a market's fundamentals or comps, or of the macro data."""
    if market is None:
        return Place("macro", MACRO_KEY, None)
    return Place(service, f"{service}_{market.market_slug}", market.tenant_id)
