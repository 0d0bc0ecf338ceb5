"""What a materialization shows of itself: counts, a preview, a plot of the day."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import tables
from ingestion_pipeline.domains.buildings.merge.result import DayResult
from ingestion_pipeline.domains.buildings.publish.plot import plot_day
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.partitions import SHOWN


def samples_metadata(connection: sa.Connection, result: DayResult) -> dict[str, Any]:
    """Of a day's samples: what became of them, how it went, and a look at them."""
    counts = result.counts
    c = tables.timeseries_raw.c
    metadata: dict[str, Any] = {
        **asdict(counts),
        "requests": result.requests,
        "retries": result.retries,
        "seconds": round(result.seconds, 3),
        "complete": result.complete,
        "missing": ", ".join(result.missing) or "nothing",
        "resumed": result.resumed,
        "configured_points": result.configured_points,
        "missing_points": len(result.missing_points),
        "dialect": result.dialect or "unknown",
        "dagster/partition_row_count": counts.kept - counts.duplicates,
        "dagster/row_count": _estimated_rows(connection),
    }
    metadata |= {f"{half}_failed": why for half, why in result.failed.items()}
    if result.fault is not None:
        metadata["fault"] = result.fault
    if result.reasons:
        metadata["rejected_because"] = as_table(
            [{"reason": reason, "records": number} for reason, number in result.reasons.items()]
        )
    if result.ratio is not None:
        metadata["kept_ratio"] = round(result.ratio, 4)
    if result.missing_points:
        names = [{"point": name} for name in result.missing_points[:SHOWN]]
        metadata["missing_point_names"] = as_table(names)
    plot = plot_day(connection, result.site, result.day)
    if plot is not None:
        metadata["plot"] = dg.MetadataValue.md(plot)
        newest = connection.execute(
            sa.select(c.point_name, c.timestamp, c.value, c.value_text, c.quality)
            .where(c.site_name == result.site, c.timestamp >= result.day)
            .where(c.timestamp < sa.cast(result.day, sa.Date) + 1)
            .limit(5)
        )
        metadata["preview"] = as_table(
            [{name: str(value) for name, value in row.items()} for row in newest.mappings()]
        )
    return metadata


def weather_metadata(connection: sa.Connection, result: DayResult) -> dict[str, Any]:
    """Of a day's weather."""
    weather = result.weather
    return {
        "dialect": weather.dialect or "no feed",
        "fetched": weather.fetched,
        "inserted": weather.inserted,
        "updated": weather.updated,
        "unchanged": weather.unchanged,
        "rejected": weather.rejected,
        "outside": weather.outside,
        "duplicates": weather.duplicates,
        "dagster/partition_row_count": (weather.inserted + weather.updated + weather.unchanged),
        "dagster/row_count": row_count(connection, tables.weather_raw),
    }


def _estimated_rows(connection: sa.Connection) -> int:
    """How many samples there are, by the counts of the days: counting them all takes minutes."""
    c = tables.collected_days.c
    rows = c.result["counts"]["kept"].as_integer() - c.result["counts"]["duplicates"].as_integer()
    return int(connection.scalar(sa.select(sa.func.sum(rows))) or 0)
