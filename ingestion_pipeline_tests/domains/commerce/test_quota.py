"""A tenant without room: every door says so, keeps nothing, and takes it again when there is."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.cli.test_app import run
from ingestion_pipeline_tests.domains.commerce.builders import load
from ingestion_pipeline_tests.domains.commerce.test_drop import folder, put, recorded, scan
from ingestion_pipeline_tests.domains.commerce.uploading import (
    CUSTOMERS,
    kept,
    open_session,
    post_raw,
    put_chunk,
    uploads_of,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

__all__ = ["folder"]
SIZE = len(CUSTOMERS)
GATEWAY_ENVIRONMENT = {"TENANT_LANDED_BYTES": str(2 * SIZE + 10)}


def test_who_has_no_room_is_told_how_much_is_used_and_nothing_is_kept(
    gateway: RunningGateway, sender: Sender
) -> None:
    for _ in range(2):
        assert post_raw(sender).status_code == 202
    refused = post_raw(sender, key="again")
    assert refused.status_code == 413
    [fault] = refused.json()["errors"]
    assert fault["field"] == "quota"
    assert f"keeps {2 * SIZE:,} of at most {2 * SIZE + 10:,} bytes" in fault["message"]
    report = sender.http.post(
        "/api/ingestion/upload/amazon_kdp", params={"filename": "r.csv"}, content=b"x" * 100
    )
    assert report.status_code == 413
    assert report.json()["errors"][0]["field"] == "quota"
    assert len(uploads_of(gateway, sender)) == 2
    assert len(list(kept(gateway, sender.tenant))) == 2
    assert list(kept(gateway, ".partial")) == []
    with gateway.engine.begin() as connection:
        quota.set_limit(connection, sender.tenant_id, 3 * SIZE)
    assert post_raw(sender, key="again").status_code == 202
    # A connection was closed behind its refusal, and whatever came next on it was reset.
    assert "Exception in ASGI" not in gateway.log.read_text()


def test_chunks_of_files_that_are_not_whole_take_room_once(
    gateway: RunningGateway, sender: Sender
) -> None:
    name = "customers_1.ndjson"
    files = {name: CUSTOMERS, "customers_2.ndjson": CUSTOMERS, "customers_3.ndjson": CUSTOMERS}
    token = open_session(sender, files)
    half, end = SIZE // 2, SIZE - 1
    for first, last, status in ((0, half - 1, 200), (half, end, 202)):
        answer = put_chunk(sender, token, CUSTOMERS, first=first, last=last, name=name)
        assert answer.status_code == status, answer.text
    whole = put_chunk(sender, token, CUSTOMERS, first=0, last=end, name="customers_2.ndjson")
    assert whole.status_code == 202
    refused = put_chunk(sender, token, CUSTOMERS, first=0, last=end, name="customers_3.ndjson")
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["field"] == "quota"


def test_a_chunk_without_room_is_refused_before_it_has_come(
    gateway: RunningGateway, sender: Sender
) -> None:
    """Many at once filled the disk with what none of them could keep."""
    token = open_session(sender, {"customers_1.ndjson": CUSTOMERS})
    with gateway.engine.begin() as connection:
        quota.set_limit(connection, sender.tenant_id, SIZE - 1)
    answer = put_chunk(sender, token, CUSTOMERS, first=0, last=SIZE - 1, body=[b"breaks off"])
    assert answer.status_code == 413, answer.text  # and not 400, which whoever reads it would say
    assert answer.json()["errors"][0]["field"] == "quota"


def test_a_dropped_file_without_room_stays_in_the_folder_until_there_is_some(
    engine: sa.Engine,
    folder: Path,
    tenant_id: int,
) -> None:
    first = put(folder, "customers_1.ndjson")
    with engine.begin() as connection:
        quota.set_limit(connection, tenant_id, first.stat().st_size)
    assert len(scan(engine, folder).recorded) == 1
    second = put(folder, "customers_2.ndjson")
    found = scan(engine, folder)
    assert (found.recorded, list(found.no_room)) == ([], ["acme"])
    assert second.exists()
    with engine.begin() as connection:
        quota.set_limit(connection, tenant_id, None)
    assert len(scan(engine, folder).recorded) == 1
    assert len(recorded(engine)) == 2


@pytest.mark.usefixtures("tenant_id")
def test_the_command_shows_and_sets_a_tenants_limit(configured: Settings) -> None:
    def quota_of(*arguments: str) -> dict[str, object]:
        result = run("tenants", "quota", "acme", *arguments, "--json")
        document: dict[str, object] = json.loads(result.stdout)
        return document

    assert quota_of("--landed-bytes", "5") == {
        "tenant": "acme", "landed_bytes": 0, "landed_bytes_limit": 5, "own_limit": True
    }  # fmt: skip
    assert quota_of("--reset")["landed_bytes_limit"] == configured.tenant_landed_bytes


def test_refused_lines_beyond_the_quota_are_counted_and_not_kept(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    bad = [b"no JSON %d" % number for number in range(8)]
    reason = {"field": "line", "rule": "must be one JSON object", "value": "no JSON 0"}
    size = len(bad[0]) + len(json.dumps([reason]))  # of a short line the reasons are the most
    with engine.begin() as connection:
        quota.set_rejected_limit(connection, tenant_id, 3 * size - 1)
    for name in ("customers_1.ndjson", "customers_2.ndjson"):
        content = CUSTOMERS + b"\n".join(bad)
        load(engine, tmp_path / name, {name: content})
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT rejected, rejected_kept, rejected_bytes FROM uploads ORDER BY upload_id"
        ).all()
        kept_rows = connection.exec_driver_sql("SELECT count(*) FROM rejected_rows").scalar()
    assert [tuple(row) for row in found] == [(8, 2, 2 * size), (8, 0, 0)]
    assert kept_rows == 2
