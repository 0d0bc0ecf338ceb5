"""Which points of a site are kept."""

from collections.abc import Set as AbstractSet

from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import ConfigurationError


def points_of(source: AceIot, site: str, configured: AbstractSet[str] | None) -> frozenset[str]:
    """The points that `CONFIGURED_POINTS` lists, else those that the API says are configured.

    Raises:
        ConfigurationError: there are none, so that nothing at all would be kept.
    """
    points = source.configured_points(site) if configured is None else frozenset(configured)
    if not points:
        raise ConfigurationError(
            f"{site}: no point is configured: set CONFIGURED_POINTS, or configure points in the API"
        )
    return points
