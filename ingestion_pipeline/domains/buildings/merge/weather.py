"""Weather of a site → `weather_raw`, one row a measure and instant.

The documented API has the weather of a window: rows of several measures at one instant. The live
one has the last known values only, each with a time of its own; they are a snapshot that a
schedule takes, and no window can be filled with them afterwards.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.buildings.contract.windows import DAY, Dialect, Window
from ingestion_pipeline.domains.buildings.merge.window_ledger import storable
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.domains.buildings.sources.ace_iot.weather import Weather, read_weather
from ingestion_pipeline.domains.buildings.tables import rejected_records, weather_raw
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.bulk import Row

__all__ = ["WeatherCounts", "merge_weather", "read_weather", "snapshot_weather"]

_PAGE = -1  # of rejected records: weather has no pages
_SHOWN_REASONS = 3


@dataclass(frozen=True)
class WeatherCounts:
    """What became of the values of an answer.

    fetched = inserted + updated + unchanged + duplicates + outside + rejected.

    Attributes:
        dialect: None where there is no feed.
        outside: not within the window that was asked for.
        duplicates: replaced by another one of the same measure and instant.
        reasons: why values were rejected, and how many each.
    """

    dialect: Dialect | None = None
    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    outside: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def merge_weather(engine: sa.Engine, source: AceIot, site: str, window: Window) -> WeatherCounts:
    """Collect the weather of a window; the live API's snapshot is not of it and is left alone.

    Raises:
        ContractError: the answer is none, or none of its values can be used; why is in the message.
        UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: it does not answer.
    """
    weather = read_weather(lambda more: source.weather(site, window, more), site)
    if weather.dialect != "documented":
        return WeatherCounts(weather.dialect)
    inside = [row for row in weather.rows if window.start <= row[2] < window.end]
    counts = _store(
        engine, weather, site, rows=inside, window_start=window.start,
    )  # fmt: skip
    if counts.fetched and not inside:
        raise ContractError(f"weather: none of {counts.fetched} values can be used: {_why(counts)}")
    return counts


def snapshot_weather(engine: sa.Engine, source: AceIot, site: str) -> WeatherCounts:
    """Collect the last known values of a site; where the API asks for a window, of a day."""
    now = datetime.now(UTC).replace(microsecond=0)
    window = Window(now - DAY, now)
    weather = read_weather(lambda more: source.weather(site, window, more), site)
    return _store(engine, weather, site, rows=weather.rows, window_start=None)


def _why(counts: WeatherCounts) -> str:
    reasons = Counter(counts.reasons) + Counter({"outside of the day": counts.outside})
    return "; ".join(f"{number} × {why}" for why, number in reasons.most_common(_SHOWN_REASONS))


def _store(
    engine: sa.Engine, weather: Weather, site: str, *, rows: Sequence[Row], window_start: Any
) -> WeatherCounts:
    """Upsert what differs; a few dozen rows, so no staging."""
    columns = [column.name for column in weather_raw.columns if column.name != "collected_at"]
    latest = {row[:3]: dict(zip(columns, row, strict=True)) for row in rows}
    inserted = updated = 0
    with engine.begin() as connection:
        if latest:
            inserted, updated = _upsert(connection, list(latest.values()))
        start = sa.func.date_trunc("hour", sa.func.now()) if window_start is None else window_start
        c = rejected_records.c
        mine = (c.site_name == site, c.window_start == start, c.page == _PAGE)
        connection.execute(sa.delete(rejected_records).where(*mine))
        for record, reason in weather.unusable:
            connection.execute(
                sa.insert(rejected_records).values(
                    site_name=site, window_start=start, page=_PAGE,
                    record=storable(record), reason=storable(reason),
                )
            )  # fmt: skip
    return WeatherCounts(
        dialect=weather.dialect,
        fetched=len(weather.rows) + len(weather.unusable),
        inserted=inserted,
        updated=updated,
        unchanged=len(latest) - inserted - updated,
        duplicates=len(rows) - len(latest),
        outside=len(weather.rows) - len(rows),
        rejected=len(weather.unusable),
        reasons=dict(Counter(reason for _, reason in weather.unusable).most_common()),
    )


def _upsert(connection: sa.Connection, rows: list[dict[str, Any]]) -> tuple[int, int]:
    statement = insert(weather_raw).values(sorted(rows, key=_key))
    new = statement.excluded
    content = ("value", "value_text", "quality")
    differs = sa.tuple_(*(weather_raw.c[name] for name in content)).is_distinct_from(
        sa.tuple_(*(new[name] for name in content))
    )
    changed: Any = statement.on_conflict_do_update(
        index_elements=list(weather_raw.primary_key),
        set_={**{name: new[name] for name in content}, "collected_at": sa.func.now()},
        where=differs,
    ).returning(sa.literal_column("xmax = 0"))
    was_new: Sequence[bool] = connection.scalars(changed).all()
    return sum(was_new), len(was_new) - sum(was_new)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in weather_raw.primary_key)
