"""`/api/receipts`: what became of everything that a sender has sent, with the sender's own key.

It reads as the tenant's viewer, through the connections that the pages use.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import IO, Any, TypeVar

import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from ingestion_pipeline.foundation.errors import ConfigurationError, FieldError
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.gateway.openapi import READS, described, router_of
from ingestion_pipeline.outlets.dashboards.rendering import with_headers
from ingestion_pipeline.outlets.dashboards.site import Site, site_of
from ingestion_pipeline.outlets.receipts import balances, documents, refusals, sheets, waiting
from ingestion_pipeline.outlets.receipts.balances import Delivery
from ingestion_pipeline.outlets.receipts.days import Days, zone_of
from ingestion_pipeline.outlets.receipts.senders import SENDERS
from ingestion_pipeline.outlets.receipts.waiting import Waiting

router = router_of("receipts")
T = TypeVar("T")

MOST_DAYS, MOST_DELIVERIES = 92, 500
_IN_MEMORY, _PIECE = 1024 * 1024, 64 * 1024  # bytes
_FIRST_DAY = date(1970, 1, 2)


def _parameter(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": False, "description": text,
        "schema": {"type": "string"},
    }  # fmt: skip


_DAYS_PARAMETERS = [
    _parameter("days", f"How many days, 1 to {MOST_DAYS}; 7 where it is not said."),
    _parameter("until", "The last of them, YYYY-MM-DD; today where it is not said."),
]
_PAGE_PARAMETERS = [
    _parameter("sender", "Of this sender only, as `/api/receipts` names it."),
    _parameter("session", "Files of this upload session only, whatever day they came."),
    _parameter("limit", f"How many, 1 to {MOST_DELIVERIES}; 100 where it is not said."),
    _parameter("cursor", "`next` of the answer before."),
]
_AFTER = _parameter("after", "The line after which refusals are wanted.")


class Receipts(BaseModel):
    """What was sent, and what became of it."""

    status: str
    message: str
    timeZone: str  # noqa: N815
    days: list[dict[str, Any]]
    next: str


class Deliveries(BaseModel):
    """Deliveries, the newest first."""

    status: str
    message: str
    deliveries: list[dict[str, Any]]
    session: dict[str, Any] | None
    next: str | None


class Receipt(BaseModel):
    """A delivery, what was refused of it, and what waits."""

    status: str
    message: str
    receipt: dict[str, Any]
    refusals: list[dict[str, Any]]
    kept: int
    waiting: list[dict[str, Any]]
    next: str | None


class WaitingRows(BaseModel):
    """What waits."""

    status: str
    message: str
    waiting: list[dict[str, Any]]


async def _read(request: Request, work: Callable[[sa.Connection, int], T]) -> T:
    """What a transaction as the viewer of a tenant finds, in a thread.

    Whose it is, an API key says, or the session of somebody who has signed in to the pages: a page
    links to what is to be downloaded.
    """
    with _readable():
        site = site_of(request)
        return await _viewed(site, await _tenant_of(request, site), work)


async def _read_with_coming(
    request: Request, work: Callable[[sa.Connection, int, list[Waiting]], T]
) -> T:
    """The same, given the files that are still coming, as the gateway's own role sees them."""
    with _readable():
        site = site_of(request)
        tenant_id = await _tenant_of(request, site)
        coming = await gateway_of(request).run(waiting.coming, tenant_id=tenant_id)
        return await _viewed(site, tenant_id, lambda connection, of: work(connection, of, coming))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise Refusal(503, f"receipts can't be read: {error}") from None


async def _viewed(site: Site, tenant_id: int, work: Callable[[sa.Connection, int], T]) -> T:
    def within() -> T:
        with site.views.of_tenant(tenant_id) as connection:
            return work(connection, tenant_id)

    return await site.views.run(within)


