"""Files through the whole of loading into each domain that has a sink of its own here: read, landed
with its counts and refused rows in one transaction, settled."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.domains.buildings.merge.sites import add_site
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import RUNS
from ingestion_pipeline_tests.domains.book_sales import test_mapped as book_sales
from ingestion_pipeline_tests.domains.book_sales.test_mapped_platforms import described
from ingestion_pipeline_tests.domains.buildings import test_mapped as buildings
from ingestion_pipeline_tests.domains.kpis import test_mapped as kpis
from ingestion_pipeline_tests.domains.markets import test_mapped as markets
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries

FILES = {
    "sales_events": (
        book_sales.KEYED, book_sales.TWO_EQUAL + "2999-01-01,978,DE,1,2.65\n", "daily_sales"
    ),
    "kpi_points": (kpis.MAPPING, kpis.HEADER + kpis.ROWS + "no id,2026-01-01,1,\n", "kpi_points"),
    "building_samples": (
        buildings.MAPPING, buildings.HEADER + buildings.ROWS + "hers,p,2026-01-01 01:00,1,,\n",
        "timeseries_daily",
    ),
    "macro_observations": (
        markets.PLAIN, markets.HEADER + "EXR,2026-04-01,1.08\n,2026-04-01,1.08\n",
        "macro_observations",
    ),
}  # fmt: skip


@pytest.mark.parametrize("target", FILES)
def test_a_file_is_loaded_refused_rows_are_kept_and_what_follows_is_there(
    target: str, engine: sa.Engine, configured: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    mapping, content, follows = FILES[target]
    described(tmp_path / "defs", "files", mapping)
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path / "defs"))
    settings.cache_clear()
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
        add_site(connection, "acme", "annex")
    (tmp_path / "file.csv").write_text(content)
    name = mapping.split()[1]
    ran = CliRunner().invoke(
        app, ["intake", "load", name, str(tmp_path / "file.csv"), "--tenant", "acme"]
    )
    assert ran.exit_code in (0, 3), (ran.output, ran.exception)
    with engine.connect() as connection:
        upload = connection.exec_driver_sql(
            "SELECT status, error, rejected, inserted FROM uploads"
        ).one()
        assert (upload.status, upload.error, upload.rejected) == ("loaded", None, 1)
        refused = connection.exec_driver_sql("SELECT line_number, reasons FROM rejected_rows").one()
        assert refused.line_number == content.count("\n"), json.dumps(refused.reasons)
        rows = connection.exec_driver_sql(f"SELECT count(*) FROM {follows}").scalar_one()
        assert (upload.inserted, rows > 0) == (len(content.splitlines()) - 2, True)


def test_the_role_of_runs_may_land_and_settle_whatever_a_mapping_makes(
    engine: sa.Engine, tenant_id: int
) -> None:
    roles.ensure(engine)
    with engine.begin() as owner:
        add_site(owner, "acme", "annex")
        password = roles.make_login(owner, "runs_of_mappings", group=RUNS, acts_as_group=True)
    url = sa.make_url(roles.url_of(engine, "runs_of_mappings", password))
    runs = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    files = Deliveries(runs, tenant_id)
    for mapping, content, _ in FILES.values():
        first = files.bring(mapping, content)
        assert first["inserted"] >= 1
        assert set(files.bring(mapping, content)) == {"unchanged"}
    other_value = kpis.HEADER + "revenue,2026-05-01,99,a\n"
    assert files.bring(kpis.MAPPING, other_value) == {"superseded": 1}  # a conflict is recorded
    runs.dispose()
