"""`ingest --api-url`: through breaks, kills and refusals to the same tables as without it."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ingestion_pipeline.cli.uploading import upload as uploading
from ingestion_pipeline.cli.uploading.client import UploadClient
from ingestion_pipeline.cli.uploading.sending import CONNECTIONS
from ingestion_pipeline.cli.uploading.upload import upload
from ingestion_pipeline.domains.commerce.merge.claimed import total
from ingestion_pipeline.domains.commerce.merge.folder import IngestResult, data_files
from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError, TransientError
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline_tests.breaking_proxy import breaking_proxy
from ingestion_pipeline_tests.domains.commerce.builders import (
    customer,
    lines,
    order,
    order_item,
    product,
    write_files,
)
from ingestion_pipeline_tests.domains.commerce.uploading import (
    content_of,
    kept,
    loading,
    uploads_of,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

GATEWAY_ENVIRONMENT = {"JOB_ATTEMPTS": "1"}
CHUNK = 100_000


def large(size: int, *, seed: int) -> bytes:
    """A file of about so many bytes and few lines, no two parts of it alike."""
    chance = random.Random(seed)
    rows = (customer(n, metadata={"x": chance.randbytes(250_000).hex()}) for n in range(999))
    return lines(islice(rows, size // 500_000))


class Told:
    """What a progress display would show."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.states: dict[str, list[str]] = {}
        self.messages: list[str] = []

    def sent(self, path: Path, received: int) -> None:
        self.bytes[path.name] = received

    def state(self, path: Path, state: str, *, done: bool) -> None:
        states = self.states.setdefault(path.name, [])
        if state not in states:
            states.append(state)

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "_POLL_SECONDS", 0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(
        tmp_path / "data",
        {
            "order_items_1.ndjson": (order_item(n, n % 300, n % 50) for n in range(600)),
            "orders_1.ndjson": (order(n, n % 400) for n in range(300)),
            "products_1.ndjson": map(product, range(50)),
            "customers_1.ndjson": [*map(customer, range(400)), {"customer_id": "wrong"}],
        },
    )


def settled(gateway: RunningGateway, sender: Sender) -> Counts:
    """The counts of all that was sent, after `loading`.

    A result may be of a moment earlier, at which orders that were faster than their customers wait.
    """
    sent = [upload.upload_id for upload in uploads_of(gateway, sender)]
    return total(gateway.engine, sent)


def send(
    sender: Sender,
    folder: Path,
    *,
    url: str | None = None,
    told: Told | None = None,
    api_key: str | None = None,
    chunk_bytes: int = CHUNK,
    patience: float = 240,
) -> IngestResult:
    told = told or Told()
    with UploadClient(
        url or str(sender.http.base_url), api_key=api_key or sender.api_key,
        connections=CONNECTIONS, patience=patience, say=told.say,
    ) as client:  # fmt: skip
        files, _ = data_files(folder)
        return upload(
            client, files, home=folder.parent / "home", progress=told, chunk_bytes=chunk_bytes
        )


