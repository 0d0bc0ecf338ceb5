"""Gumroad's API: sales page by page, as far back as is asked, as is new, or as can still change.

    GET /sales?after=YYYY-MM-DD&before=…&page_key=…      10 a page; no next_page_key: the last one

It says `success: false` under HTTP 200 where something was not found; a wrong parameter is a 400,
a wrong token a 401, too many requests a 429. All come out as the error classes of `errors`, with
the status in them (`antiwork/gumroad`, app/controllers/api/v2/sales_controller.rb:9-80).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, FieldError, UpstreamRefusedError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.upstreams.client import Answer, Patience, Upstream
from ingestion_pipeline.gateway.json_bodies import without_halves

NAME = "gumroad"
_MOST_PAGES = 100_000

Ask = Callable[[sa.Engine, str], Upstream]
"""Opens the API as the owner of a token sees it; the engine is of the shared limit's database."""


def open_upstream(engine: sa.Engine, token: str, *, configuration: Settings) -> Upstream:
    """The API that settings name, as the owner of a token sees it; to be closed."""
    return Upstream(
        engine,
        name=NAME,
        base_url=configuration.gumroad_api_base_url,
        headers={"Authorization": f"Bearer {token}"},
        requests_per_minute=configuration.gumroad_requests_per_minute,
        timeout=configuration.http_timeout,
        patience=Patience.configured(configuration),
    )


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
            day_of(payload, name)
        except ContractError as error:
            errors.append(FieldError(f"payload.{name}", str(error)))
    if errors:
        raise ContractError("the payload breaks the contract", errors)


def pages(
    upstream: Upstream, *, after: date | None, before: date | None
) -> Iterator[tuple[datetime, list[Any]]]:
    """Every sale of the account between two days, page by page, and when it was asked for.

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
        asked_at = datetime.now(UTC)
        page = _page(upstream.get("/sales", params=params))
        yield asked_at, page["sales"]
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
        page = _decoded(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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


def _decoded(content: bytes) -> Any:
    """A page; in a name that no text can be, U+FFFD stands for what is broken of it.

    One buyer's name would keep all sales of the page, and those behind it, from being fetched.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        readable = content.decode(errors="replace").encode()
        return msgspec.json.decode(without_halves(readable, instead=rb"\ufffd"))


def day_of(payload: Mapping[str, Any], name: str) -> date | None:
    """A day that a payload names.

    Raises:
        ContractError: it is none.
    """
    value = payload.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ContractError("must be a date, YYYY-MM-DD") from None
