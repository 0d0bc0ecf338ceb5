"""Where a redirect leads that leaves an API's host, as to a store of files: asked without any key,
or not at all.

A place that the file names (`redirects`) is asked. Without the word it is every one that the public
can reach by https, from an API that is asked by https: an answer says where the next request goes,
so it could name what only we can reach. Never from https to http.
"""

import ipaddress
import socket
from collections.abc import Sequence

import httpx
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.http_api.words import HttpApi
from ingestion_pipeline.foundation.upstreams import redaction
from ingestion_pipeline.foundation.upstreams.answers import Answer, Counting
from ingestion_pipeline.foundation.upstreams.client import Patience, Upstream

_SHORTEST = 4  # a secret of fewer letters stands in most URLs


class Elsewhere:
    """Who asks places that an API redirects to.

    Args:
        engine: of the database by which all processes share limits and breakers.
        api: which redirects there.
        patience: how retries and the breaker behave.
        counting: of the API's own requests.
        secrets: of the API, in every form in which they are sent.
    """

    def __init__(
        self,
        engine: sa.Engine,
        api: HttpApi,
        patience: Patience,
        counting: Counting,
        *,
        secrets: Sequence[str],
    ) -> None:
        self._engine = engine
        self._api = api
        self._patience = patience
        self._counting = counting
        plain = [each.split(" ", 1)[-1] for each in secrets]  # without `Bearer`
        self._secrets = redaction.as_written([*secrets, *plain])

    def require_allowed(self, asked: httpx.URL, found: httpx.URL) -> None:
        """Whether it is asked: where an answer of another place leads.

        Raises:
            ContractError: it is not, and why; the URL may be a secret of its own, and is not shown.
        """
        place, known = f"{found.scheme}://{_place(found)}", self._api.redirects
        why = ""
        if found.scheme not in ("http", "https") or not found.host or found.userinfo:
            why = "which is no place to ask"
        elif any(len(each) >= _SHORTEST and each in str(found) for each in self._secrets):
            why = "with the secret of this API in the URL, which is told to no other"
        elif asked.scheme == "https" and found.scheme != "https":
            why = "from https: what is sent there could be read and changed on its way"
        elif known is not None and not {found.host, _place(found)} & set(known):
            why = "which 'redirects' does not name"
        elif known is None and found.host == asked.host:
            why = "which is this host in another way; if the API has moved, say so in 'url'"
        elif known is None and found.scheme != "https":
            why = f"which is not https; where it is meant, say redirects: [{_place(found)}]"
        elif known is None and not _is_public(found):
            why = f"which is no public host; where it is meant, say redirects: [{_place(found)}]"
        if why:
            raise ContractError(f"the answer redirects to {place}, {why}")

    def get(self, url: httpx.URL, accept: frozenset[int]) -> Answer:
        """GET a URL without any key. Path and parameters may be secrets (signed URLs).

        Raises:
            ContractError: it has too many bytes.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: as `Upstream.get`.
        """
        name = f"http:{url.netloc.decode('ascii')}"
        own = [value for _, value in url.params.multi_items()]
        own += [each.partition("=")[2] for each in url.query.decode("ascii").split("&")]
        own += [url.path[1:], url.raw_path.decode("ascii").partition("?")[0][1:]]
        with Upstream(
            self._engine,
            name=name,
            base_url=f"{url.scheme}://{url.netloc.decode('ascii')}",
            headers={"accept": "*/*"},
            requests_per_minute=self._api.limits.requests_per_minute,
            timeout=self._api.timeout,
            patience=self._patience,
            secrets=[*self._secrets, *own],
            most_bytes=self._api.limits.body_bytes,
            counting=self._counting,
        ) as upstream:
            return upstream.get(str(url), accept=accept)


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: whom a key may be told."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, port


def _place(url: httpx.URL) -> str:
    return url.netloc.decode("ascii", errors="replace")


def _is_public(url: httpx.URL) -> bool:
    """Whether a host is a name, all of whose addresses are public."""
    try:
        ipaddress.ip_address(url.host)
    except ValueError:
        pass
    else:
        return False  # stores of files have names
    try:
        known = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return "." in url.host  # a proxy may know it; else the request fails
    return all(ipaddress.ip_address(str(each[4][0]).split("%")[0]).is_global for each in known)
