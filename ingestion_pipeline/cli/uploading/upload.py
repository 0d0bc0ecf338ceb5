"""The way through the gateway: files of a folder → an upload session → jobs → counts."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingestion_pipeline.cli.uploading.client import UploadClient
from ingestion_pipeline.cli.uploading.sending import (
    CHUNK_BYTES,
    Progress,
    Sending,
    declare,
    remembered_session,
    send,
)
from ingestion_pipeline.domains.commerce.contract.declaration import MOST_FILES
from ingestion_pipeline.domains.commerce.contract.entities import Entity
from ingestion_pipeline.domains.commerce.merge.folder import FileResult, IngestResult
from ingestion_pipeline.foundation.ledger.uploads import COUNTS, Counts

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_GIVEN_UP = ("failed", "dead")


def upload(
    client: UploadClient,
    files: Sequence[tuple[Path, Entity]],
    *,
    home: Path,
    progress: Progress,
    chunk_bytes: int = CHUNK_BYTES,
) -> IngestResult:
    """Upload files and wait until they are loaded or have failed.

    Args:
        client: of the gateway.
        files: as `data_files` orders them.
        home: INGESTION_HOME.
        progress: is told how far each file is.
        chunk_bytes: the largest chunk.

    Raises:
        TransientError: the gateway could not be reached for too long; a later call goes on.
        ConfigurationError: the API key is refused.
        ContractError: the gateway does not take such files.
    """
    results: list[FileResult] = []
    reasons: dict[str, int] = {}
    for start in range(0, len(files), MOST_FILES):
        mine = [declare(path, entity) for path, entity in files[start : start + MOST_FILES]]
        with remembered_session(client, mine, home=home) as token:
            send(client, token, files=mine, progress=progress, chunk_bytes=chunk_bytes)
            _follow(client, token, files=mine, progress=progress)
            results += [_result(client, file, reasons) for file in mine]
    return IngestResult(
        files=results,
        rejected_by_reason=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _follow(
    client: UploadClient, token: str, *, files: Sequence[Sending], progress: Progress
) -> None:
    """Wait until every file that has arrived is loaded or has failed."""
    by_name = {file.declared.file_name: file for file in files}
    before: list[tuple[str, str]] = []
    since, told = time.monotonic(), False
    while True:
        now: list[tuple[str, str]] = []
        waiting = False
        for state in client.session(token)["files"]:
            file, found = by_name[state["file_name"]], state["upload"]
            if found is None:
                continue
            done = found["state"] in ("loaded", "failed") or found["job_state"] in _GIVEN_UP
            now.append((found["state"], found["job_state"]))
            waiting = waiting or not done
            if done and not file.seconds:
                file.seconds = time.monotonic() - file.started
            progress.state(file.path, _in_words(found), done=done)
        if not waiting:
            return
        if now != before:
            before, since = now, time.monotonic()
        if not told and time.monotonic() - since >= _PATIENCE_SECONDS:
            told = True
            progress.say(_nobody_works(now))
        time.sleep(_POLL_SECONDS)


def _in_words(upload: dict[str, Any]) -> str:
    if upload["state"] == "recorded":
        state = str(upload["job_state"])
        return {"pending": "waiting", "processing": "reading"}.get(state, state)
    return str(upload["state"])


def _nobody_works(states: Sequence[tuple[str, str]]) -> str:
    seconds = f"{_PATIENCE_SECONDS:.0f} s"
    if any(job_state == "pending" for _, job_state in states):
        return (
            f"nobody has taken the jobs for {seconds}: is Dagster's daemon running? The files are "
            "recorded; this may be interrupted, and goes on when it is started again"
        )
    return f"nothing has moved for {seconds}; see the runs in Dagster"


def _result(client: UploadClient, file: Sending, reasons: dict[str, int]) -> FileResult:
    name, type_ = file.declared.file_name, file.declared.type
    if file.upload_id is None:
        return FileResult(
            file=name, tenant="", type=type_, counts=Counts(), seconds=file.seconds,
            error=file.error,
        )  # fmt: skip
    document = client.upload(file.upload_id)
    for reason, lines in document["rejected_by_reason"].items():
        reasons[reason] = reasons.get(reason, 0) + lines
    loaded = document["state"] == "loaded"
    return FileResult(
        file=name, tenant=document["tenant"], type=type_,
        counts=Counts(**{count: document["counts"][count] for count in COUNTS}),
        seconds=file.seconds,
        error=None if loaded else document["error"] or "its job was given up",
    )  # fmt: skip
