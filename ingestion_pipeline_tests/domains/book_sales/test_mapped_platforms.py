"""A mapping of sales events is a platform: every door of book sales knows it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.orders import parse_order
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.book_sales.receive.drop_folder import receive_dropped
from ingestion_pipeline.domains.book_sales.sources.described import platforms, platforms_of
from ingestion_pipeline.domains.book_sales.sources.registry import PLATFORMS
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.book_sales.builders import KEEPS
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries
from ingestion_pipeline_tests.gateway.running import CRON_SECRET, RunningGateway

EARNINGS = """
source: play
mapping: earnings
match: {header: [Id, Earned]}
settings: {platform: google_play, title: Google Play Books}
emit:
  sales_events:
    fields:
      external_id: {id: [sale, Id, Type]}
      event_type: {of: Type, lookup: {Sale: sale, Refund: refund}}
      occurred_at: Date
      title: Title
      quantity: Qty
      amount: Earned
      currency: {is: EUR}
"""
TRANSACTIONS = EARNINGS.replace("Earned]", "Qty, Paid]").replace("amount: Earned", "amount: Paid")
TRANSACTIONS = TRANSACTIONS.replace("mapping: earnings", "mapping: transactions")
REPORT = (
    "Id,Type,Date,Title,Qty,Earned\nI1,Sale,2026-02-02,Dune,1,3.19\nI2,Sale,2026-02-03,Emma,2,\n"
)
EARLIER = REPORT.replace("Earned", "Paid").replace("3.19", "")


def described(folder: Path, name: str, mapping: str, more: str = "") -> None:
    inside = "\n".join("    " + line for line in mapping.strip().splitlines())
    (folder / name).mkdir(parents=True)
    (folder / name / "defs.yaml").write_text(
        "type: ingestion_pipeline.components.MappedFiles\n"
        f"attributes:\n{more}  mapping:\n{inside}\n"
    )


@pytest.fixture
def google(configured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings by which Google Play is described, in two mappings, and a shop beside it."""
    described(tmp_path / "defs", "google", EARNINGS)
    described(tmp_path / "defs", "google_earlier", TRANSACTIONS, "  tenants: [acme]\n")
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path / "defs"))
    settings.cache_clear()
    return settings()


def rows(engine: sa.Engine) -> list[tuple[Any, ...]]:
    query = "SELECT platform, external_id, title, amount FROM sales_events ORDER BY title"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_where_nothing_is_described_there_is_what_code_reads(configured: Settings) -> None:
    assert platforms(configured) == PLATFORMS
    assert queue.kinds_of(platforms(configured)) == queue.KINDS


def test_a_described_mapping_is_a_platform_by_the_name_that_it_says(google: Settings) -> None:
    known = platforms(google)
    assert list(known) == [*PLATFORMS, "google_play"]
    assert known["google_play"].title == "Google Play Books"
    assert queue.kinds_of(known)["book_sales.import.google_play"] == "google_play"
    order = parse_order({"platform": "google_play", "payload": {"upload_id": 1}}, among=known)
    assert order.platform == "google_play"
    with pytest.raises(ContractError, match=r"must be one of amazon_kdp, .*, google_play"):
        parse_order({"platform": "google", "payload": {}}, among=known)


def test_a_report_is_the_same_events_through_both_doors(
    engine: sa.Engine, tenant_id: int, google: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT)
    [imported] = merge_reports(
        engine, [path], platform="google_play", tenant="acme", keeps=KEEPS,
        among=platforms(google),
    ).files  # fmt: skip
    assert (imported.error, imported.counts["inserted"]) == (None, 2)
    before = rows(engine)
    assert Deliveries(engine, tenant_id).bring(EARNINGS, REPORT) == {"unchanged": 2}
    assert rows(engine) == before


