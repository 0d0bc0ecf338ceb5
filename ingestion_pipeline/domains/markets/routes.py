"""Markets at the gateway: signed events, their states, cached reads, warming."""

import asyncio
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from fastapi import Request, Response

from ingestion_pipeline.domains.markets.contract import answers
from ingestion_pipeline.domains.markets.contract.events import SLUG, parse_event
from ingestion_pipeline.domains.markets.contract.places import Document, MarketKey, Place, place_of
from ingestion_pipeline.domains.markets.land.events import (
    Accepted,
    Received,
    land_event,
    land_warming,
)
from ingestion_pipeline.domains.markets.merge.cache import Cached, lifetime, look_up, store
from ingestion_pipeline.domains.markets.merge.refresh import refresh_due, source_of
from ingestion_pipeline.domains.markets.publish.documents import (
    comps_document,
    fundamentals_document,
)
from ingestion_pipeline.domains.markets.publish.macro import as_of_document, known_macro
from ingestion_pipeline.domains.markets.publish.reading import NotReadyError, Read, Reader
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.ledger import events
from ingestion_pipeline.foundation.ledger.metrics import Outcome, log_cache_metric
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.front import Gateway, gateway_of, request_id_of
from ingestion_pipeline.gateway.json_bodies import NO_JSON, decode, why_no_json
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of

router = router_of("markets")

_DOCUMENTS = {"fundamentals": fundamentals_document, "comps": comps_document}
_REPLAYED = {"idempotent-replayed": "true"}


@router.post(
    "/api/ingest/webhook",
    **described(
        summary="Send an event, signed",
        answers={202: answers.EventAccepted, 200: answers.EventAccepted},
        refusals=WRITES,
        body=answers.MarketEvent,
        examples=answers.EXAMPLES,
        parameters=answers.SIGNATURE,
        secured=False,
    ),
)
async def post_event(request: Request) -> Response:
    """Recorded before it is answered, applied soon after; the same body or `webhook-id` again
    gets the first answer (200). Of `comparables` those that can't be used are left out:
    `rejected` lists them with what is wrong, here and in the event's state.
    """
    gateway = gateway_of(request)
    caller, content = await gateway.receive_signed(request)
    try:
        body = decode(content)
    except NO_JSON as error:
        raise Refusal(400, f"the body is not JSON: {why_no_json(content, error)}") from None
    headers = request.headers
    # Only where it is signed, too.
    webhook_id = headers.get("webhook-id") if "webhook-signature" in headers else None
    received = Received(
        caller.tenant_id, parse_event(body), body, content, webhook_id, caller.request_id
    )
    accepted = await gateway.run(
        land_event, received, max_attempts=gateway.configuration.job_attempts
    )
    event = received.event
    items = len(event.comparables) or 1
    message = "recorded; it is applied soon"
    if event.rejected:
        message += f", but for {len(event.rejected)} of {items + len(event.rejected)} comparables"
    return _accepted(
        accepted, message,
        accepted=items, rejected=[each.as_dict() for each in event.rejected],
    )  # fmt: skip


