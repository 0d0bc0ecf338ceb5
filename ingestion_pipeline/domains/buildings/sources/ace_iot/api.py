"""The ACE IoT API as requests: a page of samples, the configured points, the weather.

Which dialect it speaks shows in what it answers, never in the configuration.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Window, instant_text
from ingestion_pipeline.domains.buildings.sources.ace_iot.damaged import key_there_twice
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page, read_page
from ingestion_pipeline.domains.buildings.sources.ace_iot.listing import Parameters, read_to_the_end
from ingestion_pipeline.domains.buildings.sources.ace_iot.unreadable import (
    NotJsonError,
    not_json,
    unknown_envelope,
)
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    UpstreamRefusedError,
)
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.upstreams.client import Answer, Counts, Patience, Upstream

NAME = "ace_iot"  # of the rate limit, the breaker, and the concurrency pool

_NOT_FOUND = frozenset({404})
_REFUSED_FOR = 5.0  # seconds
_WRONG_KEY = frozenset({401, 500})
_NOT_JSON_ATTEMPTS = 3
_POINTS_A_PAGE = 10_000
_POINT_LISTS = ("items", "data", "points", "configured_points")
_SHOWN = 80
_BEFORE_SECOND_PROBE = 1.0  # seconds


class Requests(Protocol):
    """What we need of `http.client.Upstream`."""

    @property
    def counts(self) -> Counts:
        """What has been done so far."""
        ...

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """GET a path."""
        ...

    def probe(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """GET a path; a 500 is permanent."""
        ...


class AceIot:
    """The API, for one process; safe to share between threads.

    Args:
        page_size: records that a page holds at most.
        raw: every sample, not buckets of five minutes.
    """

    def __init__(self, upstream: Requests, *, page_size: int, raw: bool = True) -> None:
        self._upstream = upstream
        self.page_size = page_size
        self.raw = raw
        self._first = threading.Lock()
        self._known = False
        self._refused: tuple[UpstreamRefusedError, float] | None = None

    @property
    def counts(self) -> Counts:
        """Requests so far."""
        return self._upstream.counts

    def page(self, site: str, window: Window, cursor: str | None) -> Page:
        """A page of a window's samples; the first without a cursor.

        Raises:
            ContractError: what came is no page; not even when asked three times for JSON.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: see `Upstream.get`.
        """
        params: dict[str, str | int] = {
            "start_time": instant_text(window.start),
            "end_time": instant_text(window.end),
            "page_size": self.page_size,
            "raw_data": "true" if self.raw else "false",
        }
        if cursor is not None:
            params["cursor"] = cursor
        path = f"/sites/{_segment(site)}/timeseries/paginated"
        for attempt in range(1, _NOT_JSON_ATTEMPTS + 1):
            # The live API says 404 where a window is empty, but not where a page should follow.
            accept = _NOT_FOUND if cursor is None else frozenset[int]()
            answer = self._get(path, params=params, accept=accept)
            try:
                return _empty_page(answer) if answer.status == 404 else read_page(answer.content)
            except NotJsonError as error:
                if attempt == _NOT_JSON_ATTEMPTS:
                    raise
                last = error
        raise last  # pragma: no cover

    def configured_points(self, site: str) -> frozenset[str]:
        """The points of a site that are set to be collected.

        Raises:
            ContractError: the answer is no list of points, or not all of them.
        """
        path = f"/sites/{_segment(site)}/configured_points"

        def ask(more: Parameters) -> Answer:
            return self._get(path, params={"page": 1, "per_page": _POINTS_A_PAGE, **more})

        points = read_to_the_end(
            ask, what="configured points", names=_POINT_LISTS, per_page=_POINTS_A_PAGE
        )
        return frozenset(map(_name_of_point, points))

    def weather(self, site: str, window: Window, more: Parameters | None = None) -> Answer:
        """The answer about a site's weather, 404 included; see merge/weather.py.

        Args:
            more: what a page of it is asked for by.
        """
        params = {"start_time": instant_text(window.start), "end_time": instant_text(window.end)}
        path = f"/sites/{_segment(site)}/weather"
        return self._get(path, params={**params, **(more or {})}, accept=_NOT_FOUND)

    def _get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        if not self._known:
            with self._first:  # one thread finds out whether the key is right
                if self._refused and time.monotonic() - self._refused[1] < _REFUSED_FOR:
                    raise self._refused[0]  # the day's other half need not ask the same
                if not self._known:
                    try:
                        answer = self._probe(path, params, accept)
                    except UpstreamRefusedError as error:
                        if error.status in _WRONG_KEY:
                            self._refused = error, time.monotonic()
                        raise
                    self._known = True
                    return answer
        return self._upstream.get(path, params=params, accept=accept)

    def _probe(
        self, path: str, params: Mapping[str, str | int] | None, accept: frozenset[int]
    ) -> Answer:
        """The first request: a wrong key is answered with 500, always; a hiccup only once."""
        try:
            return self._upstream.probe(path, params=params, accept=accept)
        except UpstreamRefusedError as error:
            if error.status != 500:
                raise
        time.sleep(_BEFORE_SECOND_PROBE)
        return self._upstream.probe(path, params=params, accept=accept)


@contextmanager
def open_source(engine: sa.Engine, configuration: Settings) -> Iterator[AceIot]:
    """The API that the settings name.

    Raises:
        ConfigurationError: they name none.
    """
    if configuration.ace_iot_api_base_url is None:
        raise ConfigurationError(
            "nothing to collect from: set ACE_IOT_API_BASE_URL (and ACE_IOT_API_KEY); "
            "`ingestion-pipeline sandbox` serves a stand-in under /ace/documented and /ace/live/api"
        )
    secret = configuration.ace_iot_api_key
    headers = {"Authorization": f"Bearer {secret.get_secret_value()}"} if secret else {}
    with Upstream(
        engine,
        name=NAME,
        base_url=configuration.ace_iot_api_base_url,
        headers=headers,
        requests_per_minute=configuration.ace_requests_per_minute,
        timeout=configuration.http_timeout,
        patience=Patience.configured(configuration),
    ) as upstream:
        yield AceIot(
            upstream, page_size=configuration.ace_page_size, raw=configuration.ace_raw_data
        )


def _segment(site: str) -> str:
    return quote(site, safe="")


def _empty_page(answer: Answer) -> Page:
    """What a 404 says: nothing here, if the API says it and not some server before it."""
    try:
        found = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(answer.content, error) from None
    if not isinstance(found, dict):
        raise unknown_envelope(answer.content, expected="an object")
    return Page("live")


def _name_of_point(point: bytes) -> str:
    """The name of a point of a list.

    Where it holds what can't be stored, and so can have no sample, it stays in the list as it can
    be written: it is reported missing then, which is more than leaving it out says.
    """
    try:
        found: Any = json.loads(point.decode(errors="replace"), strict=False)
    except (ValueError, RecursionError):
        found = None
    twice = key_there_twice(point)
    name = found
    if isinstance(found, dict):
        name = found.get("name") or found.get("point_name")
    if not isinstance(name, str) or not name or twice is not None:
        shown = point[:_SHOWN].decode(errors="replace")
        fault = "has no name" if twice is None else f"has the key {twice} twice"
        raise ContractError(f"configured points: one {fault}: {shown}")
    return name.encode(errors="replace").decode().replace("\0", "\ufffd")
