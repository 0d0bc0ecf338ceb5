"""Book sales at the gateway: orders and reports, Gumroad's Pings, the state of imports, cron."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response

from ingestion_pipeline.domains.book_sales.contract import answers
from ingestion_pipeline.domains.book_sales.land import orders, pings
from ingestion_pipeline.domains.book_sales.merge.claimed import outcome_document
from ingestion_pipeline.domains.book_sales.publish import imports
from ingestion_pipeline.domains.book_sales.publish.now import tick_now
from ingestion_pipeline.domains.book_sales.receive.imports import (
    location_of,
    ordered,
    receive_order,
    receive_report,
)
from ingestion_pipeline.domains.book_sales.sources.described import platforms_of
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.registry import canonical, parser_of, platform_of
from ingestion_pipeline.foundation.errors import ConfigurationError, FieldError
from ingestion_pipeline.foundation.ledger.job_ids import job_id_of, uuid_of
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.gateway import once
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.files.receiving import file_of
from ingestion_pipeline.gateway.front import gateway_of, require_size
from ingestion_pipeline.gateway.json_bodies import NO_JSON, decode, why_no_json
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of

router = router_of("book sales")

_ROOT = "/api/ingestion"
_AT_ONCE = 10
_MOST_FIELDS = 1000
_LARGEST_PING = 64 * 1024  # bytes; they have some two thousand


@router.post(
    f"{_ROOT}/manual",
    **described(
        summary="Queue an import",
        answers={202: answers.Ordered},
        refusals=(*WRITES, 409),
        body=answers.ManualImport,
        examples=answers.MANUAL_EXAMPLES,
        parameters=answers.KEY_PARAMETERS,
    ),
)
async def post_manual(request: Request) -> Response:
    """Of Gumroad's API with an access token, or of a report that was uploaded before. Credentials
    are stored encrypted.
    """
    return await _order(request, endpoint="ingestion/manual")


@router.post(
    f"{_ROOT}/platform/{{platform}}",
    **described(
        summary="Queue an import of a platform",
        answers={202: answers.Ordered},
        refusals=(*WRITES, 409),
        body=answers.PlatformImport,
        examples=answers.IMPORT_EXAMPLES,
        parameters=answers.KEY_PARAMETERS,
    ),
)
async def post_platform(request: Request, platform: str) -> Response:
    """As `manual`, the platform named by the path."""
    return await _order(request, endpoint="ingestion/platform", platform=platform)


async def _order(request: Request, *, endpoint: str, platform: str | None = None) -> Response:
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    key = once.key_of(request, required=False)
    among = platforms_of(gateway.configuration, caller.tenant)
    if platform is not None:
        platform_of(platform, among)
    order = orders.parse_order(body, platform=platform, among=among)
    try:
        receipt = await receive_order(gateway, caller, order, endpoint=endpoint, key=key)
    except ConfigurationError as error:
        raise Refusal(503, str(error)) from None
    return receipt.response()


@router.post(
    f"{_ROOT}/upload/{{platform}}",
    **described(
        summary="Upload a sales report",
        answers={202: answers.Ordered, 200: answers.Ordered},
        refusals=WRITES,
        content=answers.FILE_BODY,
        parameters=answers.FILE_PARAMETERS,
    ),
)
async def post_upload(request: Request, platform: str) -> Response:
    """A report of KDP (.xlsx, or .csv of one sheet), Smashwords, Draft2Digital, or a platform that
    a mapping of this installation reads (docs/mappings.md), as the part
    `file` of a form, or as the body with `?filename=`. The same file again is a duplicate (200);
    with `decimal` or `dates` it is imported again, read so.
    """
    gateway = gateway_of(request)
    require_size(request, gateway.configuration.max_upload_bytes)
    caller = await gateway.authenticate(request)
    parser_of(platform, platforms_of(gateway.configuration, caller.tenant))
    platform = canonical(platform)
    query = request.query_params
    told = Told(query.get("decimal"), query.get("dates"))
    part = await file_of(gateway, request)
    job_id, new = await receive_report(gateway, caller, platform, part, told)
    headers = {"location": location_of(job_id)}
    return answer(202 if new else 200, ordered(job_id, platform, new=new), headers=headers)


@router.post(
    f"{_ROOT}/ping/gumroad/{{token}}",
    **described(
        summary="Gumroad's Ping",
        answers={200: answers.Pinged},
        refusals=(400, 401, 408, 413, 422, 503),
        content=answers.FORM_BODY,
        secured=False,
    ),
)
async def post_ping(request: Request, token: str) -> Response:
    """Unsigned: the token in the path says whose it is (`ingestion-pipeline ping-url`). Gumroad
    takes 200 only for received. A Ping that says what the last one of its sale said is a duplicate,
    and so is what becomes of a subscription: it changes no money. Too many requests are 503, not
    429: Gumroad sends again after that, and never after 429.
    """
    gateway = gateway_of(request)
    limit = min(_LARGEST_PING, gateway.configuration.max_json_bytes)
    content = b"".join([piece async for piece in gateway.body(request, limit=limit)])
    # First of all, so that no valid one is refused for what others of its address (a proxy's) sent.
    tenant_id = await gateway.together(pings.tenants_of, token)
    if tenant_id is None:
        address = request.client.host if request.client else None
        if wait := gateway.strangers.take(address):
            raise Refusal(503, "too many wrong tokens from this address", retry_after=wait)
        raise Refusal(401, "the path has no valid token")
    request.scope["ingestion.tenant_id"] = tenant_id
    if wait := await gateway.wait_of(tenant_id):
        raise Refusal(503, "too many requests", retry_after=wait)
    fields = _fields_of(content)
    job_id = await gateway.run(
        pings.land_ping, gateway.configuration, tenant_id=tenant_id, fields=fields
    )
    if job_id is None:
        return answer(200, {"status": "duplicate", "message": "no news", "jobId": None})
    return answer(200, {"status": "accepted", "message": "recorded", "jobId": str(uuid_of(job_id))})


def _fields_of(content: bytes) -> dict[str, Any]:
    """A Ping's fields: of a form, or of JSON, which Gumroad sends where a subscription to its Pings
    was made so (`antiwork/gumroad`, app/sidekiq/post_to_individual_ping_endpoint_worker.rb:12-18).

    Raises:
        Refusal: 400, it is neither, or has too many fields; 422, a field is there twice, and one of
            its values would be lost. (A name that ends in `[]` is a list's.)
        RepeatedKeyError: the same of JSON.
    """
    if content.lstrip().startswith(b"{"):
        try:
            fields: dict[str, Any] = decode(content)
        except NO_JSON as error:
            raise Refusal(400, f"the body is no JSON: {why_no_json(content, error)}") from None
        return fields
    try:
        text = content.decode(errors="replace")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refusal(400, f"the body has more than {_MOST_FIELDS} fields") from None
    fields = {}
    for name, value in pairs:
        if fields.setdefault(name, value) != value and not name.endswith("[]"):
            fault = FieldError(name[:80], "is there twice, with another value")
            raise Refusal(422, f"{fault.field}: {fault.message}", [fault])
    return fields | dict(pairs)


@router.get(
    f"{_ROOT}/status/{{job_id}}",
    **described(
        summary="What has become of an import",
        answers={200: answers.ImportState},
        refusals=READS,
    ),
)
async def get_status(request: Request, job_id: str) -> Response:
    """`status` is pending, processing, retrying, completed or failed; never the payload. The number
    that `jobId` was before it was a UUID goes on naming its import.
    """
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    document, number = None, job_id_of(job_id)
    if number is not None:
        document = await gateway.run(imports.import_document, caller.tenant_id, number)
    if document is None:
        raise Refusal(404, "there is no such import")
    return answer(200, document)


@router.post(
    f"{_ROOT}/cron",
    **described(
        summary="Process up to ten queued imports now",
        answers={200: answers.Ticked},
        refusals=(401, 503),
    ),
)
async def post_cron(request: Request) -> Response:
    """For schedulers, with the cron secret. Each call is a row of `cron_logs`."""
    gateway = gateway_of(request)
    gateway.require_cron_secret(request)
    engine = database.engine(gateway.engine.url.render_as_string(hide_password=False))
    # In a thread: imports take as long as their reports are large.
    outcomes = await asyncio.to_thread(tick_now, engine, gateway.configuration, limit=_AT_ONCE)
    completed = sum(outcome.status == "completed" for outcome in outcomes)
    return answer(
        200,
        {
            "status": "success",
            "message": f"Processed {len(outcomes)} ingestion jobs",
            "jobsProcessed": len(outcomes),
            "processed": len(outcomes),
            "completed": completed,
            "jobs": [outcome_document(outcome) for outcome in outcomes],
        },
    )
