"""What collecting a day came to, and `collected_days`, which keeps it."""

from dataclasses import asdict
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.buildings.contract import Counts, Dialect
from ingestion_pipeline.buildings.tables import collected_days
from ingestion_pipeline.buildings.weather import WeatherCounts


class DayResult(msgspec.Struct, frozen=True):
    """What collecting a day came to.

    Attributes:
        counts: of all its windows; of the part before a kill as well.
        requests: sent by this attempt, retries and weather among them.
        missing_points: configured points without a sample in the day.
        resumed: this attempt went on where an earlier one had stopped.
        complete: the day is over, and all of it is collected.
    """

    site: str
    day: date
    counts: Counts
    configured_points: int
    missing_points: tuple[str, ...]
    requests: int
    retries: int
    seconds: float
    complete: bool
    resumed: bool = False
    dialect: Dialect | None = None
    weather: WeatherCounts = WeatherCounts()

    @property
    def ratio(self) -> float | None:
        """The share of records that was kept."""
        return self.counts.kept / self.counts.fetched if self.counts.fetched else None

    def as_dict(self) -> dict[str, Any]:
        """The document that `collect --json` prints."""
        return {
            "site": self.site,
            "day": self.day.isoformat(),
            "requests": self.requests,
            "retries": self.retries,
            **asdict(self.counts),
            "missing_points": list(self.missing_points),
            "complete": self.complete,
            "resumed": self.resumed,
            "weather": asdict(self.weather),
            "seconds": round(self.seconds, 3),
        }


def record_day(
    engine: sa.Engine, result: DayResult, points: frozenset[str], run_id: str | None
) -> None:
    """Keep the result of a day in `collected_days`, in place of an earlier one."""
    values = {
        "configured_points": sorted(points),
        "missing_points": list(result.missing_points),
        "fetched": result.counts.fetched,
        "kept": result.counts.kept,
        "result": msgspec.to_builtins(result),
        "run_id": run_id,
        "collected_at": sa.func.now(),
        "covered_at": None,
    }
    statement = insert(collected_days).values(site_name=result.site, day=result.day, **values)
    with engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(collected_days.primary_key), set_=values
            )
        )


def result_of(engine: sa.Engine, site: str, day: date, *, run_id: str) -> DayResult | None:
    """The result of a day, if this run has collected it already."""
    c = collected_days.c
    query = sa.select(c.result).where(c.site_name == site, c.day == day, c.run_id == run_id)
    with engine.connect() as connection:
        found = connection.scalar(query)
    return None if found is None else msgspec.convert(found, DayResult)
