"""How days are collected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ingestion_pipeline.domains.buildings.contract.windows import Counts
from ingestion_pipeline.foundation.settings import Settings

# Called with (windows done, windows, counts so far) after every page.
OnProgress = Callable[[int, int, Counts], None]


@dataclass(frozen=True)
class Options:
    """How days are collected."""

    window: timedelta = timedelta(hours=1)
    most_pages: int = 1000
    points: frozenset[str] | None = None
    time_series: bool = True
    weather: bool = True
    run_id: str | None = None

    @classmethod
    def configured(cls, configuration: Settings) -> "Options":
        """As the settings say."""
        return cls(
            window=configuration.collect_window,
            most_pages=configuration.ace_window_pages,
            points=configuration.configured_point_names,
        )
