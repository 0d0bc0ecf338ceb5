"""What collecting a day came to, and `collected_days`, which keeps it.

A day has two halves, samples and weather. Neither takes the other down: what came is kept, what is
missing is named, and the next collection fills it in.
"""

from dataclasses import asdict
from datetime import date
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Dialect
from ingestion_pipeline.domains.buildings.merge.weather import WeatherCounts
from ingestion_pipeline.domains.buildings.tables import collected_days

Half = Literal["samples", "weather"]
SAMPLES: Half = "samples"
WEATHER: Half = "weather"


class DayResult(msgspec.Struct, frozen=True):
    """What collecting a day came to.

    Attributes:
        counts: of all its windows; of the part before a kill as well.
        requests: sent by this attempt, retries and weather among them.
        missing_points: configured points without a sample in the day.
        resumed: this attempt went on where an earlier one had stopped.
        over: the day is over, and all of its windows are collected.
        complete: it is over, both halves are there, and something of it could be used.
        missing: halves that have not been collected, neither now nor earlier.
        failed: halves that could not be collected this time, and why.
        reasons: why records were refused, and how many each.
        fault: records came, and none could be used: what became of them.
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
    over: bool = False
    missing: tuple[Half, ...] = ()
    failed: dict[Half, str] = {}
    reasons: dict[str, int] = {}
    fault: str | None = None
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
            "missing": list(self.missing),
            "failed": dict(self.failed),
            "reasons": dict(self.reasons),
            "fault": self.fault,
            "resumed": self.resumed,
            "weather": asdict(self.weather),
            "seconds": round(self.seconds, 3),
        }


def record_day(
    engine: sa.Engine,
    result: DayResult,
    points: frozenset[str],
    run_id: str | None,
    *,
    asked: frozenset[Half] = frozenset((SAMPLES, WEATHER)),
) -> DayResult:
    """Keep the result of a day in `collected_days`; a half that failed leaves what is known of it.

    Args:
        asked: the halves that were to be collected.

    Returns:
        the result, in the light of what was collected earlier.
    """
    with engine.begin() as connection:
        earlier = _result(connection, result.site, result.day)
        there = asked - result.failed.keys()
        known = set() if earlier is None else {SAMPLES, WEATHER} - set(earlier.missing)
        missing = tuple(half for half in (SAMPLES, WEATHER) if half not in known | there)
        if earlier is not None and SAMPLES not in there:
            # Of the samples, what an earlier collection said is still true.
            kept = msgspec.structs.replace(
                earlier, missing=missing, failed=result.failed,
                weather=result.weather if WEATHER in there else earlier.weather,
            )  # fmt: skip
            kept = _judged(kept)
            _change(connection, kept)
            return msgspec.structs.replace(result, missing=missing)
        result = _judged(msgspec.structs.replace(result, missing=missing))
        if SAMPLES in there or (SAMPLES in asked and WEATHER in there and _is_of_day(result)):
            _put(connection, result, points, run_id)
    return result


def _judged(result: DayResult) -> DayResult:
    complete = result.over and not result.missing and not result.failed and result.fault is None
    return msgspec.structs.replace(result, complete=complete)


def _is_of_day(result: DayResult) -> bool:
    """Whether the weather is that of the day; the live API has only the present."""
    return result.weather.dialect == "documented"


def _put(
    connection: sa.Connection, result: DayResult, points: frozenset[str], run_id: str | None
) -> None:
    values = {
        "configured_points": sorted(points),
        "missing_points": list(result.missing_points),
        "fetched": result.counts.fetched,
        "kept": result.counts.kept,
        "missing": list(result.missing),
        "result": msgspec.to_builtins(result),
        "run_id": run_id,
        "collected_at": sa.func.now(),
        "covered_at": None,
    }
    statement = insert(collected_days).values(site_name=result.site, day=result.day, **values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(collected_days.primary_key), set_=values
        )
    )


def _change(connection: sa.Connection, result: DayResult) -> None:
    c = collected_days.c
    values = {"missing": list(result.missing), "result": msgspec.to_builtins(result)}
    connection.execute(
        sa.update(collected_days)
        .where(c.site_name == result.site, c.day == result.day)
        .values(values)
    )


def _result(connection: sa.Connection, site: str, day: date) -> DayResult | None:
    c = collected_days.c
    query = sa.select(c.result).where(c.site_name == site, c.day == day).with_for_update()
    found = connection.scalar(query)
    if found is None:
        return None
    # Earlier releases had one word for both.
    return msgspec.convert({"over": found["complete"], **found}, DayResult)


def result_of(engine: sa.Engine, site: str, day: date, *, run_id: str) -> DayResult | None:
    """The result of a day, if this run has collected all of it already."""
    c = collected_days.c
    query = sa.select(c.result).where(c.site_name == site, c.day == day, c.run_id == run_id)
    with engine.connect() as connection:
        found = connection.scalar(query)
    result = None if found is None else msgspec.convert(found, DayResult)
    return None if result is None or result.failed else result