def test_a_dropped_report_goes_through_the_platforms_queue(
    engine: sa.Engine, tenant_id: int, google: Settings
) -> None:
    folder = google.ingestion_home / "drop" / "acme" / "google_play"
    folder.mkdir(parents=True)
    (folder / "earlier.csv").write_text(EARLIER)
    (folder / "later.csv").write_text(REPORT)
    quick = google.model_copy(update={"drop_settle": timedelta()})
    until, landing = datetime.now(UTC) + timedelta(minutes=1), Landing(quick.landing)
    found = receive_dropped(engine, quick, drop_url=quick.drop, landing=landing, until=until)
    assert (len(found.recorded), found.left) == (2, [])
    outcomes = work.tick(engine, google, trigger="test", limit=10)
    assert [(each.platform, each.status) for each in outcomes] == [("google_play", "completed")] * 2
    told = [{name: each.result[name] for name in ("inserted", "updated")} for each in outcomes]
    assert told in (
        [{"inserted": 2, "updated": 0}, {"inserted": 0, "updated": 1}],
        [{"inserted": 2, "updated": 0}, {"inserted": 0, "updated": 0}],
    )
    assert [(row[0], row[2], str(row[3])) for row in rows(engine)] == [
        ("google_play", "Dune", "3.1900"), ("google_play", "Emma", "None"),
    ]  # fmt: skip


def test_a_platform_that_is_for_one_tenant_is_none_to_another(
    configured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(tmp_path / "defs", "google", EARNINGS, "  tenants: [acme]\n")
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path / "defs"))
    settings.cache_clear()
    assert "google_play" in platforms_of(settings(), "acme")
    assert platforms_of(settings(), "other") == PLATFORMS


def test_a_tenant_that_a_mapping_is_not_for_has_no_use_of_it(
    engine: sa.Engine, google: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text(EARLIER)
    with engine.begin() as connection:
        tenants.ensure(connection, "other")
    [imported] = merge_reports(
        engine, [path], platform="google_play", tenant="other", keeps=KEEPS,
        among=platforms(google),
    ).files  # fmt: skip
    assert imported.error is not None
    assert rows(engine) == []


def test_who_tells_how_numbers_are_written_is_told_that_the_mapping_does(
    google: Settings, engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT.replace("Sale,2026-02-03", "Gift,2026-02-03"))
    [imported] = merge_reports(
        engine, [path], platform="google_play", tenant="acme", keeps=KEEPS,
        told=work.Told(".", None), among=platforms(google),
    ).files  # fmt: skip
    assert imported.error == "decimal, dates: the platform's mapping says how they are written"
    [imported] = merge_reports(
        engine, [path], platform="google_play", tenant="acme", keeps=KEEPS,
        among=platforms(google),
    ).files  # fmt: skip
    assert (imported.counts["rejected"], imported.counts["inserted"]) == (1, 1)
    with engine.connect() as connection:
        refused = connection.exec_driver_sql("SELECT line_number, reasons FROM rejected_rows").one()
    assert refused.line_number == 3
    assert refused.reasons == [
        {"field": "event_type", "rule": "is none of Sale, Refund", "columns": ["Type"]}
    ]


def test_the_gateway_and_dagster_know_a_described_platform(
    google: Settings, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "gateway").mkdir()
    gateway = RunningGateway(database_url, tmp_path / "gateway")
    try:
        with gateway.new_sender() as sender:
            sent = sender.http.post(
                "/api/ingestion/upload/google_play?filename=a.csv", content=REPORT.encode()
            )
            assert sent.status_code == 202, sent.text
            ordered = sender.http.post("/api/ingestion/platform/google", json={"payload": {}})
            assert (ordered.status_code, "google_play" in ordered.text) == (422, True)
            cron = {"Authorization": f"Bearer {CRON_SECRET}"}
            assert sender.http.post("/api/ingestion/cron", headers=cron).json()["completed"] == 1
            state = sender.http.get(sent.headers["location"]).json()
            assert (state["status"], state["platform"]) == ("completed", "google_play")
            assert gateway.rows("SELECT units, amount FROM daily_sales ORDER BY day")[0].units == 1
    finally:
        gateway.stop()
        gateway.engine.dispose()
    program = (
        "from ingestion_pipeline.domains.book_sales import assets, automation;"
        "print(assets.PARTITIONS.get_partition_keys()[-1], automation.QUEUE.kinds['x'])"
    ).replace("'x'", "'book_sales.import.google_play'")
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["google_play", "google_play"]
