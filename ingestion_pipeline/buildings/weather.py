"""Weather of a site → `weather_raw`, one row a measure and instant.

The documented API has the weather of a window: rows of several measures at one instant. The live
one has the last known values only, each with a time of its own; they are a snapshot that a
schedule takes, and no window can be filled with them afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.buildings.contract import DAY, Dialect, Window
from ingestion_pipeline.buildings.envelope import Value, not_json, unknown_envelope
from ingestion_pipeline.buildings.samples import judge, read_instant
from ingestion_pipeline.buildings.source import AceIot
from ingestion_pipeline.buildings.tables import rejected_records, weather_raw
from ingestion_pipeline.http.client import Answer
from ingestion_pipeline.storage.bulk import Row

_PAGE = -1  # of rejected records: weather has no pages


@dataclass(frozen=True)
class Weather:
    """What an answer about weather holds.

    Attributes:
        dialect: None where there is no feed.
        rows: site, measure, timestamp, value, value_text, quality.
        unusable: (record, reason).
    """

    dialect: Dialect | None
    rows: list[Row]
    unusable: list[tuple[str, str]]


@dataclass(frozen=True)
class WeatherCounts:
    """What became of them."""

    dialect: Dialect | None = None
    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


def collect_weather(engine: sa.Engine, source: AceIot, site: str, window: Window) -> WeatherCounts:
    """Collect the weather of a window; the live API's snapshot is not of it and is left alone."""
    weather = read_weather(source.weather(site, window), site)
    if weather.dialect != "documented":
        return WeatherCounts(weather.dialect)
    inside = [row for row in weather.rows if window.start <= row[2] < window.end]
    return _store(engine, Weather(weather.dialect, inside, weather.unusable), site, window.start)


def snapshot_weather(engine: sa.Engine, source: AceIot, site: str) -> WeatherCounts:
    """Collect the last known values of a site; where the API asks for a window, of a day."""
    now = datetime.now(UTC).replace(microsecond=0)
    weather = read_weather(source.weather(site, Window(now - DAY, now)), site)
    return _store(engine, weather, site, None)


def read_weather(answer: Answer, site: str) -> Weather:
    """Read an answer in either dialect; 404, or nulls only: there is no feed.

    Raises:
        ContractError: it is neither.
    """
    try:
        found: Any = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        raise not_json(answer.content, error) from None
    expected = "data or weather"
    if not isinstance(found, dict):
        raise unknown_envelope(answer.content, expected=expected)
    if answer.status == 404:
        return Weather(None, [], [])
    weather = Weather("documented" if "data" in found else "live", [], [])
    if isinstance(found.get("data"), list):
        for record in found["data"]:
            _read_documented(record, site, weather)
    elif isinstance(found.get("weather"), dict):
        for measure, member in found["weather"].items():
            if member is not None:
                _read_live(measure, member, site, weather)
    else:
        raise unknown_envelope(answer.content, expected=expected)
    return weather


def _read_documented(record: Any, site: str, weather: Weather) -> None:
    if not isinstance(record, dict):
        weather.unusable.append((_text(record), "record: is no object"))
        return
    members = ((name, value) for name, value in record.items() if name != "timestamp")
    for measure, value in members:
        _read(record, measure, record.get("timestamp"), value, site, weather)


def _read_live(measure: str, member: Any, site: str, weather: Weather) -> None:
    if not isinstance(member, dict):
        weather.unusable.append((_text({measure: member}), "record: is no object"))
    elif member.get("time") is not None or member.get("value") is not None:
        _read(member, measure, member.get("time"), member.get("value"), site, weather)


def _read(record: Any, measure: str, time: Any, value: Any, site: str, weather: Weather) -> None:
    try:
        instant = read_instant(time)
        number, text, quality = judge(_value(measure, value))
    except (TypeError, ValueError, OverflowError) as error:
        weather.unusable.append((_text(record), f"{measure}: {error}"))
    else:
        weather.rows.append((site, measure, instant, number, text, quality))


def _value(measure: str, value: Any) -> Value:
    """A value that can be stored (TypeError, ValueError if not)."""
    if "\0" in measure or (isinstance(value, str) and "\0" in value):
        raise ValueError("contains NUL")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    raise TypeError("value must be a number, a text or null")


def _text(record: Any) -> str:
    return msgspec.json.encode(record).decode()


def _store(engine: sa.Engine, weather: Weather, site: str, window_start: Any) -> WeatherCounts:
    """Upsert what differs; a few dozen rows, so no staging."""
    columns = [column.name for column in weather_raw.columns if column.name != "collected_at"]
    latest = {row[:3]: dict(zip(columns, row, strict=True)) for row in weather.rows}
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
                    site_name=site, window_start=start, page=_PAGE, record=record, reason=reason
                )
            )
    return WeatherCounts(
        dialect=weather.dialect,
        fetched=len(weather.rows) + len(weather.unusable),
        inserted=inserted,
        updated=updated,
        unchanged=len(latest) - inserted - updated,
        rejected=len(weather.unusable),
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
