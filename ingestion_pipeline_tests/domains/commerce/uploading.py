"""How the tests of commerce's endpoints send files, and look at what is kept."""

import hashlib
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ingestion_pipeline_tests.domains.commerce.builders import (
    customer,
    landed_in,
    lines,
    load_everything,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

COMPREHENSIVE = "/api/v1/ingest/comprehensive/"
ORDERS = "/api/v1/ingest/orders/"
SESSIONS = "/api/v1/ingest/sessions/"
NAME = "customers_1.ndjson"
CUSTOMERS = lines(customer(n) for n in range(3))
_keys = itertools.count(1)


def new_key() -> str:
    return f"key-{next(_keys)}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def post_raw(
    sender: Sender,
    content: bytes | Iterable[bytes] = CUSTOMERS,
    *,
    name: str = NAME,
    path: str = COMPREHENSIVE,
    key: str | None = None,
    **headers: str,
) -> httpx.Response:
    """A bare file with `?filename=`; header names with `_` for `-`."""
    sent = {"Idempotency-Key": key or new_key()}
    sent |= {header.replace("_", "-"): value for header, value in headers.items()}
    return sender.http.post(path, params={"filename": name}, content=content, headers=sent)


def open_session(sender: Sender, files: dict[str, bytes]) -> str:
    """A session for files of that content; returns its token."""
    announced = [
        {"file_name": name, "size": len(content), "sha256": sha256(content)}
        for name, content in files.items()
    ]
    opened = sender.http.post(SESSIONS, json={"files": announced})
    assert opened.status_code == 201, opened.text
    token: str = opened.json()["token"]
    assert opened.headers["location"] == f"{SESSIONS}{token}/status/"
    return token


def put_chunk(
    sender: Sender,
    token: str,
    content: bytes,
    *,
    first: int,
    last: int,
    name: str = NAME,
    total: int | None = None,
    body: bytes | Iterable[bytes] | None = None,
    **headers: str,
) -> httpx.Response:
    """Bytes first to last of a file, unless it is another `body`."""
    length = len(content) if total is None else total
    sent = {"Content-Range": f"bytes {first}-{last}/{length}"}
    sent |= {header.replace("_", "-"): value for header, value in headers.items()}
    chunk = content[first : last + 1] if body is None else body
    return sender.http.put(f"{SESSIONS}{token}/files/{name}/", content=chunk, headers=sent)


def status(sender: Sender, token: str) -> dict[str, Any]:
    """What `status/` says of the only file."""
    answer = sender.http.get(f"{SESSIONS}{token}/status/")
    assert answer.status_code == 200, answer.text
    [file] = answer.json()["files"]
    found: dict[str, Any] = file
    return found


def uploads_of(gateway: RunningGateway, sender: Sender) -> Sequence[Any]:
    """The tenant's uploads with their jobs."""
    return gateway.rows(
        "SELECT u.*, j.kind, j.status AS job_status, CAST(:landing AS text) || u.location AS path"
        " FROM uploads u JOIN jobs j USING (job_id)"
        " WHERE u.tenant_id = :tenant_id ORDER BY upload_id",
        tenant_id=sender.tenant_id,
        landing=f"{gateway.home}/landing/",
    )


def content_of(upload: Any) -> bytes:
    """What is kept of an upload."""
    return Path(upload.path).read_bytes()


def kept(gateway: RunningGateway, folder: str) -> Iterator[Path]:
    """Everything in a folder of the landing store: `.partial`, `.chunks`, or a tenant's."""
    return (path for path in (gateway.home / "landing" / folder).rglob("*") if path.is_file())


def kept_chunks(gateway: RunningGateway, token: str) -> list[Path]:
    """The chunks of a session in the landing store."""
    [[session_id]] = gateway.rows(
        "SELECT session_id FROM upload_sessions WHERE token = :token", token=token
    )
    return list(kept(gateway, f".chunks/{session_id}"))


@contextmanager
def loading(gateway: RunningGateway) -> Iterator[None]:
    """What Dagster would do, meanwhile."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.1):
            load_everything(gateway.engine)

    with landed_in(gateway.home / "landing"), ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield
        finally:
            stop.set()
            working.result()
            load_everything(gateway.engine)  # what may have come since, and what has waited for it
