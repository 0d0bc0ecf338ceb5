"""Signing in with an API key (the operator: with CRON_SECRET), and out again."""

import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.outlets.dashboards.asking import PAGES
from ingestion_pipeline.outlets.dashboards.rendering import html_answer, with_headers
from ingestion_pipeline.outlets.dashboards.sessions import Session, is_own
from ingestion_pipeline.outlets.dashboards.site import Site, Visitor, site_of

_LARGEST_FORM = 8_192  # bytes
_FOREIGN = "this form was not sent from a page of ours: open the page, and try again"
# A path of ours and its query: with two slashes, or a backslash, it would lead elsewhere.
_OURS = re.compile(r"/[a-z][a-z/-]*(\?[!-~]*)?")
_HOME = {"tenant": "/morning", "operator": "/system"}


def routes(answering: Callable[[Any], Any], frame: Callable[..., dict[str, Any]]) -> list[Route]:
    """The addresses of signing in and out."""

    async def ask(request: Request) -> Response:
        site = site_of(request)
        visitor = await site.visitor(request)
        wanted = request.query_params.get("next", "")
        if visitor is not None:
            return _to(next_of(wanted, visitor))
        return _form(request, wanted)

    async def sign_in(request: Request) -> Response:
        site = site_of(request)
        form = await form_of(request)
        if not is_own(request):
            raise Refusal(403, _FOREIGN)
        wanted = form.get("next", "")
        visitor = await _holder(site, form.get("key", "").strip())
        if visitor is None:
            address = request.client.host if request.client else None
            if wait := site.wrong_keys.take(address):
                raise Refusal(429, "too many wrong keys from here: wait a little", retry_after=wait)
            return _form(request, wanted, status=401, wrong=True)
        response = _to(next_of(wanted, visitor))
        site.sessions.begin(request, response, visitor.session)
        return response

    async def sign_out(request: Request) -> Response:
        site = site_of(request)
        await require_own_form(request, site)
        response = _to("/sign-in")
        site.sessions.end(request, response)
        if hub := getattr(request.app.state, "live", None):  # its other pages hear no more
            hub.end_of(site.sessions.browser_of(request))
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _form(request: Request, wanted: str, *, status: int = 200, wrong: bool = False) -> Response:
        values = {**frame(request, None, None), "title": "Sign in", "next": wanted, "wrong": wrong}
        return html_answer(request, "sign_in.html", values, status=status)

    return [
        Route("/sign-in", answering(ask), methods=["GET"], include_in_schema=False),
        Route("/sign-in", answering(sign_in), methods=["POST"], include_in_schema=False),
        Route("/sign-out", answering(sign_out), methods=["POST"], include_in_schema=False),
    ]


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was posted.

    Raises:
        Refusal: 413 too large, 408 too slow.
    """
    body = gateway_of(request).body(request, limit=_LARGEST_FORM)
    content = b"".join([piece async for piece in body])
    return dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))


async def require_own_form(request: Request, site: Site) -> tuple[Visitor, dict[str, str]]:
    """Who posted a form of one of our pages, and its fields.

    Raises:
        Refusal: 401 nobody is signed in, 403 it is no form of this session.
    """
    form = await form_of(request)
    visitor = await signed_in(request, site)
    require_own(request, site, visitor, form.get("token", ""))
    return visitor, form


async def signed_in(request: Request, site: Site) -> Visitor:
    """Whose cookie it is; a key alone does not do for forms.

    Raises:
        Refusal: 401 nobody's.
    """
    session = site.sessions.of(request)
    visitor = None if session is None else await site.known(session)
    if visitor is None:
        raise Refusal(401, "sign in first")
    return visitor


def require_own(request: Request, site: Site, visitor: Visitor, token: str) -> None:
    """Let only forms of a visitor's own pages pass.

    Raises:
        Refusal: 403 it is no form of this session.
    """
    if not is_own(request) or not site.sessions.is_form_token(visitor.session, token):
        raise Refusal(403, _FOREIGN)


async def _holder(site: Site, secret: str) -> Visitor | None:
    """Who has this key, or secret."""
    if not secret:
        return None
    found = await site.known(Session("tenant", tenants.key_hash(secret)))
    return found or await site.known(Session("operator", hashlib.sha256(secret.encode()).digest()))


def next_of(wanted: str, visitor: Visitor) -> str:
    """Where one wanted to go, if that is a page of ours and of this visitor; else the first."""
    page = PAGES.get(wanted.partition("?")[0])
    allowed = page is not None and page.operator == visitor.is_operator
    return wanted if allowed and _OURS.fullmatch(wanted) else _HOME[visitor.session.kind]


def _to(path: str) -> Response:
    return with_headers(RedirectResponse(path, 303))
