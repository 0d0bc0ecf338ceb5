"""FRED's API as requests: a series with every vintage that it ever had.

Facts of the API: values are texts, `"."` is a missing one; a page holds at most 100,000; a wrong
key and an unknown series are both 400 and differ in their message only; 429 comes without
Retry-After. Asked for all of real time, it gives every row with the days on which it was known,
unless the series has more than 2000 vintage dates, as daily ones have: that is 400, too. Such a
series is asked for in periods.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import (
    LAST_DAY,
    Day,
    Period,
    Vintage,
    joined,
    periods,
)
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    UpstreamRefusedError,
)
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.upstreams.client import Answer, Parameters, Patience, Upstream

NAME = "fred"  # of the rate limit and of the breaker

_PAGE = 100_000
_DATES = 10_000  # vintage dates that a page holds
_MOST_PAGES = 100
# Below FRED's 2000: the newest period may have got another vintage since we asked for the dates.
_MOST_DATES = 1900
_TOO_MANY_DATES = "maximum number of vintage dates"  # so FRED says it
_MISSING = "."
_MOST_DIGITS = 40  # before or behind the point: 1E+999999 is a value to Python, to nobody else


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


class _Head(msgspec.Struct, kw_only=True):
    """What every page says of itself; the real time and the limit that were asked for, usually."""

    count: int
    offset: int
    limit: int | None = None
    realtime_start: Day | None = None
    realtime_end: Day | None = None


class _Page(_Head, kw_only=True):
    observations: list[_Row]


class _Dates(_Head, kw_only=True):
    vintage_dates: list[Day]


_Answer = TypeVar("_Answer", _Page, _Dates)


class Fred:
    """The API, for one process; safe to share between threads."""

    def __init__(
        self,
        upstream: Requests,
        *,
        api_key: str,
        page: int = _PAGE,
        most_dates: int = _MOST_DATES,
    ) -> None:
        self._upstream = upstream
        self._api_key = api_key
        self._page = page
        self._most_dates = most_dates

    def vintages(self, series_id: str) -> list[Vintage]:
        """Everything that was ever known of a series.

        Raises:
            ContractError: what came is no page of observations.
            ConfigurationError: FRED does not know the key.
            UpstreamRefusedError, UpstreamUnavailableError, CircuitOpenError: see `Upstream.get`.
        """
        try:
            found = self._within(series_id, Period())
        except UpstreamRefusedError as error:
            if _TOO_MANY_DATES not in error.body:
                raise
            parts = periods(self._dates(series_id), most=self._most_dates)
            found = joined((period, self._within(series_id, period)) for period in parts)
        if found and all(each.realtime_end < LAST_DAY for each in found):
            raise ContractError(f"fred: {series_id}: no observation that holds today")
        return found

    def _within(self, series_id: str, period: Period) -> list[Vintage]:
        pages = self._pages("observations", _Page, series_id, period, limit=self._page)
        found = [vintage_of(row, series_id) for page in pages for row in page.observations]
        values: dict[tuple[Day, Day], Decimal | None] = {}
        for each in found:
            if values.setdefault((each.date, each.realtime_start), each.value) != each.value:
                raise ContractError(
                    f"fred: {series_id} of {each.date}: two values of {each.realtime_start}"
                )
        return found

    def _dates(self, series_id: str) -> list[Day]:
        pages = self._pages("vintagedates", _Dates, series_id, Period(), limit=_DATES)
        return [day for page in pages for day in page.vintage_dates]

    def _pages(
        self, what: str, shape: type[_Answer], series_id: str, period: Period, *, limit: int
    ) -> Iterator[_Answer]:
        offset, count = 0, None
        for _ in range(_MOST_PAGES):
            page = self._get(
                what, shape, series_id=series_id, offset=offset, limit=limit, sort_order="asc",
                realtime_start=period.start.isoformat(), realtime_end=period.end.isoformat(),
            )  # fmt: skip
            number = len(page.observations if isinstance(page, _Page) else page.vintage_dates)
            most = min(limit, page.limit or limit)
            expected = min(most, page.count - offset)
            if page.offset != offset or count not in (None, page.count) or number != expected:
                raise ContractError(
                    f"fred: {series_id}: {number} {what} of {page.count} from {page.offset} on "
                    f"came; {expected} of {count or page.count} from {offset} on should have"
                )
            if isinstance(page, _Page) and (
                (page.realtime_start or period.start) > period.start
                or (page.realtime_end or period.end) < period.end
            ):
                raise ContractError(
                    f"fred: {series_id}: an answer of {page.realtime_start} to "
                    f"{page.realtime_end}; asked was {period.start} to {period.end}"
                )
            yield page
            offset, count = offset + number, page.count
            if offset >= count:
                return
        raise ContractError(f"fred: {series_id}: more than {_MOST_PAGES} pages")

    def _get(self, what: str, shape: type[_Answer], **params: str | int) -> _Answer:
        secret: dict[str, Any] = {**params, "file_type": "json", "api_key": self._api_key}
        try:
            answer = self._upstream.get(f"/series/{what}", params=secret)
        except UpstreamRefusedError as error:
            if error.status == 400 and "api_key" in error.body:
                raise ConfigurationError("FRED_API_KEY: FRED does not know this key") from None
            raise
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ContractError(f"fred: {params['series_id']}: no {what}: {error}") from None


def vintage_of(row: _Row, series_id: str) -> Vintage:
    """A row as it is kept.

    Raises:
        ContractError: its value is neither a number nor missing, or it ends before it begins.
    """
    value = None
    if row.realtime_end < row.realtime_start:
        raise ContractError(f"fred: {series_id} of {row.date}: ends before it begins")
    if row.value != _MISSING:
        try:
            value = Decimal(row.value if row.value.isascii() and "_" not in row.value else "NaN")
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
            raise ContractError(f"fred: {series_id} of {row.date}: no number: {row.value[:40]!r}")
    return Vintage(row.date, row.realtime_start, row.realtime_end, value)


def open_upstream(engine: sa.Engine, configuration: Settings) -> Upstream:
    """FRED as it is configured; to be closed.

    Three failures within two minutes and it is left alone for two minutes.
    """
    usual = Patience.configured(configuration)
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
