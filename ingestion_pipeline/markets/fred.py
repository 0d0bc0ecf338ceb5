"""FRED's API as requests: a series with every vintage that it ever had.

Facts of the API: values are texts, `"."` is a missing one; a page holds at most 100,000; a wrong
key and an unknown series are both 400 and differ in their message only; 429 comes without
Retry-After. Asked for all of real time, it gives every row with the days on which it was known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.errors import ConfigurationError, ContractError, UpstreamRefusedError
from ingestion_pipeline.http.client import Answer, Parameters, Patience, Upstream
from ingestion_pipeline.settings import Settings

Day = date  # for classes that have a member of that name
NAME = "fred"  # of the rate limit and of the breaker

FIRST_DAY, LAST_DAY = date(1776, 7, 4), date(9999, 12, 31)  # FRED's beginning and end of time
_PAGE = 100_000
_MOST_PAGES = 100
_MISSING = "."


@dataclass(frozen=True)
class Vintage:
    """What was known of a date from one day to another, both inclusive; None: nothing."""

    date: Day
    realtime_start: Day
    realtime_end: Day
    value: Decimal | None


class Requests(Protocol):
    """What we need of `http.client.Upstream`."""

    def get(
        self,
        path: str,
        *,
        params: Parameters | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """GET a path."""
        ...


class _Row(msgspec.Struct):
    date: Day
    realtime_start: Day
    realtime_end: Day
    value: str


class _Page(msgspec.Struct):
    count: int
    offset: int
    observations: list[_Row]


_decode = msgspec.json.Decoder(_Page).decode


class Fred:
    """The API, for one process; safe to share between threads."""

    def __init__(self, upstream: Requests, *, api_key: str, page: int = _PAGE) -> None:
        self._upstream = upstream
        self._api_key = api_key
        self._page = page

    def vintages(self, series_id: str) -> list[Vintage]:
        """Everything that was ever known of a series.

        Raises:
            ContractError: what came is no page of observations.
            ConfigurationError: FRED does not know the key.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: see `Upstream.get`.
        """
        return [vintage for page in self._pages(series_id) for vintage in page]

    def _pages(self, series_id: str) -> Iterator[list[Vintage]]:
        offset = 0
        for _ in range(_MOST_PAGES):
            page = self._get(
                series_id=series_id, offset=offset, limit=self._page, sort_order="asc",
                realtime_start=FIRST_DAY.isoformat(), realtime_end=LAST_DAY.isoformat(),
            )  # fmt: skip
            yield [vintage_of(row, series_id) for row in page.observations]
            offset += len(page.observations)
            if offset >= page.count:
                return
            if not page.observations:
                raise ContractError(f"fred: {series_id}: an empty page before the last one")
        raise ContractError(f"fred: {series_id}: more than {_MOST_PAGES} pages")

    def _get(self, **params: str | int) -> _Page:
        secret: dict[str, Any] = {**params, "file_type": "json", "api_key": self._api_key}
        try:
            answer = self._upstream.get("/series/observations", params=secret)
        except UpstreamRefusedError as error:
            if error.status == 400 and "api_key" in error.body:
                raise ConfigurationError("FRED_API_KEY: FRED does not know this key") from None
            raise
        try:
            return _decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ContractError(f"fred: {params['series_id']}: no observations: {error}") from None


def vintage_of(row: _Row, series_id: str) -> Vintage:
    """A row as it is kept.

    Raises:
        ContractError: its value is neither a number nor missing.
    """
    value = None
    if row.value != _MISSING:
        try:
            value = Decimal(row.value)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise ContractError(f"fred: {series_id} of {row.date}: no number: {row.value[:40]!r}")
    return Vintage(row.date, row.realtime_start, row.realtime_end, value)


def open_upstream(engine: sa.Engine, configuration: Settings) -> Upstream:
    """FRED as it is configured; to be closed.

    Three failures within two minutes and it is left alone for two minutes.
    """
    usual = Patience.configured()
    patience = Patience(
        backoff=usual.backoff,
        retry_after_cap=usual.retry_after_cap,
        breaker_failures=configuration.fred_breaker_failures,
        breaker_cooldown=configuration.fred_breaker_cooldown,
        breaker_window=configuration.fred_breaker_window,
    )
    return Upstream(
        engine,
        name=NAME,
        base_url=configuration.fred_api_base_url,
        headers={},
        requests_per_minute=configuration.fred_requests_per_minute,
        timeout=min(configuration.http_timeout, timedelta(seconds=5)),
        patience=patience,
    )
