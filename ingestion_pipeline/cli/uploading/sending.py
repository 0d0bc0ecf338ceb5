"""Files into an upload session of the gateway, in chunks, several at a time.

What a break left out the gateway names, and it is sent again. The session's token is kept under
INGESTION_HOME/uploads until all is done, so that a command that was killed goes on where it was,
as long as the files are the same.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from ingestion_pipeline.cli.uploading.client import GoneError, OverlapError, UploadClient
from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline.domains.commerce.contract.entities import Entity
from ingestion_pipeline.foundation.errors import ContractError, TransientError
from ingestion_pipeline.foundation.storage.landing import chunks_of

CONNECTIONS = 4
CHUNK_BYTES = 8 * 1024 * 1024  # CONNECTIONS times this is what we hold in memory
_MOST_ROUNDS = 5


class Progress(Protocol):
    """Is told how far each file is."""

    def sent(self, path: Path, received: int) -> None:
        """So many of the file's bytes have arrived."""

    def state(self, path: Path, state: str, *, done: bool) -> None:
        """What the file's job is doing."""

    def say(self, message: str) -> None:
        """Something that the user should know."""


@dataclass
class Sending:
    """A file on its way; `upload_id` when it has arrived, `error` when it can't."""

    path: Path
    declared: DeclaredFile
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    error: str | None = None
    upload_id: int | None = None


def declare(path: Path, entity: Entity) -> Sending:
    """A file as it will be announced: it is read once, for its hash."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in chunks_of(file):
            digest.update(chunk)
            size += len(chunk)
    return Sending(path, DeclaredFile(path.name, entity.name, size, digest.hexdigest()))


@contextmanager
def remembered_session(
    client: UploadClient, files: Sequence[Sending], *, home: Path
) -> Iterator[str]:
    """The token of a session for just these files: the one of an earlier attempt, or a new one.

    It is forgotten when the block ends well.
    """
    identity = [client.url, client.key_hash, [asdict(file.declared) for file in files]]
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    memory = home / "uploads" / f"{name}.json"
    token = _known_token(client, memory)
    if token is None:
        token = str(client.open_session([file.declared for file in files])["token"])
        memory.parent.mkdir(parents=True, exist_ok=True)
        written = memory.with_suffix(".partial")
        written.write_text(json.dumps({"url": client.url, "token": token}))
        written.replace(memory)
    yield token
    memory.unlink(missing_ok=True)


def _known_token(client: UploadClient, memory: Path) -> str | None:
    try:
        token = str(json.loads(memory.read_text())["token"])
        client.session(token)
    except (FileNotFoundError, ValueError, KeyError, TypeError, GoneError):
        return None
    return token


def send(
    client: UploadClient,
    token: str,
    *,
    files: Sequence[Sending],
    progress: Progress,
    chunk_bytes: int,
) -> None:
    """Send what is missing until nothing is, or what is wrong with a file is clear."""
    for _ in range(_MOST_ROUNDS):
        missing = _missing(client, token, files=files, progress=progress, chunk_bytes=chunk_bytes)
        if not missing:
            return
        _send_all(client, token, missing=missing, progress=progress)
    for file, _first, _last in _missing(
        client, token, files=files, progress=progress, chunk_bytes=chunk_bytes
    ):
        file.error = "it does not arrive as it was announced"


def _missing(
    client: UploadClient,
    token: str,
    *,
    files: Sequence[Sending],
    progress: Progress,
    chunk_bytes: int,
) -> list[tuple[Sending, int, int]]:
    """What has to be sent, as (file, first byte, last byte); notes what has arrived."""
    by_name = {file.declared.file_name: file for file in files}
    missing: list[tuple[Sending, int, int]] = []
    for state in client.resume(token)["files"]:
        file = by_name[state["file_name"]]
        file.upload_id = state["upload_id"]
        progress.sent(file.path, state["bytes_received"])
        if file.error is None:
            for first, last in state["missing"]:
                pieces = _pieces(first, last, size=chunk_bytes)
                missing += [(file, at, until) for at, until in pieces]
    return missing


def _pieces(first: int, last: int, *, size: int) -> Iterator[tuple[int, int]]:
    """A range cut at multiples of `size`: every attempt cuts a file in the same places."""
    while first <= last:
        until = min(last, first - first % size + size - 1)
        yield first, until
        first = until + 1


def _send_all(
    client: UploadClient,
    token: str,
    *,
    missing: Sequence[tuple[Sending, int, int]],
    progress: Progress,
) -> None:
    def send_one(file: Sending, first: int, last: int) -> None:
        if file.error is not None:
            return
        with file.path.open("rb") as opened:
            opened.seek(first)
            chunk = opened.read(last - first + 1)
        if len(chunk) != last - first + 1:
            file.error = "it has become shorter while it was being sent"
            return
        try:
            state = client.put_chunk(
                token, file_name=file.declared.file_name, chunk=chunk, first=first,
                total=file.declared.size,
            )  # fmt: skip
        except OverlapError:
            return  # a chunk of an earlier attempt came after all: the next round knows
        except ContractError as error:
            file.error = str(error)
            return
        progress.sent(file.path, state["bytes_received"])

    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="upload") as pool:
        try:
            for sending in [pool.submit(send_one, *piece) for piece in missing]:
                sending.result()
        except GoneError:
            pool.shutdown(cancel_futures=True)
            raise TransientError("the upload session has expired: start again") from None
        except BaseException:
            client.close()  # so that nobody waits for a gateway that is not there
            pool.shutdown(cancel_futures=True)
            raise