@router.get(
    "/api/ingest/events/{ingestion_id}",
    **described(
        summary="The state of an event",
        answers={200: answers.EventState},
        refusals=READS,
    ),
)
async def get_event(request: Request, ingestion_id: str) -> Response:
    """`received`, `validated`, `applied` or `failed`; with what it has changed and rejected."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    state = None
    if "\0" not in ingestion_id and len(ingestion_id) <= 64:
        state = await gateway.run(
            events.read, tenant_id=caller.tenant_id, ingestion_id=ingestion_id
        )
    if state is None:
        raise Refusal(404, "no such event")
    message = state["error"] or f"{state['event_type']} is {state['status']}"
    return answer(200, {"message": message, **state})


@router.get(
    "/api/markets/{slug}/fundamentals",
    **described(
        summary="The newest fundamentals of a market",
        answers={200: answers.MarketDocument},
        refusals=READS,
    ),
)
async def get_fundamentals(request: Request, slug: str) -> Response:
    """Of the newest `as_of`. `stale`: older than its time in the cache; it is loaded anew."""
    return await _market(request, "fundamentals", slug)


@router.get(
    "/api/markets/{slug}/comps",
    **described(
        summary="The comparables of a market",
        answers={200: answers.MarketDocument},
        refusals=READS,
    ),
)
async def get_comps(request: Request, slug: str) -> Response:
    """The newest 1000 sales; `count` says how many there are."""
    return await _market(request, "comps", slug)


@router.get(
    "/api/macro",
    **described(
        summary="Macro data of FRED",
        answers={200: answers.MacroDocument},
        refusals=(*READS, 422),
        parameters=answers.MACRO_PARAMETERS,
    ),
)
async def get_macro(request: Request) -> Response:
    """The last good value of every series. `stale`: FRED could not be asked in time, or has taken
    the newest value back.
    """
    gateway = gateway_of(request)
    await gateway.authenticate(request)
    configuration = gateway.configuration
    if (day := request.query_params.get("as_of")) is not None:
        known = await gateway.run(as_of_document, configuration.fred_series_ids, _day(day))
        return _document(request, "as known then", Read(known, False, False))

    async def prepare() -> None:
        # In a thread: it may ask FRED, and wait.
        url = database.database_url(configuration)
        opened = partial(source_of, configuration=configuration)
        await asyncio.to_thread(refresh_due, database.engine(url), configuration, opened=opened)

    async def load() -> Document | None:
        return await gateway.run(known_macro, configuration)

    place = place_of("macro")
    seconds = lifetime("macro", configuration).total_seconds()
    try:
        read = await _reader(request).read(place, lifetime=seconds, load=load, prepare=prepare)
    except NotReadyError:
        raise Refusal(
            503, "FRED does not answer, and nothing is known yet", retry_after=2
        ) from None
    if read.document is None:
        if configuration.fred_api_key is None:
            raise Refusal(404, "FRED_API_KEY is not set, so there is no macro data")
        raise Refusal(503, "FRED does not answer, and nothing is known yet", retry_after=15)
    return _document(request, "the newest good values", read)


@router.post(
    "/api/cron/cache-warming",
    **described(
        summary="Warm the caches now",
        answers={202: answers.EventAccepted, 200: answers.EventAccepted},
        refusals=(401, 503),
    ),
)
async def post_cache_warming(request: Request) -> Response:
    """Needs `CRON_SECRET`. One at a time: 200 with the first one's ids while it is under way."""
    gateway = gateway_of(request)
    gateway.require_cron_secret(request)
    ordered = await gateway.run(
        land_warming,
        source="cron",
        now=datetime.now(UTC),
        max_attempts=gateway.configuration.job_attempts,
        request_id=request_id_of(request),
    )
    return _accepted(ordered, "already running" if ordered.known else "ordered")


def _accepted(answered: Accepted, message: str, **known: Any) -> Response:
    document = {
        "status": "accepted",
        "message": message,
        "ingestion_id": answered.ingestion_id,
        "job_id": answered.job_id,
        **known,
    }
    headers = {"location": f"/api/ingest/events/{answered.ingestion_id}"}
    if answered.known:
        return answer(200, document, headers=headers | _REPLAYED)
    return answer(202, document, headers=headers)


async def _market(request: Request, service: str, slug: str) -> Response:
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    if not SLUG.fullmatch(slug):
        raise Refusal(404, "no such market")
    market = MarketKey(caller.tenant_id, slug)

    async def load() -> Document | None:
        return await gateway.run(_DOCUMENTS[service], market)

    seconds = lifetime(service, gateway.configuration).total_seconds()
    read = await _reader(request).read(place_of(service, market), lifetime=seconds, load=load)
    if read.document is None:
        raise Refusal(404, f"there are no {service} of this market")
    return _document(request, f"{service} of {slug}", read)


def _document(request: Request, message: str, read: Read) -> Response:
    request.scope["ingestion.cache_hit"] = read.cached
    document: dict[str, Any] = {"status": "success", "message": message, **(read.document or {})}
    document |= {"cached": read.cached, "stale": read.stale, "age_seconds": round(read.age, 3)}
    return answer(200, document)


def _reader(request: Request) -> Reader:
    """The reader of this process."""
    state = request.app.state
    if not hasattr(state, "markets_reader"):
        state.markets_reader = _reader_of(gateway_of(request))
    reader: Reader = state.markets_reader
    return reader


def _reader_of(gateway: Gateway) -> Reader:
    async def cached(place: Place) -> Cached:
        # All who ask at the same time are one query.
        return await gateway.together(look_up, place)

    async def stored(place: Place, before: Cached, document: Document) -> bool:
        return await gateway.run(store, place, before, document)

    noted_in = database.engine(gateway.engine.url.render_as_string(hide_password=False))

    def noted(place: Place, outcome: Outcome, milliseconds: float) -> None:
        log_cache_metric(
            noted_in, service=place.service, cache_key=place.key, outcome=outcome,
            tenant_id=place.tenant_id, duration_ms=milliseconds,
        )  # fmt: skip

    return Reader(look_up=cached, store=stored, note=noted)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fault = FieldError("as_of", "must be a day, YYYY-MM-DD")
        raise ContractError("as_of: must be a day, YYYY-MM-DD", [fault]) from None
