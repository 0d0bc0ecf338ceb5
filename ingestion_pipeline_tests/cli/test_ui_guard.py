"""The real Dagster UI behind its guard, attacked as a web page would."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.cli.ui_guard import hosts_of
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.orchestration.resources import Database

EVIL = "https://evil.example"
QUERY = {"query": "{ version }"}
MUTATION = "mutation { setNuxSeen }"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    at = f"http://127.0.0.1:{free_port()}"
    log = home / "ui.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion_pipeline.cli.ui", "--empty-workspace",
             "--port", at.rpartition(":")[2]],
            cwd=home, stdout=output, stderr=output,
            env={**os.environ, "DAGSTER_HOME": str(home), "WEB_HOSTS": "pipes.example",
                 "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    try:
        with httpx.Client(base_url=at, timeout=60) as client:
            deadline = time.monotonic() + 300
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                try:
                    client.get("/server_info").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield client
    finally:
        process.terminate()
        process.wait(60)


def own(ui: httpx.Client) -> str:
    return str(ui.base_url).rstrip("/")


def test_what_the_ui_itself_sends_is_answered(ui: httpx.Client) -> None:
    page = ui.get("/", headers={"sec-fetch-site": "none", "sec-fetch-mode": "navigate"})
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers.get_list("content-security-policy")
    assert page.headers["x-content-type-options"] == "nosniff"
    headers = {"origin": own(ui), "sec-fetch-site": "same-origin"}
    assert ui.post("/graphql", json=QUERY, headers=headers).json()["data"]["version"]
    assert ui.post("/graphql", json=QUERY).status_code == 200  # no browser
    playground = ui.get("/graphql", headers={"accept": "text/html"})
    assert playground.status_code == 200
    assert playground.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate",
         "sec-fetch-dest": "document"},
        {},  # a browser of old
        {"accept": "image/*"},
        {"origin": EVIL},
    ],
)  # fmt: skip
def test_an_image_on_any_page_started_runs(ui: httpx.Client, headers: dict[str, str]) -> None:
    answer = ui.get("/graphql", params={"query": MUTATION}, headers=headers)
    assert answer.status_code in (403, 405)
    assert "data" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate",
         "sec-fetch-dest": "document"},  # a form that is sent
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_foreign_page_posted_graphql(
    ui: httpx.Client, headers: dict[str, str], kind: str
) -> None:
    answer = ui.post(
        "/graphql", params={"query": MUTATION}, content=b'{"query": "{ version }"}',
        headers={**headers, "content-type": kind},
    )  # fmt: skip
    assert answer.status_code == 403
    assert "Another site" in answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain; application/json", "multipart/form-data", ""]
)
def test_graphql_came_as_a_form_may_send_it(ui: httpx.Client, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = ui.post("/graphql", params=QUERY, content=b"{}", headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "localhost.evil.example", "a@localhost", "x y"]
)
def test_a_foreign_name_that_points_here_was_answered(ui: httpx.Client, host: str) -> None:
    for path in ("/", "/graphql"):
        answer = ui.post(path, json=QUERY, headers={"host": host, "origin": f"http://{host}"})
        assert answer.status_code == 421
        assert "WEB_HOSTS" in answer.text
        assert answer.text.count("\n") == 1
    # kubelet asks under the pod's address, and learns versions
    assert ui.get("/server_info", headers={"host": "10.0.0.7:8080"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:9", "LOCALHOST", "[::1]:3000", "pipes.example"])
def test_names_of_ours_are_answered(ui: httpx.Client, host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert ui.post("/graphql", json=QUERY, headers=headers).status_code == 200
    behind_tls = {**headers, "origin": f"https://{host}"}
    assert ui.post("/graphql", json=QUERY, headers=behind_tls).status_code == 200


def test_websockets_of_any_page_were_accepted(ui: httpx.Client) -> None:
    at = own(ui).replace("http", "ws") + "/graphql"
    protocol = [Subprotocol("graphql-ws")]
    with connect(at, origin=own(ui), subprotocols=protocol) as socket:  # type: ignore[arg-type]
        socket.send('{"type": "connection_init"}')
        assert "connection_ack" in str(socket.recv(60))
    for foreign in (EVIL, "null"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(at, origin=foreign, subprotocols=protocol)  # type: ignore[arg-type]
    with pytest.raises(InvalidStatus, match="403"):
        connect(at, additional_headers={"sec-fetch-site": "cross-site"}, subprotocols=protocol)


def test_hosts_are_names_without_ports() -> None:
    assert hosts_of("0.0.0.0", ()) == {"127.0.0.1", "localhost", "[::1]"}
    assert {"[fd00::1]", "pipes.example"} <= hosts_of("fd00::1", ["Pipes.Example"])
    for wrong in ("https://pipes.example", "pipes.example:80", "a b"):
        with pytest.raises(ConfigurationError, match="WEB_HOSTS"):
            hosts_of("127.0.0.1", [wrong])


def test_a_runs_configuration_pointed_it_at_a_foreign_database() -> None:
    @dg.op
    def ask(database: Database) -> None:
        raise AssertionError

    @dg.job(resource_defs={"database": Database()})
    def asking() -> None:
        ask()

    config = {"resources": {"database": {"config": {"url": "postgresql://evil.example/x"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError, match="url"):
        asking.execute_in_process(run_config=config)


def test_no_resource_and_no_asset_of_ours_takes_configuration() -> None:
    from ingestion_pipeline.definitions import defs

    repository = defs.get_repository_def()
    for job in repository.get_all_jobs():
        for key, resource in job.resource_defs.items():
            if key == "io_manager":  # Dagster's own: no asset of ours returns what it would keep
                continue
            fields = getattr(resource.config_schema.config_type, "fields", {})
            assert set(fields) <= {"place"}, (job.name, key)  # which has one value
        for node in job.all_node_defs:
            schema = getattr(node, "config_schema", None)
            kind = schema.config_type if schema is not None else None
            assert not getattr(kind, "fields", {}), (job.name, node.name)
