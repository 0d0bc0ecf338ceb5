"""Commerce at the gateway: files in one request, files in chunks, what has become of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fastapi import Request, Response

from ingestion_pipeline.domains.commerce.contract import answers
from ingestion_pipeline.domains.commerce.contract.declaration import (
    content_range,
    declared_files,
    type_of,
)
from ingestion_pipeline.domains.commerce.land import chunks, sessions
from ingestion_pipeline.domains.commerce.publish import progress
from ingestion_pipeline.domains.commerce.receive.chunk import announced_hash, finish, receive_chunk
from ingestion_pipeline.domains.commerce.receive.corrected import receive_corrected
from ingestion_pipeline.domains.commerce.receive.file import receive_file, upload_location
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.gateway import once
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.files.receiving import file_of
from ingestion_pipeline.gateway.front import gateway_of, require_size, row_number_of
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of

router = router_of("commerce")

_ROOT = "/api/v1/ingest"


@router.post(
    f"{_ROOT}/comprehensive/",
    **described(
        summary="Upload a data file",
        answers={202: answers.Accepted},
        refusals=(*WRITES, 404, 409),
        content=answers.FILE_BODY,
        parameters=answers.FILE_PARAMETERS,
    ),
)
async def upload_any(request: Request) -> Response:
    """One file `customers_*`, `products_*`, `orders_*` or `order_items_*`: `.ndjson`, `.jsonl`,
    `.json` or `.csv`, plain, `.gz` or `.zst`. As the part `file` of a form, or as the body with
    `?filename=`; `Content-Encoding: gzip` is undone. It is recorded when this answers, and loaded
    soon after.
    """
    return await _upload(request, endpoint="comprehensive")


@router.post(
    f"{_ROOT}/orders/",
    **described(
        summary="Upload a file of orders (legacy)",
        answers={202: answers.Accepted},
        refusals=(*WRITES, 404, 409),
        content=answers.FILE_BODY,
        parameters=answers.FILE_PARAMETERS,
    ),
)
async def upload_orders(request: Request) -> Response:
    """As `comprehensive`, but `orders_*` only."""
    return await _upload(request, endpoint="orders", only="orders")


async def _upload(request: Request, *, endpoint: str, only: str | None = None) -> Response:
    gateway = gateway_of(request)
    require_size(request, gateway.configuration.max_upload_bytes)
    caller = await gateway.authenticate(request)
    key = once.key_of(request)
    part = await file_of(gateway, request)
    with _refusals():
        receipt = await receive_file(
            gateway, caller, part=part, type_=type_of(part.file_name, only=only),
            endpoint=endpoint, key=key or "", token=request.headers.get("upload-token"),
        )  # fmt: skip
    return receipt.response()


@router.post(
    f"{_ROOT}/rejected/",
    **described(
        summary="Send refused rows again, corrected",
        answers={202: answers.Corrected, 200: answers.Corrected},
        refusals=(*WRITES, 409),
        content=answers.CORRECTED_BODY,
    ),
)
async def post_corrected(request: Request) -> Response:
    """NDJSON as `/api/receipts/{receipt}/refused.ndjson` gives it: put `row` right in each line,
    and leave the rest. What is right now is recorded, and loaded soon after, exactly once however
    often it is sent (202; 200 where nothing is new); what is still wrong is in `refused`, with
    every reason. At most 5,000 rows.
    """
    gateway = gateway_of(request)
    caller, content = await gateway.receive_content(request)
    with _refusals():
        outcome = await receive_corrected(gateway, caller, content)
    message = (
        f"{outcome.taken:,} rows are recorded and will be loaded, {outcome.known:,} were known"
    )
    status = "accepted" if not outcome.refused else "partial"
    document = {
        "status": status, "message": f"{message}, {len(outcome.refused):,} are still wrong",
        **asdict(outcome),
    }  # fmt: skip
    return answer(202 if outcome.taken else 200, document)


@router.post(
    f"{_ROOT}/sessions/",
    **described(
        summary="Announce files that will come in chunks",
        answers={201: answers.Opened},
        refusals=WRITES,
        body=answers.Announcement,
        examples=answers.ANNOUNCEMENT_EXAMPLES,
    ),
)
async def open_session(request: Request) -> Response:
    """Each file has a name, a size in bytes and a SHA-256; the session is used by its token."""
    gateway = gateway_of(request)
    caller, document = await gateway.receive_json(request)
    configuration = gateway.configuration
    files = declared_files(document, largest=configuration.max_upload_bytes)
    session = await gateway.run(
        sessions.open_session, tenant_id=caller.tenant_id, files=files,
        lifetime=configuration.upload_session_lifetime,
    )  # fmt: skip
    opened = await gateway.run(progress.session_document, caller.tenant_id, session.token)
    said = {"status": "ok", "message": f"send the chunks of {len(files)} files", **opened}
    return answer(201, said, headers={"location": f"{_ROOT}/sessions/{session.token}/status/"})


@router.put(
    f"{_ROOT}/sessions/{{token}}/files/{{file_name}}/",
    **described(
        summary="Send a chunk",
        answers={200: answers.ChunkReceived, 202: answers.ChunkReceived},
        refusals=(*WRITES, 404, 409),
        content=answers.CHUNK_BODY,
        parameters=answers.CHUNK_PARAMETERS,
    ),
)
async def put_chunk(request: Request, token: str, file_name: str) -> Response:
    """Bytes `first` to `last` of a file, of any size and in any order; the same range again is
    fine. 202 when the file is whole: it has then been verified and recorded as an upload.
    """
    gateway = gateway_of(request)
    require_size(request, gateway.configuration.max_upload_bytes)
    caller = await gateway.authenticate(request)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "Content-Encoding: a chunk is bytes of the file as it is")
    range_ = content_range(request.headers.get("content-range"))
    if range_ is None:
        rule = "must be bytes first-last/total"
        raise Refusal(400, f"Content-Range {rule}", [FieldError("Content-Range", rule)])
    length = request.headers.get("content-length")
    if length is not None and length != str(range_.size):
        raise Refusal(400, f"Content-Range announces {range_.size} bytes, Content-Length {length}")
    with _refusals():
        state = await receive_chunk(
            gateway, caller, token, file_name=file_name, range_=range_,
            content=gateway.body(request, limit=range_.size),
            sha256=announced_hash(request.headers),
        )  # fmt: skip
    document = progress.file_document(state)
    if state.file.upload_id is None:
        return answer(200, {"status": "ok", "message": "received", **document})
    headers = {"location": upload_location(state.file.upload_id)}
    message = f"{file_name} is whole and recorded, and will be loaded"
    return answer(202, {"status": "accepted", "message": message, **document}, headers=headers)


@router.get(
    f"{_ROOT}/sessions/{{token}}/status/",
    **described(
        summary="What has come of a session, and what is missing",
        answers={200: answers.SessionState},
        refusals=READS,
    ),
)
async def session_status(request: Request, token: str) -> Response:
    """Ranges are [first, last] byte, both inclusive; whole files show their uploads."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    with _refusals():
        document = await gateway.run(progress.session_document, caller.tenant_id, token)
    return answer(200, {"status": "ok", "message": _in_words(document), **document})


