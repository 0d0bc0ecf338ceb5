"""Amazon KDP has one name, `amazon_kdp`; `kdp` is another way to write it, in requests only."""

from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.orders import parse_order
from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.book_sales.sources.registry import PLATFORMS, canonical, platform_of
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, KEEPS, ebook, text
from ingestion_pipeline_tests.gateway.running import Sender

MIGRATION = import_module("ingestion_pipeline.foundation.storage.migrations.versions.0019_wires")

_OLD_JOB = sa.text("""
    INSERT INTO jobs (tenant_id, kind, payload, max_attempts)
    SELECT tenant_id, 'book_sales.import.kdp', '{"platform": "kdp", "upload_id": 1}', 3
    FROM tenants
""")


def _names(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(
            connection.scalars(
                sa.text(
                    "SELECT platform FROM sales_events UNION ALL SELECT platform FROM daily_sales "
                    "UNION ALL SELECT type FROM uploads UNION ALL SELECT platform FROM jobs"
                )
            )
        )


def test_an_alias_is_a_platform_that_is_there() -> None:
    assert canonical("kdp") == "amazon_kdp"
    assert "kdp" not in PLATFORMS
    assert platform_of("kdp") is platform_of("amazon_kdp")
    for name in ("kdp", "amazon_kdp"):
        order = parse_order({"platform": name, "payload": {"upload_id": 1}})
        assert order.platform == "amazon_kdp"


@pytest.mark.parametrize("name", ["kdp", "amazon_kdp"])
def test_both_spellings_are_one_platform_in_the_shell(
    engine: sa.Engine, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "ebook.csv"
    path.write_bytes(text(EBOOK, [ebook("2.00"), ebook("3.00", asin="B000000002")]))
    merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    again = merge_reports(engine, [path], platform=name, tenant="acme", keeps=KEEPS)
    assert (again.totals["inserted"], again.totals["unchanged"]) == (0, 2)
    assert _names(engine) == {"amazon_kdp"}


def test_an_old_report_imported_again_after_the_migration_doubled_everything(
    engine: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "ebook.csv"
    path.write_bytes(text(EBOOK, [ebook("2.00"), ebook("2.00")]))
    merge_reports(engine, [path], platform="kdp", tenant="acme", keeps=KEEPS)
    with engine.begin() as connection:  # as a version before wrote it
        connection.execute(sa.text("UPDATE sales_events SET platform = 'kdp'"))
        connection.execute(
            sa.text("UPDATE uploads SET type = 'kdp', source_key = 'book_sales:kdp:00ff'")
        )
        connection.execute(_OLD_JOB)
        connection.exec_driver_sql(MIGRATION._AMAZON_KDP)
        keys = connection.scalars(sa.text("SELECT source_key FROM uploads")).all()
        assert keys == ["book_sales:amazon_kdp:00ff"]
    assert _names(engine) == {"amazon_kdp"}
    again = merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert (again.totals["inserted"], again.totals["unchanged"]) == (0, 2)


def test_a_job_that_a_gateway_of_before_queued_is_worked_on(
    engine: sa.Engine, tenant_id: int, configured: Settings
) -> None:
    assert tenant_id
    with engine.begin() as connection:
        connection.execute(_OLD_JOB)
        claim = queue.take(connection, configured, "amazon_kdp", worker="a", run_id=None)
    assert claim is not None
    assert queue.KINDS[claim.kind] == "amazon_kdp"  # the partition whose run takes it
    assert claim.payload["platform"] == "amazon_kdp"


@pytest.mark.parametrize("path", ["upload/kdp", "upload/amazon_kdp"])
def test_both_spellings_are_one_report_at_the_gateway(sender: Sender, path: str) -> None:
    content = text(EBOOK, [ebook("7.77")])
    sender.http.post("/api/ingestion/upload/amazon_kdp?filename=a.csv", content=content)
    again = sender.http.post(f"/api/ingestion/{path}?filename=a.csv", content=content)
    assert (again.status_code, again.json()["platform"]) == (200, "amazon_kdp")
