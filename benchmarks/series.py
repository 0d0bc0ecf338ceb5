"""A series of a million points against one of a thousand: append, and reading a stretch of it.

python -m benchmarks.series [--points 1000000]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.land.readings import land_readings
from ingestion_pipeline.domains.kpis.publish.reading import parse_range, read_series
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

SMALL = 1_000
_NOW = datetime.now(UTC).replace(second=0, microsecond=0)
_ROUNDS = 200
_FILL = sa.text("""
    INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                            trace_id, received_at, in_order, quality)
    SELECT :tenant, :kpi, CAST(:newest AS timestamptz) - n * interval '1 minute', random(), '', 'b',
           't', now(), true, 'high'
    FROM generate_series(0, :points - 1) AS n
""")


def main() -> None:
    """Fill two series, and print how long the same work takes on each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    large = parser.parse_args().points
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            engine = database.engine(server.url())
            schema.upgrade(engine)
            _compare(engine, large)
            engine.dispose()
        finally:
            server.stop()


def _compare(engine: sa.Engine, large: int) -> None:
    with engine.begin() as connection:
        tenant = tenants.ensure(connection, "benchmark")
        for kpi, points in (("small", SMALL), ("large", large)):
            connection.execute(
                _FILL, {"tenant": tenant, "kpi": kpi, "newest": _NOW, "points": points}
            )
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE kpi_points")
    print(f"|  | {SMALL:,} points | {large:,} points | ratio |\n| --- | ---: | ---: | ---: |")
    for name, work in (("append", _append), ("read 1,000 points", _read)):
        times = _medians(engine, tenant, work)
        ratio = times["large"] / times["small"]
        print(
            f"| {name} | {1000 * times['small']:.2f} ms | {1000 * times['large']:.2f} ms "
            f"| {ratio:.2f} |"
        )


def _medians(
    engine: sa.Engine, tenant: int, work: Callable[[sa.Engine, int, str, int], object]
) -> dict[str, float]:
    """Seconds on each series, taken in turns."""
    taken: dict[str, list[float]] = {"small": [], "large": []}
    for round_ in range(_ROUNDS):
        for kpi, seconds in taken.items():
            started = time.perf_counter()
            work(engine, tenant, kpi, round_)
            seconds.append(time.perf_counter() - started)
    return {kpi: statistics.median(seconds) for kpi, seconds in taken.items()}


def _append(engine: sa.Engine, tenant: int, kpi: str, round_: int) -> None:
    instant = _NOW + timedelta(seconds=round_ + 1)
    update = Update(tenant, f"t{round_}", kpi, instant, "", "b", 1.0, {"value": 1.0})
    with engine.begin() as connection:
        land_readings(connection, [update], job_timeout=timedelta(hours=1))


def _read(engine: sa.Engine, tenant: int, kpi: str, round_: int) -> None:  # noqa: ARG001
    start = (_NOW - timedelta(minutes=SMALL - 1)).isoformat()
    part = parse_range(start=start, end=_NOW.isoformat(), limit="1000", cursor=None)
    with engine.begin() as connection:
        series = read_series(connection, tenant_id=tenant, kpi_id=kpi, part=part)
    assert series is not None
    assert len(series["dataPoints"]) == SMALL - 1


if __name__ == "__main__":
    main()