@router.post(
    f"{_ROOT}/sessions/{{token}}/resume/",
    **described(
        summary="Go on after a break",
        answers={200: answers.SessionState},
        refusals=READS,
    ),
)
async def resume_session(request: Request, token: str) -> Response:
    """Says what is missing. A file whose bytes are all there, but whose completion was cut off, is
    completed; one that turns out not to be what was announced has an `error`, and is missing.
    """
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    errors: dict[str, str] = {}
    with _refusals():
        session = await gateway.run(sessions.find, caller.tenant_id, token)
        files = await gateway.run(sessions.files_of, session)
        for state in await gateway.run(chunks.received_all, files):
            if state.ready:
                try:
                    await finish(gateway, caller, token, file=state.file)
                except ContractError as error:
                    errors[state.file.file_name] = str(error)
        document = await gateway.run(progress.session_document, caller.tenant_id, token)
    for file in document["files"]:
        file["error"] = errors.get(file["file_name"])
    return answer(200, {"status": "ok", "message": _in_words(document), **document})


@router.get(
    f"{_ROOT}/uploads/{{upload_id}}/",
    **described(
        summary="What has become of an upload",
        answers={200: answers.UploadState},
        refusals=READS,
    ),
)
async def upload_status(request: Request, upload_id: str) -> Response:
    """Its state, its counts, and why lines were rejected."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    found: dict[str, Any] | None = None
    if (number := row_number_of(upload_id)) is not None:
        found = await gateway.run(progress.upload_document, caller.tenant_id, number)
    if found is None:
        raise Refusal(404, "there is no such upload")
    said = {"status": "ok", "message": found["state"], "tenant": caller.tenant}
    return answer(200, {**said, **found})


def _in_words(session: dict[str, Any]) -> str:
    whole = sum(file["upload_id"] is not None for file in session["files"])
    return f"{whole} of {len(session['files'])} files are whole"


@contextmanager
def _refusals() -> Iterator[None]:
    """What the work refuses, as answers; `ContractError` is the gateway's own 422."""
    try:
        yield
    except sessions.UnknownSessionError as error:
        raise Refusal(404, str(error)) from None
    except sessions.ConflictError as error:
        raise Refusal(409, str(error)) from None
