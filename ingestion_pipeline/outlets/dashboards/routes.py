"""The site's addresses: pages, static files, and what is the same for all of them.

    request ▸ who (the key looked up) ▸ rate ▸ a thread: one transaction ▸ page ▸ template

Here alone is HTTP: a page knows its `Ask` only. Signing in and out is in `signing_in.py`.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.errors import OUTAGES
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.outlets.dashboards import pages, signing_in
from ingestion_pipeline.outlets.dashboards.api.routes import router as api
from ingestion_pipeline.outlets.dashboards.asking import PAGES, Ask, NotThereError, Page
from ingestion_pipeline.outlets.dashboards.correcting import corrected
from ingestion_pipeline.outlets.dashboards.expecting import expect
from ingestion_pipeline.outlets.dashboards.rendering import (
    data_answer,
    html_answer,
    static_answer,
    with_headers,
)
from ingestion_pipeline.outlets.dashboards.sessions import is_https
from ingestion_pipeline.outlets.dashboards.site import Site, Visitor, site_of
from ingestion_pipeline.outlets.dashboards.streaming import route as live
from ingestion_pipeline.outlets.receipts.waiting import Waiting
from ingestion_pipeline.outlets.receipts.waiting import coming as coming_files

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
_FORMATS = {"csv": "text/csv", "json": "application/json"}
_NO_SUCH = "There is no such page, or nothing of that name is yours."


def _answering(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose refusals and failures are pages, too."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NotThereError:
            return _said(request, 404, "Not there", _NO_SUCH)
        except Refusal as refusal:
            said = refusal.message[:1].upper() + refusal.message[1:] + "."
            return _said(request, refusal.status_code, "Not now", said, refusal.headers)
        except ConfigurationError as error:
            logger.error("pages can't be served: %s", error)  # noqa: TRY400  (it says it all)
            return _said(request, 503, "Not set up yet", f"{error}.")
        except OUTAGES as error:
            logger.error("no page: %s", str(error).partition("\n")[0])  # noqa: TRY400
            said = "The database can't be reached, or took too long. Try a shorter span, or again."
            return _said(request, 503, "Not now", said, {"retry-after": "5"})

    return answered


@dataclass(frozen=True)
class Told:
    """What a page is told that its transaction may not read."""

    health: Mapping[str, Any] | None
    coming: Sequence[Waiting]


async def _home(_: Request) -> Response:
    return with_headers(RedirectResponse("/morning", 303))


def _endpoint(page: Page) -> Endpoint:
    async def show(request: Request) -> Response:
        site = site_of(request)
        wanted = request.query_params.get("format")
        if wanted is not None and wanted not in _FORMATS:
            raise NotThereError
        visitor = await site.visitor(request)
        if visitor is None or visitor.is_operator != page.operator:
            return _stranger(request, visitor, for_data=wanted is not None)
        request.scope["ingestion.tenant_id"] = visitor.tenant_id or None
        if wait := await gateway_of(request).wait_of(visitor.tenant_id) if visitor.tenant_id else 0:
            raise Refusal(429, "too many requests", retry_after=wait)
        health = await request.app.state.health.get() if page.operator else None
        # By the gateway's own role: a session is nothing that a tenant's role may read.
        run, whose = gateway_of(request).run, visitor.tenant_id
        told = Told(health, await run(coming_files, tenant_id=whose) if page.coming else ())
        return await site.views.run(lambda: _made(request, site, page, visitor, wanted, told))

    return _answering(show)


def _stranger(request: Request, visitor: Visitor | None, *, for_data: bool) -> Response:
    """Who has to sign in first, or is signed in as somebody else than the page is for."""
    if for_data:
        refusal = Refusal(401, "sign in, or send the API key as X-API-Key")
        return with_headers(refusal.response())
    if visitor is not None:
        raise NotThereError
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = quote(request.url.path + query, safe="")
    return with_headers(RedirectResponse(f"/sign-in?next={wanted}", 303))


def _made(
    request: Request, site: Site, page: Page, visitor: Visitor, wanted: str | None,
    told: Told,
) -> Response:  # fmt: skip
    """The page, or one of its tables; in a thread."""
    views = site.views
    transaction = views.of_operator() if page.operator else views.of_tenant(visitor.tenant_id)
    with transaction as connection:
        ask = Ask(
            connection, visitor.tenant_id, visitor.tenant, page.path,
            dict(request.query_params), datetime.now(UTC), exporting=wanted is not None,
            health=told.health, coming=told.coming,
        )  # fmt: skip
        shown = page.build(ask)
        zone = ask.zone
    if wanted is not None:
        table = shown.table(ask.text("table"))
        content = table.as_csv() if wanted == "csv" else table.as_json()
        return data_answer(request, content, _FORMATS[wanted], name=f"{table.name}.{wanted}")
    return html_answer(request, shown.template, {
        **frame(request, site, visitor), **shown.values,
        "title": shown.title, "tables": {table.name: table for table in shown.tables},
        "zone": zone, "now": ask.now, "ask": ask,
    })  # fmt: skip


def frame(request: Request, site: Site | None, visitor: Visitor | None) -> dict[str, Any]:
    """What the frame around every page needs."""
    operator = visitor is not None and visitor.is_operator
    nav = [each for each in _NAVIGATION if each.operator == operator]
    token = site.sessions.form_token(visitor.session) if site and visitor else ""
    return {
        "visitor": visitor,
        "nav": nav if visitor else [],
        "path": request.url.path,
        "form_token": token,
        "query": dict(request.query_params),
        "origin": f"{'https' if is_https(request) else 'http'}://{request.headers.get('host', '')}",
    }


def _said(
    request: Request, status: int, title: str, message: str,
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """A page that says why there is none."""
    if "format" in request.query_params:
        refusal = Refusal(status, message)
        return with_headers(refusal.response())
    values = {**frame(request, None, None), "title": title, "message": message}
    return html_answer(request, "said.html", values, status=status, headers=headers)


async def _corrected(request: Request) -> Response:
    visitor, values = await corrected(request)
    framed = frame(request, site_of(request), visitor)
    moment = {"zone": UTC, "now": datetime.now(UTC)}
    return html_answer(request, "corrected.html", {**framed, **values, **moment})


async def _static(request: Request) -> Response:
    found = static_answer(request, request.url.path)
    if found is None:
        raise NotThereError
    return found


assert pages.ALL  # noqa: S101  (their modules register them)
_NAVIGATION = sorted(
    (page for page in PAGES.values() if page.nav),
    key=lambda page: pages.NAMES.index(page.build.__module__.rpartition(".")[2]),
)
router = Router(
    [
        Route("/", _answering(_home), include_in_schema=False),
        Route("/static/{path:path}", _answering(_static), include_in_schema=False),
        Route("/findings/expected", _answering(expect), methods=["POST"], include_in_schema=False),
        Route(
            "/receipts/corrected", _answering(_corrected), methods=["POST"], include_in_schema=False
        ),
        *signing_in.routes(_answering, frame),
        live,
        *(Route(page.path, _endpoint(page), include_in_schema=False) for page in PAGES.values()),
        *api.routes,
    ]
)
