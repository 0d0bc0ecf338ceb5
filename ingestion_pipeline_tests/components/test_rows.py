"""A source of a file is collected: from its YAML, over the wire, to rows and documents.

In a process of its own, as sites become partitions while definitions load.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.domains.markets.publish.macro import known_macro
from ingestion_pipeline.domains.markets.tables import observations
from ingestion_pipeline.foundation.sandbox.fred import data as fred_data
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.days import today
from ingestion_pipeline_tests.domains.buildings.builders import DAY, rows, truth
from ingestion_pipeline_tests.foundation.described.test_folder import series, site, write
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

SANDBOX = {"points": 20, "interval_seconds": 600}
PLANT = "demo-site-2"
COLLECT = f"""
from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.buildings.assets import partition_key
from datetime import date

quiet = {{"loggers": {{"console": {{"config": {{"log_level": "CRITICAL"}}}}}}}}
defs.resolve_job_def("refresh_macro").execute_in_process(run_config=quiet)
defs.resolve_job_def("collect_buildings").execute_in_process(
    run_config=quiet, partition_key=partition_key(date.fromisoformat("{DAY}"), "{PLANT}")
)
"""


@pytest.mark.slow
def test_sources_of_files_become_rows_and_documents_and_one_at_fault_takes_nothing_away(
    configured: Settings, engine: sa.Engine, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "sources", plant=site(PLANT), treasury=series("DGS10", "T10Y2Y"), bad="a: b: c"
    )
    environment = {
        **os.environ, "DEFS_FOLDER": str(folder), "FRED_API_BASE_URL": f"{sandbox.url}/fred",
        "FRED_API_KEY": KEY, "ACE_IOT_API_BASE_URL": sandbox.live_url, "ACE_IOT_API_KEY": KEY,
        "ACE_REQUESTS_PER_MINUTE": "99999", "COLLECT_WINDOW": "PT24H",
    }  # fmt: skip
    day = today(lasting=120)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COLLECT],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bad/defs.yaml:1: is not YAML" in done.stderr

    c = observations.c
    vintages = sa.select(c.series_id, c.date, c.realtime_start).where(c.realtime_start <= day)
    with engine.connect() as connection:
        stored = {tuple(row) for row in connection.execute(vintages)}
        document = known_macro(connection, Settings(defs_folder=folder))
        sites = connection.scalars(sa.text("SELECT DISTINCT site_name FROM timeseries_raw")).all()
    # Who names series has these and not the default ones, too.
    assert stored == {
        (name, row.day, row.realtime_start)
        for name in ("DGS10", "T10Y2Y")
        for row in fred_data.rows_of(name, day)
    }
    assert document is not None
    assert set(document["series"]) == {"DGS10", "T10Y2Y"}
    assert rows(engine) == truth(sandbox, day_of(DAY), PLANT)
    assert sites == [PLANT]
