"""Gumroad's API: sales page by page, as far back as is asked or as is new.

    GET /sales?after=YYYY-MM-DD&before=…&page_key=…      10 a page; no next_page_key: the last one

It says `success: false` under HTTP 200 where something was not found; a wrong parameter is a 400,
a wrong token a 401, too many requests a 429. All come out as the error classes of `errors`, with
the status in them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.book_sales.contract import Parsed, RejectedRow, RowError
from ingestion_pipeline.book_sales.gumroad import events_of_sale, kept
from ingestion_pipeline.book_sales.tables import gumroad_syncs
from ingestion_pipeline.errors import ContractError, FieldError, UpstreamRefusedError
from ingestion_pipeline.http.client import Answer, Upstream
from ingestion_pipeline.settings import Settings

NAME = "gumroad"
# Refunds change sales of the past, which `after` would leave out.
LOOK_BACK = timedelta(days=60)
_MOST_PAGES = 100_000


def check(payload: dict[str, Any]) -> None:
    """Refuse a payload that can't be used.

    Raises:
        ContractError: it lacks the token, or a date is none; every fault is listed.
    """
    errors = []
    token = payload.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        errors.append(FieldError("payload.access_token", "is required: a text"))
    for name in ("after", "before"):
        try:
            _day(payload, name)
        except ContractError as error:
            errors.append(FieldError(f"payload.{name}", str(error)))
    if errors:
        raise ContractError("the payload breaks the contract", errors)


def fetch(
    engine: sa.Engine, configuration: Settings, *, tenant_id: int, payload: dict[str, Any]
) -> tuple[Parsed, Callable[[sa.Connection], None]]:
    """The sales of an account since the last sync, or between the dates of the payload.

    Raises:
        ContractError: the payload can't be used, or what came is no page of sales.
        UpstreamRefusedError: HTTP 400, 401, 404, or 200 with `success: false`.
        UpstreamUnavailableError, CircuitOpenError: it may work later.
    """
    check(payload)
    token = payload["access_token"]
    account = hashlib.sha256(token.encode()).hexdigest()[:16]
    after, before = _day(payload, "after"), _day(payload, "before")
    if after is None:
        after = _synced_until(engine, tenant_id, account)
    today = datetime.now(UTC).date()
    parsed = Parsed()
    with Upstream(
        engine,
        name=NAME,
        base_url=configuration.gumroad_api_base_url,
        headers={"Authorization": f"Bearer {token}"},
        requests_per_minute=configuration.gumroad_requests_per_minute,
    ) as upstream:
        for number, sale in enumerate(sales(upstream, after=after, before=before), start=1):
            _add(parsed, sale, number)

    def note(connection: sa.Connection) -> None:
        if before is None:
            _note(connection, tenant_id, account, today)

    return parsed, note


def sales(upstream: Upstream, *, after: date | None, before: date | None) -> Iterator[Any]:
    """Every sale of the account between two days.

    Raises:
        ContractError, UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: as `fetch`.
    """
    params: dict[str, str | int] = {}
    if after is not None:
        params["after"] = after.isoformat()
    if before is not None:
        params["before"] = before.isoformat()
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        page = _page(upstream.get("/sales", params=params))
        yield from page["sales"]
        key = page.get("next_page_key")
        if not key:
            return
        if not isinstance(key, str) or key in seen:
            raise ContractError("gumroad: the next page is one that we have had")
        seen.add(key)
        params["page_key"] = key
    raise ContractError(f"gumroad: more than {_MOST_PAGES} pages")


def _page(answer: Answer) -> dict[str, Any]:
    try:
        page = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ContractError("gumroad: the answer is no JSON") from None
    if isinstance(page, dict) and page.get("success") is False:
        said = str(page.get("message", "no reason given"))[:200]
        raise UpstreamRefusedError(
            f"gumroad: success is false: {said}", status=answer.status, body=said
        )
    if not isinstance(page, dict) or not isinstance(page.get("sales"), list):
        found = ", ".join(sorted(page)) if isinstance(page, dict) else type(page).__name__
        raise ContractError(f"gumroad: the answer has no list `sales`; it has {found[:200]}")
    return page


def _add(parsed: Parsed, sale: Any, number: int) -> None:
    try:
        if not isinstance(sale, Mapping):
            reason = RowError("sale", "is no object").reason
            parsed.rejected.append(RejectedRow(number, "", (reason,)))
            return
        parsed.events += events_of_sale(sale, row=number)
    except RowError as error:
        raw = msgspec.json.encode(kept(sale)).decode()
        parsed.rejected.append(RejectedRow(number, raw, (error.reason,)))


def _day(payload: Mapping[str, Any], name: str) -> date | None:
    value = payload.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ContractError("must be a date, YYYY-MM-DD") from None


def _synced_until(engine: sa.Engine, tenant_id: int, account: str) -> date | None:
    c = gumroad_syncs.c
    with engine.connect() as connection:
        until: date | None = connection.scalar(
            sa.select(c.synced_until).where(c.tenant_id == tenant_id, c.account == account)
        )
    return until - LOOK_BACK if until else None


def _note(connection: sa.Connection, tenant_id: int, account: str, until: date) -> None:
    statement = insert(gumroad_syncs).values(
        tenant_id=tenant_id, account=account, synced_until=until
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "account"],
            set_={
                "synced_until": sa.func.greatest(gumroad_syncs.c.synced_until, until),
                "synced_at": sa.func.now(),
            },
        )
    )