async def _tenant_of(request: Request, site: Site) -> int:
    gateway = gateway_of(request)
    if "x-api-key" in request.headers or "authorization" in request.headers:
        return (await gateway.authenticate(request)).tenant_id
    visitor = await site.visitor(request)
    if visitor is None or visitor.is_operator:
        raise Refusal(401, "a valid API key is needed: X-API-Key, or Authorization: Bearer")
    request.scope["ingestion.tenant_id"] = visitor.tenant_id
    if wait := await gateway.wait_of(visitor.tenant_id):
        raise Refusal(429, "too many requests", retry_after=wait)
    return visitor.tenant_id


@router.get(
    "/api/receipts",
    **described(
        summary="What became of everything that was sent, by day and sender",
        answers={200: Receipts},
        refusals=(*READS, 422),
        parameters=_DAYS_PARAMETERS,
    ),
)
async def get_receipts(request: Request) -> Response:
    """Of each of the tenant's own days and each sender: `sent` = `stored` + `refused` +
    `waiting`; `unexplained` is what does not add up, and should be 0.
    """
    asked = _asked_days(request)

    def work(connection: sa.Connection, tenant_id: int) -> dict[str, Any]:
        days = asked(zone_of(connection, tenant_id))
        found = balances.by_day(connection, tenant_id=tenant_id, days=days)
        return documents.of_days(days, found)

    return answer(200, await _read(request, work))


@router.get(
    "/api/receipts/deliveries",
    **described(
        summary="Deliveries one by one",
        answers={200: Deliveries},
        refusals=(*READS, 422),
        parameters=[*_DAYS_PARAMETERS, *_PAGE_PARAMETERS],
    ),
)
async def get_deliveries(request: Request) -> Response:
    """Files, requests with readings, events, collected days: the newest first. Of an upload
    session `session` has what became of all its files, and those that are not whole yet.
    """
    asked, query = _asked_days(request), request.query_params
    sender = query.get("sender")
    if sender is not None and sender not in SENDERS:
        raise _wrong("sender", f"must be one of {', '.join(SENDERS)}")
    limit = _number(query.get("limit"), "limit", default=100, most=MOST_DELIVERIES)
    cursor = query.get("cursor")
    before = documents.cursor_of(cursor)
    if cursor is not None and before is None:
        raise _wrong("cursor", "must be one of an answer")
    session = _number(query.get("session"), "session", default=0, most=2**62)
    if session:
        of_session = partial(_of_session, session=session, before=before, limit=limit)
        return answer(200, await _read_with_coming(request, of_session))

    def work(connection: sa.Connection, tenant_id: int) -> dict[str, Any]:
        days = asked(zone_of(connection, tenant_id))
        found = balances.deliveries(
            connection, tenant_id=tenant_id, days=days, sender=sender, before=before,
            limit=limit + 1,
        )  # fmt: skip
        return documents.of_deliveries(found[:limit], more=len(found) > limit)

    return answer(200, await _read(request, work))


def _of_session(
    connection: sa.Connection,
    tenant_id: int,
    coming: Sequence[Waiting],
    *,
    session: int,
    before: tuple[datetime, str] | None,
    limit: int,
) -> dict[str, Any]:
    found = balances.of_session(
        connection, tenant_id=tenant_id, session=session, before=before, limit=limit + 1
    )
    files, numbers = balances.session_totals(connection, tenant_id=tenant_id, session=session)
    coming = [each for each in coming if each.session == session]
    if not files and not coming:
        raise Refusal(404, "no such upload session")
    told = documents.of_session(session, files, numbers, coming)
    return documents.of_deliveries(found[:limit], more=len(found) > limit, session=told)


@router.get(
    "/api/receipts/waiting",
    **described(summary="What waits", answers={200: WaitingRows}, refusals=READS),
)
async def get_waiting(request: Request) -> Response:
    """Rows by the parent that is missing, files and events that are not dealt with yet, files that
    were announced and are not whole.
    """

    def work(connection: sa.Connection, tenant_id: int, coming: list[Waiting]) -> dict[str, Any]:
        found = waiting.of_tenant(connection, tenant_id=tenant_id) + coming
        return {
            "status": "success", "message": f"{len(found)} things wait",
            "waiting": documents.of_waiting(found),
        }  # fmt: skip

    return answer(200, await _read_with_coming(request, work))