def test_files_arrive_are_loaded_and_counted_as_by_the_direct_way(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    told = Told()
    with loading(gateway):
        result = send(sender, folder, told=told).as_dict()
    assert [file["file"] for file in result["files"]] == [
        "customers_1.ndjson", "products_1.ndjson", "orders_1.ndjson", "order_items_1.ndjson",
    ]  # fmt: skip
    assert {file["tenant"] for file in result["files"]} == {sender.tenant}
    counts = settled(gateway, sender)
    assert asdict(counts) == {
        "lines": 1_351, "blank": 0, "preamble": 0, "rejected": 1, "staged": 1_350,
        "inserted": 1_350,
        "updated": 0, "unchanged": 0, "superseded": 0, "waiting": 0,
    }  # fmt: skip
    waited = result["totals"]["waiting"]
    assert result["totals"] == asdict(replace(counts, inserted=1_350 - waited, waiting=waited))
    assert result["rejected_by_reason"]
    for path in folder.iterdir():
        assert told.bytes[path.name] == path.stat().st_size
        assert told.states[path.name][-1] == "loaded"
    sent = {upload.file_name: content_of(upload) for upload in uploads_of(gateway, sender)}
    assert sent == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert list((folder.parent / "home").rglob("*.json")) == []
    with loading(gateway):
        again = send(sender, folder)
    assert (again.totals.unchanged, again.totals.inserted) == (1_350, 0)


def test_cut_three_times_mid_body_the_file_arrives_byte_identical(
    gateway: RunningGateway, sender: Sender, tmp_path: Path
) -> None:
    content = large(64_000_000, seed=3)
    folder = write_files(tmp_path / "data", {"customers_1.ndjson": content})
    told = Told()
    cuts = [9_000_000, 30_000_000, 61_000_000]
    mebibytes_8 = 8 * 1024 * 1024
    with breaking_proxy(gateway.port, cuts) as proxy, loading(gateway):
        result = send(sender, folder, url=proxy.url, told=told, chunk_bytes=mebibytes_8)
        assert proxy.breaks == 3
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content
    assert result.totals.inserted == 128
    assert any("trying again" in message for message in told.messages)
    assert list(kept(gateway, ".chunks")) == []


def test_a_gateway_that_is_killed_and_started_again_gets_the_rest(
    gateway: RunningGateway, sender: Sender, tmp_path: Path
) -> None:
    content = large(20_000_000, seed=4)
    folder = write_files(tmp_path / "data", {"customers_1.ndjson": content})

    def kill_twice() -> None:
        for _ in range(2):
            time.sleep(0.4)
            gateway.kill()
            gateway.start()

    with ThreadPoolExecutor(1) as pool, loading(gateway):
        killing = pool.submit(kill_twice)
        send(sender, folder)
        killing.result()
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content


def test_a_client_that_was_killed_goes_on_where_it_was(
    gateway: RunningGateway, sender: Sender, tmp_path: Path
) -> None:
    """Another process, killed with -9; the second one sends only what is missing."""
    content = large(60_000_000, seed=8)
    folder = write_files(tmp_path / "data", {"customers_1.ndjson": content})
    environment = {**os.environ, "INGESTION_HOME": str(tmp_path / "home")}
    command = [
        sys.executable, "-m", "ingestion_pipeline.cli", "ingest", "--data-dir", str(folder),
        "--api-url", gateway.url, "--api-key", sender.api_key, "--json",
    ]  # fmt: skip
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    there = "SELECT count(*) FROM upload_chunks JOIN upload_session_files USING (session_file_id)"
    there += " JOIN upload_sessions USING (session_id) WHERE tenant_id = :tenant_id"
    deadline = time.monotonic() + 60
    while (before := gateway.rows(there, tenant_id=sender.tenant_id)[0][0]) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert before >= 1
    with loading(gateway):
        second = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
    assert second.returncode == 0, second.stderr
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content
    sessions = gateway.rows(
        "SELECT count(*) FROM upload_sessions WHERE tenant_id = :tenant_id",
        tenant_id=sender.tenant_id,
    )
    assert sessions == [(1,)]
    assert json.loads(second.stdout)["files"][0]["file"] == "customers_1.ndjson"
    assert list((tmp_path / "home" / "uploads").iterdir()) == []


def test_an_empty_file_and_a_name_with_spaces_arrive(
    gateway: RunningGateway, sender: Sender, tmp_path: Path
) -> None:
    folder = write_files(
        tmp_path / "data", {"customers_1.ndjson": b"", "customers_ä #1%.ndjson": [customer(1)]}
    )
    with loading(gateway):
        result = send(sender, folder)
    assert {file.file: file.counts.inserted for file in result.files} == {
        "customers_1.ndjson": 0, "customers_ä #1%.ndjson": 1,
    }  # fmt: skip


def test_a_file_that_is_unusable_as_a_whole_is_an_error_of_that_file(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    (folder / "orders_broken.csv").write_text("who,what\n1,2\n")
    with loading(gateway):
        result = send(sender, folder)
    errors = {file.file: file.error for file in result.files if file.error}
    assert set(errors) == {"orders_broken.csv"}
    assert "order_id" in str(errors["orders_broken.csv"])
    assert settled(gateway, sender).inserted == 1_350


def test_a_file_that_changes_while_it_is_sent_is_an_error_of_that_file(
    gateway: RunningGateway, sender: Sender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_chunk = UploadClient.put_chunk

    def changing(self: UploadClient, token: str, **sent: Any) -> dict[str, Any]:
        if sent["file_name"] == "orders_1.ndjson":
            sent["chunk"] = sent["chunk"][::-1]
        return put_chunk(self, token, **sent)

    monkeypatch.setattr(UploadClient, "put_chunk", changing)
    with loading(gateway):
        result = send(sender, folder)
    errors = {file.file: file.error for file in result.files if file.error}
    assert set(errors) == {"orders_1.ndjson"}
    assert "sha256" in str(errors["orders_1.ndjson"]).lower()


def test_a_wrong_key_is_one_clear_line(sender: Sender, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="API key"):
        send(sender, folder, api_key="ik_wrong")
    with pytest.raises(ConfigurationError, match="API key"):
        send(sender, folder, api_key="schlüssel")


def test_nobody_there_is_said_and_given_up_in_time(sender: Sender, folder: Path) -> None:
    told = Told()
    with pytest.raises(TransientError, match="does not take it"):
        send(sender, folder, url="http://127.0.0.1:1", told=told, patience=1)
    assert len(told.messages) == 1


def test_jobs_that_nobody_takes_are_said_to_be_waiting(
    gateway: RunningGateway, sender: Sender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "_PATIENCE_SECONDS", 0.5)
    told = Told()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, sender, folder, told=told)
        deadline = time.monotonic() + 30
        while not told.messages:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with loading(gateway):
            sending.result()
    assert settled(gateway, sender).inserted == 1_350
    assert "is Dagster's daemon running" in told.messages[0]
    assert told.states["customers_1.ndjson"][0] == "waiting"


@contextmanager
def answering(*answers: tuple[int, dict[str, str], str]) -> Iterator[tuple[str, list[float]]]:
    """A server that gives these answers, the last one for ever; and when it was asked."""
    asked: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            code, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(time.monotonic())
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_a_server_that_asks_for_patience_gets_it() -> None:
    opened = (201, {}, '{"status": "ok", "message": "", "token": "t"}')
    with answering((429, {"Retry-After": "1"}, "{}"), (503, {}, "no JSON"), opened) as (url, asked):
        with UploadClient(url, api_key="k", connections=1) as client:
            assert client.open_session([])["token"] == "t"
        assert len(asked) == 3
        assert asked[1] - asked[0] >= 0.95


def test_refusals_are_not_repeated_and_name_every_field() -> None:
    faults = [{"field": "files[0].size", "message": "too much"}, {"field": "b", "message": "no"}]
    refused = (422, {}, json.dumps({"status": "error", "message": "no", "errors": faults}))
    with (
        answering(refused) as (url, asked),
        UploadClient(url, api_key="k", connections=1) as client,
    ):
        with pytest.raises(ContractError, match=r"files\[0\].size: too much; b: no"):
            client.open_session([])
        assert len(asked) == 1


def test_something_else_that_answers_is_not_taken_for_a_gateway() -> None:
    for page in ((200, {}, "<html>"), (200, {}, "[]")):
        with (
            answering(page) as (url, _),
            UploadClient(url, api_key="k", connections=1) as client,
            pytest.raises(ConfigurationError, match="not as our gateway does"),
        ):
            client.open_session([])


def run(folder: Path, *more: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", "ingest", "--data-dir", str(folder),
         *more],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "INGESTION_HOME": str(folder.parent / "home"), **environment},
    )  # fmt: skip


