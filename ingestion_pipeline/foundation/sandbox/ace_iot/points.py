"""Points and sites in the shapes of the live API's description (`A point`, `A site`)."""

from collections.abc import Sequence
from typing import Any

from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline.foundation.sandbox.ace_iot.shapes import KINDS, SHAPES

_CLIENT = {"client": "sandbox", "client_id": 1}
_SINCE = {"created": "2026-01-01T00:00:00", "updated": "2026-01-01T00:00:00"}


def page_of(items: Sequence[Any], *, page: int, size: int) -> dict[str, Any]:
    """A page of results."""
    return {
        "page": page,
        "pages": -(-len(items) // size),
        "per_page": size,
        "total": len(items),
        "items": items[(page - 1) * size : page * size],
    }


def page_of_points(
    data: AceData, site: str, *, page: int, size: int, configured: bool
) -> dict[str, Any]:
    """A page of a site's points, all or those that are set to be collected."""
    names = data.points(site)
    numbers = [n for n in range(len(names)) if not configured or data.configured(n)]
    found = page_of(numbers, page=page, size=size)
    found["items"] = [point_of(data, site, number, names[number]) for number in found["items"]]
    return found


def point_of(data: AceData, site: str, number: int, name: str) -> dict[str, Any]:
    """One point."""
    shape = SHAPES[number % KINDS]
    site_id = data.sites.index(site) + 1
    return {
        "id": site_id * 1_000_000 + number,
        "name": name,
        "site": site,
        "site_id": site_id,
        "kv_tags": {"unit": shape.unit} if shape.unit else {},
        "marker_tags": [shape.name, "sensor"],
        "collect_enabled": data.configured(number),
        "collect_interval": data.interval_seconds,
        "point_type": "sandbox",
        **_CLIENT,
        **_SINCE,
    }


def site_of(data: AceData, site: str) -> dict[str, Any]:
    """One site."""
    return {
        "id": data.sites.index(site) + 1,
        "name": site,
        "nice_name": site.replace("-", " ").title(),
        "address": "1 Sandbox Road",
        "latitude": 52.37,
        "longitude": 4.9,
        "archived": False,
        **_CLIENT,
        **_SINCE,
    }
