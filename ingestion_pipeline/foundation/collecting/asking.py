"""One request of a list, and where the next one may lead: to the host that the file names, only.

A key goes to nobody else: a next page at another host is refused, and a redirect to one is followed
without it (`elsewhere.py`). What is kept and told of a URL has no secret in it: these are put in
when a request goes out.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from urllib.parse import quote

import httpx
import sqlalchemy as sa

from ingestion_pipeline.foundation.collecting.elsewhere import Elsewhere, origin_of
from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.http_api.windows import bounds_of
from ingestion_pipeline.foundation.http_api.words import Auth, HttpApi
from ingestion_pipeline.foundation.upstreams.answers import Counting
from ingestion_pipeline.foundation.upstreams.client import Answer, Counts, Patience, Upstream

_MOVED = frozenset({301, 302, 303, 307, 308})
_MOST_MOVES = 5
_NO_CONTENT = 204
_ACCEPT = {"json": "application/json", "csv": "text/csv, */*;q=0.5"}


class Asker:
    """Who asks one API; safe to share between threads."""

    def __init__(
        self,
        upstream: Upstream,
        api: HttpApi,
        elsewhere: Elsewhere,
        *,
        parameter: tuple[str, str] | None,
    ) -> None:
        self._upstream = upstream
        self._api = api
        self._elsewhere = elsewhere
        self._parameter = parameter
        self._origin = origin_of(httpx.URL(_without_placeholders(api.url)))

    @property
    def counts(self) -> Counts:
        """What was asked so far, elsewhere too."""
        return self._upstream.counts

    def ask(self, url: httpx.URL) -> Answer:
        """GET a URL of this API; redirects are followed, out of it without a key.

        Who has left is not let in with a key again: the way back would be another's to say.

        Raises:
            ContractError: it redirects to where nobody is asked, or has too many bytes.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: as `Upstream.get`.
        """
        nothing = self._api.nothing
        accept = _MOVED | ({nothing.status} if nothing else frozenset())
        asked, has_left = url, False
        for _ in range(_MOST_MOVES):
            if has_left:
                answer = self._elsewhere.get(asked, accept)
            else:
                sent = asked.copy_set_param(*self._parameter) if self._parameter else asked
                answer = self._upstream.get(str(sent), accept=accept)
            if answer.status not in _MOVED:
                return self._known(url, answer)
            found = self._leads_to(asked, answer.headers.get("location", ""))
            has_left = has_left or origin_of(found) != self._origin
            if has_left:
                self._elsewhere.require_allowed(asked, found)
            asked = found if has_left else self._ours(found)
        raise ContractError(f"{url.path}: is redirected more than {_MOST_MOVES} times")

    def _known(self, url: httpx.URL, answer: Answer) -> Answer:
        if 200 <= answer.status < 300 or self.is_nothing(answer):
            return answer
        raise ContractError(
            f"{self._upstream.name}: GET {url.path}: HTTP {answer.status}, whose body is not that "
            "of an empty list (nothing.body)"
        )

    def is_nothing(self, answer: Answer) -> bool:
        """Whether an answer stands for an empty page."""
        nothing = self._api.nothing
        if answer.status == _NO_CONTENT:
            return True
        if nothing is None or answer.status != nothing.status:
            return False
        return nothing.body.search(answer.content[:100_000].decode(errors="replace")) is not None

    def follow(self, url: httpx.URL, said: str) -> httpx.URL:
        """A URL that an answer says, seen from the one that was asked.

        Raises:
            ContractError: it is of another host, or no URL.
        """
        return self._ours(self._leads_to(url, said))

    def _leads_to(self, url: httpx.URL, said: str) -> httpx.URL:
        """Where a text leads, seen from a URL."""
        try:
            # Headers and JSON may hold what no URL may: spaces, letters of any script.
            found = url.join(said.strip())
        except (httpx.InvalidURL, ValueError):
            raise ContractError("the answer leads to what is no URL") from None
        if not said.strip():
            raise ContractError("the answer is a redirect that does not say where to")
        scheme, host, _ = self._origin
        is_ours = (scheme, host) == ("https", found.host)
        if is_ours and found.scheme == "http" and found.port in (None, 80):
            # Whoever stands behind a proxy often does not know that it is asked by https.
            found = found.copy_with(scheme="https", port=None)
        return found.copy_with(fragment=None)

    def _ours(self, found: httpx.URL) -> httpx.URL:
        """A URL of this API, without what is secret of it."""
        if found.userinfo or origin_of(found) != self._origin:
            raise ContractError(
                f"the answer leads to {found.scheme}://{found.host}, and only "
                f"{self._origin[0]}://{self._origin[1]} is asked: what is secret is told to no "
                "other; if the API has moved, say so in 'url'"
            )
        if self._parameter is not None:
            found = found.copy_remove_param(self._parameter[0])
        return found


@contextmanager
def open_asker(
    engine: sa.Engine, api: HttpApi, *, secrets: Mapping[str, str], patience: Patience
) -> Iterator[Asker]:
    """Who asks an API, as long as the context lasts.

    Args:
        engine: of the database by which all processes share its limit and its breaker.
        api: it.
        secrets: by the names that `auth` has.
        patience: how retries and the breaker behave.

    Raises:
        ConfigurationError: a secret is not there, or can't be sent.
    """
    headers, parameter = _identified(api.auth, secrets)
    url = httpx.URL(_without_placeholders(api.url))
    counting = Counting()
    elsewhere = Elsewhere(
        engine, api, patience, counting, secrets=[*secrets.values(), *headers.values()]
    )
    asked = {"accept": _ACCEPT[api.format]}
    asked |= {name.lower(): value for name, value in {**api.headers, **headers}.items()}
    with Upstream(
        engine,
        name=name_of(api),
        base_url=f"{url.scheme}://{url.netloc.decode('ascii')}",
        headers=asked,
        requests_per_minute=api.limits.requests_per_minute,
        timeout=api.timeout,
        patience=patience,
        secrets=secrets.values(),
        most_bytes=api.limits.body_bytes,
        counting=counting,
    ) as upstream:
        yield Asker(upstream, api, elsewhere, parameter=parameter)


def name_of(api: HttpApi) -> str:
    """The name of the limit and of the breaker that all who ask a host share."""
    return f"http:{httpx.URL(_without_placeholders(api.url)).netloc.decode('ascii')}"


def first_url(api: HttpApi, day: date | None) -> httpx.URL:
    """The URL of a window, without pages and without secrets."""
    url, parameters = api.url, dict(api.query)
    if api.window is not None and day is not None:
        start, end = bounds_of(api.window, day)
        url = url.replace("{start}", quote(start, safe="")).replace("{end}", quote(end or ""))
        if api.window.start.query:
            parameters[api.window.start.query] = start
        if api.window.end is not None and end is not None and api.window.end.query:
            parameters[api.window.end.query] = end
    made = httpx.URL(url)
    return made.copy_merge_params(parameters) if parameters else made


def _identified(
    auth: Auth | None, secrets: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Headers, and a parameter, that say who asks."""
    if auth is None:
        return {}, None
    for each in auth.secrets:
        if not secrets.get(each.name):
            raise ConfigurationError(
                f"{each} is not stored: the credential that 'auth' names; "
                f"`ingestion-pipeline tenants credentials set TENANT {each}` stores it"
                if each.is_stored
                else f"{each} is not set: the secret that 'auth' names"
            )
    secret = secrets[auth.secret.name] if auth.secret else ""
    match auth.kind:
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}, None
        case "basic":
            user = secrets[auth.user_secret.name] if auth.user_secret else auth.user
            token = base64.b64encode(f"{user}:{secret}".encode()).decode()
            return {"Authorization": f"Basic {token}"}, None
        case "header":
            return {auth.name: f"{auth.prefix}{secret}"}, None
        case "query":
            return {}, (auth.name, secret)


def _without_placeholders(url: str) -> str:
    return url.replace("{start}", "x").replace("{end}", "x")
