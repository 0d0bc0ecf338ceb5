"""Pages that tests make themselves, an API that answers them, and what a table must then hold."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.values import judge
from ingestion_pipeline.domains.buildings.contract.windows import Window
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import UpstreamRefusedError
from ingestion_pipeline.foundation.upstreams.client import Answer, Counts, Patience, Upstream
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox

DAY = date(2024, 2, 29)
START = datetime(2024, 2, 29, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))
SITE = "demo-site-1"
QUICK = Patience(
    backoff=timedelta(milliseconds=10),
    retry_after_cap=timedelta(seconds=2),
    breaker_failures=100,
    breaker_cooldown=timedelta(seconds=1),
)
Record = tuple[str, Any, Any]  # point, time, value


def body(records: Sequence[Record], cursor: str | None, *, live: bool = False) -> bytes:
    """A page of either dialect; a record's time is an offset in seconds, or a text."""
    if live:
        samples = [{"name": p, "time": at(t, live=True), "value": v} for p, t, v in records]
        page: dict[str, Any] = {"point_samples": samples}
        page |= {"next_cursor": cursor, "has_more": cursor is not None}
    else:
        data = [{"point_name": p, "timestamp": at(t), "value": v} for p, t, v in records]
        page = {"data": data, "total_count": len(data)}
        page["pagination"] = {"next_cursor": cursor, "has_more": cursor is not None}
    return json.dumps(page).encode()


def at(time: Any, *, live: bool = False) -> str:
    if isinstance(time, str):
        return time
    text = (START + timedelta(seconds=time)).isoformat().removesuffix("+00:00")
    return text if live else text + "Z"


def chained(pages: Sequence[Sequence[Record]], *, live: bool = False) -> list[bytes]:
    """Bodies of pages, each with the cursor of the one after it."""
    last = len(pages) - 1
    return [
        body(records, str(number + 1) if number < last else None, live=live)
        for number, records in enumerate(pages)
    ]


class Scripted:
    """An upstream that answers pages from a list, by their cursors; counts what it is asked."""

    def __init__(
        self,
        pages: Sequence[bytes],
        points: Sequence[str] = ("a", "b", "c"),
        weather: bytes | Exception | None = None,
    ) -> None:
        self.pages = list(pages)
        self.points = points
        self.weather = weather
        self.asked: list[str | None] = []

    @property
    def counts(self) -> Counts:
        return Counts(requests=len(self.asked))

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        if path.endswith("configured_points"):
            items = [{"name": point} for point in self.points]
            return Answer(200, json.dumps({"items": items, "pages": 1}).encode(), {})
        if path.endswith("weather") and isinstance(self.weather, Exception):
            raise self.weather
        if path.endswith("weather") and self.weather is not None:
            return Answer(200, self.weather, {})
        if path.endswith("weather"):
            return Answer(404, b'{"weather": {"temp": null}}', {})
        cursor = (params or {}).get("cursor")
        self.asked.append(None if cursor is None else str(cursor))
        number = int(cursor or 0)
        if number >= len(self.pages):
            raise UpstreamRefusedError("no such cursor", status=400, body="")
        return Answer(200, self.pages[number], {})

    probe = get


def scripted(pages: Sequence[bytes], *, points: Sequence[str] = ("a", "b", "c")) -> AceIot:
    return AceIot(Scripted(pages, points), page_size=100)


@contextmanager
def ace(
    engine: sa.Engine,
    sandbox: RunningSandbox,
    *,
    live: bool = True,
    page_size: int = 500,
    key: str = "sandbox-key",
) -> Iterator[AceIot]:
    """The sandbox's API, with little patience."""
    with Upstream(
        engine,
        name="ace_iot",
        base_url=sandbox.live_url if live else sandbox.documented_url,
        headers={"Authorization": f"Bearer {key}"},
        requests_per_minute=1_000_000,
        timeout=timedelta(seconds=2),
        patience=QUICK,
    ) as upstream:
        yield AceIot(upstream, page_size=page_size)


def rows(engine: sa.Engine, columns: str = "point_name, timestamp, value, value_text") -> list[Any]:
    with engine.connect() as connection:
        text = f"SELECT {columns} FROM timeseries_raw ORDER BY site_name, point_name, timestamp"
        return [tuple(row) for row in connection.exec_driver_sql(text)]


def truth(sandbox: RunningSandbox, window: Window, *sites: str, **damage: Any) -> list[Any]:
    """What the tables must hold of a window: the sandbox's own samples of configured points."""
    found = []
    for site in sites or (SITE,):
        configured = set(sandbox.data.configured_points(site))
        for sample in sandbox.data.samples(site, window.start, window.end, **damage):
            if sample.point in configured:
                value, text, _ = judge(sample.value)
                found.append((site, sample.point, sample.time, value, text))
    return [row[1:] for row in sorted(found, key=lambda row: row[:3])]
