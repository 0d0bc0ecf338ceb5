"""Files of any shape over HTTP: received once, by the mapping that is named or fits, and told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.components.test_mapped_files import FILE, MAPPING, write
from ingestion_pipeline_tests.foundation.loading.running import load_all
from ingestion_pipeline_tests.gateway.running import ServingGateway, serving

KDP = MAPPING.replace("mapping: sales", "mapping: sales\n    match: {header: [Article]}")
OTHER = (
    KDP.replace("mapping: sales", "mapping: gifts").replace("Article", "Gift")
    + "  tenants: [acme]\n"
)


@pytest.fixture(scope="module")
def place(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServingGateway, Settings]]:
    home = tmp_path_factory.mktemp("mapped")
    alone = KDP.replace("source: kiosk", "source: alone")
    folder = write(home / "defs", till=KDP, gifts=OTHER, alone=alone)
    values: dict[str, Any] = {"ingestion_home": home / "home", "defs_folder": folder}
    with serving(shared_database_url, **values) as running:
        yield running, Settings(DATABASE_URL=shared_database_url, **values)


@pytest.fixture
def acme(place: tuple[ServingGateway, Settings]) -> Iterator[httpx.Client]:
    running, _ = place
    with running.engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
        key = tenants.issue_key(connection, tenant_id)
    with httpx.Client(base_url=f"{running.url}/api/ingestion", timeout=60) as client:
        client.headers["X-API-Key"] = key
        yield client


def known(configuration: Settings, name: str = "kiosk/sales") -> Known:
    found = registry.mappings(configuration).get(name)
    assert found is not None
    return found


def test_a_file_is_received_loaded_and_told_of(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    running, configuration = place
    answer = acme.post("/files/kiosk/sales", files={"file": ("day.csv", FILE.encode())})
    said = answer.json()
    assert (answer.status_code, said["status"], said["mapping"]) == (202, "accepted", "kiosk/sales")
    where = answer.headers["location"].removeprefix("/api/ingestion")
    waiting = acme.get(where).json()
    assert (waiting["state"], waiting["made"]) == ("recorded", None)
    load_all(running.engine, configuration, known(configuration))
    told = acme.get(where).json()
    assert told["state"] == "loaded"
    assert told["counts"] == {
        "lines": 4, "blank": 0, "preamble": 1, "footer": 0, "rejected": 1, "used": 2,
    }  # fmt: skip
    assert told["made"] == {"sales_events": 2}
    assert {"of": ["sales_events", "sale", "EUR"], "amount": "2.5000"} in told["sums"]
    assert next(iter(told["rejected_by_reason"])).startswith("event_type")
    [refused] = told["first_rejected"]
    [reason] = refused["reasons"]
    assert (refused["line"], reason["field"], reason["columns"]) == (3, "event_type", ["Kind"])
    assert reason["value"] == ""  # "stolen" may be anything


def test_the_same_file_again_is_a_duplicate_and_a_key_answers_alike(acme: httpx.Client) -> None:
    def send(**headers: str) -> httpx.Response:
        return acme.post(
            "/files/kiosk/sales", params={"filename": "twice.csv"},
            content=f"{FILE}\n".encode(), headers=headers,
        )  # fmt: skip

    first = send(**{"Idempotency-Key": "k-1"})
    replayed = send(**{"Idempotency-Key": "k-1"})
    assert replayed.headers["idempotent-replayed"] == "true"
    assert (replayed.status_code, replayed.content) == (202, first.content)
    again = send()
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert again.json()["upload_id"] == first.json()["upload_id"]
    other = acme.post(
        "/files/kiosk/sales", params={"filename": "twice.csv"}, content=b"another",
        headers={"Idempotency-Key": "k-1"},
    )  # fmt: skip
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("column", "mapping"), [("Article", "kiosk/sales"), ("Gift", "kiosk/gifts")]
)
def test_where_the_source_alone_is_named_the_mapping_is_the_one_that_fits(
    column: str, mapping: str, acme: httpx.Client
) -> None:
    content = f"{FILE}\n\n".replace("Article", column).encode()
    answer = acme.post("/files/kiosk", params={"filename": f"{column}.csv"}, content=content)
    assert (answer.status_code, answer.json()["mapping"]) == (202, mapping)


def test_a_file_that_no_mapping_of_a_source_fits_is_refused_and_not_kept(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    answer = acme.post("/files/kiosk", params={"filename": "x.csv"}, content=b"a,b\n1,2\n")
    assert answer.status_code == 422
    assert "fits the `match` of none of" in answer.json()["message"]
    landed = [each for each in place[1].home.rglob("x.csv") if each.is_file()]
    assert landed == []


def test_the_only_mapping_of_a_source_took_files_that_its_match_does_not_fit(
    acme: httpx.Client,
) -> None:
    answer = acme.post("/files/alone", params={"filename": "x.csv"}, content=b"a,b\n1,2\n")
    assert answer.status_code == 422
    assert "alone/sales looks for the columns 'Article'" in answer.json()["message"]
    fits = acme.post("/files/alone", params={"filename": "y.csv"}, content=FILE.encode())
    assert fits.status_code == 202


def test_a_mapping_that_is_not_there_or_not_for_the_tenant_is_not_found(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    answer = acme.post("/files/kiosk/sale", params={"filename": "x.csv"}, content=b"a")
    assert answer.status_code == 404
    assert "did you mean 'kiosk/sales'" in answer.json()["message"]
    with place[0].engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "other")
        key = tenants.issue_key(connection, tenant_id)
    answer = acme.post(
        "/files/kiosk/gifts", params={"filename": "x.csv"}, content=b"a",
        headers={"X-API-Key": key},
    )  # fmt: skip
    assert answer.status_code == 404
    assert acme.get("/uploads/1", headers={"X-API-Key": key}).status_code == 404


@pytest.mark.parametrize("name", ["", "../x.csv", "a/b.csv"])
def test_a_file_needs_a_name_that_can_be_used(name: str, acme: httpx.Client) -> None:
    answer = acme.post("/files/kiosk/sales", params={"filename": name}, content=b"a")
    assert answer.status_code in (400, 422)


def test_nothing_is_taken_without_a_key(acme: httpx.Client) -> None:
    answer = acme.post("/files/kiosk/sales", headers={"X-API-Key": "no"}, content=b"a")
    assert answer.status_code == 401


def test_no_room_is_said_and_leaves_nothing(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    with place[0].engine.begin() as connection:
        connection.execute(sa.text("UPDATE tenants SET landed_bytes_limit = 1"))
    try:
        answer = acme.post("/files/kiosk/sales", params={"filename": "q.csv"}, content=b"a,b\n")
        assert "quota" in answer.json()["message"]
        assert [each for each in Path(place[1].home).rglob("q.csv") if each.is_file()] == []
    finally:
        with place[0].engine.begin() as connection:
            connection.execute(sa.text("UPDATE tenants SET landed_bytes_limit = NULL"))


def test_a_file_of_the_tenants_own_part_of_the_store_is_read_where_it_lies(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    running, configuration = place
    own = configuration.home / "landing" / "acme" / "uploads" / "own.csv"
    own.parent.mkdir(parents=True)
    own.write_text(f"{FILE}\n\n\n")
    answer = acme.post("/files/kiosk/sales", params={"storagePath": "uploads/own.csv"})
    assert (answer.status_code, answer.json()["file_name"]) == (202, "own.csv")
    again = acme.post("/files/kiosk/sales", params={"storagePath": "uploads/own.csv"})
    assert again.status_code == 200
    load_all(running.engine, configuration, known(configuration))
    told = acme.get(answer.headers["location"].removeprefix("/api/ingestion")).json()
    assert (told["state"], own.exists()) == ("loaded", True)


@pytest.mark.parametrize(
    "path", ["uploads/none.csv", "../other/x.csv", "/x.csv", "", "nobody/x.csv", "uploads/*"]
)
def test_a_path_that_leads_elsewhere_or_nowhere_is_refused(path: str, acme: httpx.Client) -> None:
    answer = acme.post("/files/kiosk/sales", params={"storagePath": path})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("storagePath: ")


def test_a_file_that_failed_tells_its_sender_no_path_of_the_server(
    place: tuple[ServingGateway, Settings], acme: httpx.Client
) -> None:
    running, configuration = place
    content = FILE.replace("Paid", "Price")
    said = acme.post("/files/kiosk/sales", files={"file": ("renamed.csv", content.encode())}).json()
    load_all(running.engine, configuration, known(configuration))
    state = acme.get(f"/uploads/{said['upload_id']}").json()
    job = acme.get(f"{running.url}/api/ledger/jobs/{said['job_id']}").json()
    for error in (state["error"], job["error"]):
        assert error.startswith("mapping kiosk/sales: ")
        assert "'Paid'" in error
        assert "defs.yaml" not in error
