"""Pages over a million points: milliseconds of the server, and bytes over the wire.

    python -m benchmarks.pages

One KPI with a reading a minute for two years, its roll-ups, and the rows of the other domains.
Pages are asked for as a browser asks for them, one after another. The limits: a page of a series
answers in 150 ms (95th percentile), Morning in 200 ms, each in less than 100 kB.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline_tests.outlets.dashboards.rows import fill
from ingestion_pipeline_tests.outlets.dashboards.serving import Visiting, serving_pages

POINTS = 1_051_200  # two years of minutes
TIMES = 30
SERIES_MS, MORNING_MS, WIRE_BYTES = 150, 200, 100_000
_FILL = (
    "INSERT INTO kpi_series (tenant_id, kpi_id, pending) VALUES (:t, 'minutes', false)",
    """
    INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                            trace_id, in_order, quality)
    SELECT :t, 'minutes', at, 50 + 40 * sin(extract(epoch FROM at) / 13750.98708) + random() * 5,
           'x', 'rate', 'benchmark', true, 'high'
    FROM generate_series(date_trunc('minute', now()) - :points * interval '1 minute',
                         date_trunc('minute', now()), '1 minute') AS at
    """,
    """
    INSERT INTO kpi_hourly (tenant_id, kpi_id, hour, points, minimum, maximum, mean, first, last)
    SELECT tenant_id, kpi_id, date_trunc('hour', observed_at, 'UTC'), count(*), min(value),
           max(value), avg(value), min(value), max(value)
    FROM kpi_points WHERE tenant_id = :t AND kpi_id = 'minutes' GROUP BY 1, 2, 3
    """,
    """
    INSERT INTO kpi_daily (tenant_id, kpi_id, day, points, minimum, maximum, mean, last, usual_low,
                           usual_middle, usual_high)
    SELECT tenant_id, kpi_id, (observed_at AT TIME ZONE 'UTC')::date, count(*), min(value),
           max(value), avg(value), max(value), 45, 50, 55
    FROM kpi_points WHERE tenant_id = :t AND kpi_id = 'minutes' GROUP BY 1, 2, 3
    """,
)


def main() -> int:
    """Print a line a page; 1 where a limit is missed."""
    with tempfile.TemporaryDirectory(prefix="benchmark-pages-") as home:
        server = EmbeddedServer(Path(home))
        engine = sa.create_engine(server.url())
        try:
            schema.upgrade(engine)
            with serving_pages(server.url()) as pages, pages.visiting("benchmark") as visitor:
                _fill(engine, visitor.tenant_id)
                return _measure(visitor)
        finally:
            engine.dispose()
            server.stop()


def _fill(engine: sa.Engine, tenant_id: int) -> None:
    fill(engine, tenant_id)
    for statement in _FILL:
        text = sa.text(statement)
        values = {"t": tenant_id, "points": POINTS}
        with engine.begin() as connection:
            connection.execute(text, {name: values[name] for name in text.compile().params})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _measure(visitor: Visiting) -> int:
    spans = ("24h", "7d", "30d", "1y", "2y", "10y")
    asked = {f"series, {span}": f"/kpis/series?kpi=minutes&span={span}" for span in spans}
    asked |= {"morning": "/morning", "KPIs": "/kpis", "commerce": "/commerce", "books": "/books"}
    missed = 0
    print(f"{POINTS:,} points, {TIMES} times each; the limit is 1.00")
    print(f"{'page':14} {'median ms':>10} {'p95 ms':>8} {'of limit':>9} {'kB':>6} {'of limit':>9}")
    for name, path in asked.items():
        took, size = _times(visitor, path)
        p95 = statistics.quantiles(took, n=20)[-1]
        limit = MORNING_MS if name == "morning" else SERIES_MS
        slow, large = p95 / limit, size / WIRE_BYTES
        missed += slow > 1 or large > 1
        middle = statistics.median(took)
        print(f"{name:14} {middle:10.1f} {p95:8.1f} {slow:9.2f} {size / 1000:6.1f} {large:9.2f}")
    return int(missed > 0)


def _times(visitor: Visiting, path: str) -> tuple[list[float], int]:
    """Milliseconds of each request, and the bytes of an answer."""
    took, size = [], 0
    for _ in range(TIMES + 2):
        began = time.perf_counter()
        with visitor.http.stream("GET", path) as answer:
            size = len(b"".join(answer.iter_raw()))
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, path
    return took[2:], size


if __name__ == "__main__":
    sys.exit(main())
