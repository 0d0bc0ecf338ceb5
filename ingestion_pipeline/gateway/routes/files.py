"""Files of any shape over HTTP, and what has become of them (docs/mappings.md)."""

from fastapi import Request, Response

from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.loading.progress import upload_document
from ingestion_pipeline.gateway import once
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.files.mapped import receive_mapped, receive_stored
from ingestion_pipeline.gateway.files.receiving import file_of
from ingestion_pipeline.gateway.front import gateway_of, require_size, row_number_of
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of
from ingestion_pipeline.gateway.routes.files_answers import (
    FILE_BODY,
    FILE_PARAMETERS,
    MappedFile,
    MappedFileState,
)

router = router_of("files")

_ROOT = "/api/ingestion"


@router.post(
    f"{_ROOT}/files/{{mapping:path}}",
    **described(
        summary="Upload a file of any shape, by a mapping",
        answers={202: MappedFile, 200: MappedFile},
        refusals=(*WRITES, 404, 409),
        content=FILE_BODY,
        parameters=FILE_PARAMETERS,
    ),
)
async def post_file(request: Request, mapping: str) -> Response:
    """`mapping` is `SOURCE/MAPPING`; or `SOURCE` alone, and the mapping is the one whose `match`
    fits the file. The file is the part `file` of a form, or the body with `?filename=`;
    `Content-Encoding: gzip` is undone. Or `?storagePath=` names a file that the tenant has put into
    its own part of the landing store. The same file again is a duplicate (200).
    """
    gateway = gateway_of(request)
    require_size(request, gateway.configuration.max_upload_bytes)
    caller = await gateway.authenticate(request)
    key = once.key_of(request, required=False)
    mappings: Mappings = request.app.state.mappings
    address = mapping.strip("/")
    among = mappings.at(address, tenant=caller.tenant)
    if not among:
        raise Refusal(404, mappings.why_none(mapping, tenant=caller.tenant))
    if (path := request.query_params.get("storagePath")) is not None:
        return (
            await receive_stored(gateway, caller, among, path, key=key, address=address)
        ).response()
    part = await file_of(gateway, request)
    receipt = await receive_mapped(gateway, caller, among, part, key=key, address=address)
    return receipt.response()


@router.get(
    f"{_ROOT}/uploads/{{upload_id}}",
    **described(
        summary="What has become of a file of a mapping",
        answers={200: MappedFileState},
        refusals=READS,
    ),
)
async def get_file(request: Request, upload_id: str) -> Response:
    """Its state, a count for every line, its sums, and why rows were rejected."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    document = None
    if (number := row_number_of(upload_id)) is not None:
        document = await gateway.run(upload_document, caller.tenant_id, number)
    if document is None:
        raise Refusal(404, "there is no such upload of a mapping")
    said = {"status": "ok", "message": document["state"], "tenant": caller.tenant}
    return answer(200, {**said, **document})