@router.get(
    "/api/receipts/{receipt}",
    **described(
        summary="A delivery, and what was refused of it",
        answers={200: Receipt},
        refusals=(*READS, 422),
        parameters=[_AFTER],
    ),
)
async def get_receipt(request: Request, receipt: str) -> Response:
    """`receipt` is a delivery's name in the other answers; a number alone is a file's. Refusals
    come by the hundred: go on with `next`.
    """
    after = _number(request.query_params.get("after"), "after", default=0, most=2**62, least=0)

    def work(connection: sa.Connection, tenant_id: int) -> dict[str, Any]:
        delivery = _found(connection, tenant_id, receipt)
        refused = refusals.of(connection, delivery, after=after, limit=refusals.MOST + 1)
        waits = (
            []
            if after
            else waiting.of_delivery(connection, tenant_id=tenant_id, receipt=delivery.receipt)
        )
        kept = refusals.kept(connection, delivery)
        return documents.of_receipt(delivery, refused, waits, kept=kept)

    return answer(200, await _read(request, work))


@router.get(
    "/api/receipts/{receipt}/refused.ndjson",
    **described(
        summary="Refused rows, to be corrected and sent to /api/v1/ingest/rejected/",
        answers={200: "application/x-ndjson"},
        refusals=READS,
    ),
)
async def get_refused_rows(request: Request, receipt: str) -> Response:
    """Those that nobody has taken yet; put `row` right in each line."""
    return await _download(request, receipt, "application/x-ndjson", sheets.ndjson)


@router.get(
    "/api/receipts/{receipt}/refused.csv",
    **described(
        summary="Refused rows for a spreadsheet", answers={200: "text/csv"}, refusals=READS
    ),
)
async def get_refused_csv(request: Request, receipt: str) -> Response:
    """A line a reason; what a spreadsheet would take for a formula has an apostrophe in front."""
    return await _download(request, receipt, "text/csv", sheets.as_csv)


async def _download(
    request: Request,
    receipt: str,
    media_type: str,
    write: Callable[[Iterator[Mapping[str, Any]]], Iterator[bytes]],
) -> Response:
    def work(connection: sa.Connection, tenant_id: int) -> tuple[str, IO[bytes]]:
        delivery = _found(connection, tenant_id, receipt)
        if delivery.receipt[0] != "f":
            raise Refusal(404, "only files have rows that can be corrected")
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed when it is sent)
        for piece in write(refusals.rows(connection, delivery)):
            file.write(piece)
        file.seek(0)
        return delivery.receipt, file

    name, file = await _read(request, work)
    extension = "csv" if media_type == "text/csv" else "ndjson"
    headers = {"content-disposition": f'attachment; filename="refused-{name}.{extension}"'}
    return with_headers(StreamingResponse(_pieces(file), headers=headers, media_type=media_type))


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()


def _found(connection: sa.Connection, tenant_id: int, receipt: str) -> Delivery:
    name = f"f{receipt}" if receipt.isascii() and receipt.isdigit() else receipt
    delivery = balances.find(connection, tenant_id=tenant_id, receipt=name)
    if delivery is None:
        raise Refusal(404, "no such receipt")
    return delivery


def _asked_days(request: Request) -> Callable[[str], Days]:
    query = request.query_params
    number = _number(query.get("days"), "days", default=7, most=MOST_DAYS)
    until = query.get("until")
    try:
        last = None if until is None else date.fromisoformat(until)
    except ValueError:
        raise _wrong("until", "must be a day, YYYY-MM-DD") from None
    if last is not None and not _FIRST_DAY + timedelta(MOST_DAYS) < last < date(9999, 1, 1):
        raise _wrong("until", "must be a day of this time")

    def days(zone: str) -> Days:
        if last is None:
            return Days.until(datetime.now(UTC), number, zone)
        return Days(last - timedelta(days=number - 1), last, zone)

    return days


def _number(text: str | None, name: str, *, default: int, most: int, least: int = 1) -> int:
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise _wrong(name, f"must be a whole number from {least} to {most}")


def _wrong(field: str, rule: str) -> Refusal:
    return Refusal(422, f"{field} {rule}", [FieldError(field, rule)])
