"""Facts as tests need them."""

from datetime import UTC, datetime

from ingestion_pipeline.outlets.findings.analysis.facts import Facts

WEEKS = (81.0, 84.0, 86.3, 86.5, 87.0, 88.2, 85.0, 86.7)


def facts(
    value: float = 29.2,
    *,
    low: float | None = 79.8,
    middle: float | None = 86.3,
    high: float | None = 91.2,
    weeks: tuple[float, ...] = WEEKS,
    rarity: float | None = 1 / 160,
    watched: float = 16.0,
) -> Facts:
    """A drop, as it is told in the designs."""
    at = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
    return Facts(value, at, low, middle, high, weeks, rarity, watched)