def test_the_command_shows_counts_prints_json_and_is_strict(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    with loading(gateway):
        shown = run(folder, "--api-url", gateway.url, API_KEY=sender.api_key, COLUMNS="120")
        assert shown.returncode == 0, shown.stderr
        assert "customers_1.ndjson" in shown.stdout
        assert "rejected_rows" in shown.stdout
        options = ["--api-url", gateway.url, "--api-key", sender.api_key, "--json", "--strict"]
        strict = run(folder, *options)
    assert strict.returncode == 3
    assert set(json.loads(strict.stdout)) == {"files", "totals", "rejected_by_reason"}
    for output in (shown, strict):
        assert sender.api_key not in output.stdout + output.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--api-url", "http://127.0.0.1:1"],
        ["--api-key", "k"],
        ["--api-url", "http://127.0.0.1:1", "--api-key", "k", "--dry-run"],
        ["--api-url", "http://127.0.0.1:1", "--api-key", "k", "--tenant", "acme"],
        ["--api-url", "ftp://x", "--api-key", "k"],
    ],
    ids=["no key", "no URL", "dry run", "tenant", "no HTTP"],
)
def test_contradicting_options_are_wrong_usage(folder: Path, options: list[str]) -> None:
    done = run(folder, *options, API_KEY="")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
