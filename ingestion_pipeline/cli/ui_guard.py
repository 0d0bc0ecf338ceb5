"""What stands in front of Dagster's UI, which asks nobody who they are.

A browser sends requests to this machine for whatever page is open in it. So a request passes when

    its Host is one of ours          else a foreign name may point here (DNS rebinding)
    no other site has made it        `Origin` and `Sec-Fetch-Site`, also of websockets; what only
                                     opens a page may come from anywhere
    it is GraphQL by POST as JSON    a GET, or a form's content type, any page can send unasked

Clients that are no browsers (`curl`, Dagster's own) send neither header and need none. This is no
authentication: whoever reaches the port with a client of their own may do everything.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestion_pipeline.foundation.errors import ConfigurationError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_WILDCARDS = ("0.0.0.0", "::", "[::]", "*")  # noqa: S104
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?", re.ASCII)
_PROBED = "/server_info"  # versions only; kubelet asks it under the pod's address
_GRAPHQL_TYPES = ("application/json", "application/graphql")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
}


def hosts_of(web_host: str, more: Iterable[str]) -> frozenset[str]:
    """The names under which the UI may be opened: this machine's, `WEB_HOST`, `WEB_HOSTS`.

    Raises:
        ConfigurationError: one is no name or address.
    """
    names = {*_LOOPBACK}
    for given in (web_host, *more):
        name = given.lower()
        if name in _WILDCARDS:
            continue
        name = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
        matched = _HOST.fullmatch(name)
        if matched is None or matched[2]:
            raise ConfigurationError(f"WEB_HOSTS: {given!r} is no host name (without port or path)")
        names.add(name)
    return frozenset(names)


class Guard:
    """An ASGI application that lets through to another what its own pages and users send."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await receive()  # websocket.connect
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                # A second policy: both hold.
                headers.append("content-security-policy", "frame-ancestors 'none'")
            await send(message)

        answer = self._app if refusal is None else PlainTextResponse(refusal[1] + "\n", refusal[0])
        await answer(scope, receive, marked)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and one sentence; None where a request passes."""
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        matched = _HOST.fullmatch(host)
        path: str = scope["path"]
        if matched is None or matched[1] not in self._hosts:
            if scope["type"] == "http" and path == _PROBED:
                return None
            name = matched[1] if matched else "a malformed name"
            return 421, (
                f"Dagster's UI is not served under {name}; add the name to WEB_HOSTS and start "
                "again to open it so."
            )
        method = scope.get("method", "")
        if _is_elsewhere(headers, host) and not _opens_a_page(method, headers):
            return 403, (
                "Another site's page sent this request to Dagster's UI, so it was refused; behind "
                "a proxy, let it pass the Host header on."
            )
        if scope["type"] == "http" and path.rstrip("/").endswith("/graphql"):
            return _graphql_refusal(method, headers)
        return None


def _is_elsewhere(headers: Headers, host: str) -> bool:
    """Whether a browser says that another site than `host` has made a request."""
    if any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
        return True
    return any(not _is_of(origin, host) for origin in headers.getlist("origin"))


def _is_of(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None:
        return False  # `null`, an extension
    return parts.netloc.removesuffix(default) == host.removesuffix(default)


def _opens_a_page(method: str, headers: Headers) -> bool:
    """A link that was followed: its answer is shown, and not to the page that had the link."""
    return (
        method in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _graphql_refusal(method: str, headers: Headers) -> tuple[int, str] | None:
    if method == "GET":
        if "text/html" in headers.get("accept", ""):
            return None  # the playground's page, which executes nothing by itself
        return 405, "GraphQL is answered to POST only."
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and kind not in _GRAPHQL_TYPES:
        return 415, "GraphQL is sent as Content-Type: application/json."
    return None
