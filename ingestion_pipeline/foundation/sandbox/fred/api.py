"""FRED's API as it answers on the wire: `/fred/series`, `/fred/series/observations` and
`/fred/series/vintagedates`, in JSON.

As there: values are texts and `"."` is a missing one; without a period of real time everything is
of today; `count` is of all pages; more than 2000 vintage dates in a period, a wrong key and an
unknown series are all 400; the 121st request of a minute (unless the fault `unlimited` is on) is
429, without Retry-After. Unlike there: no XML, and no units but the series' own.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion_pipeline.foundation.sandbox.faults import Faults
from ingestion_pipeline.foundation.sandbox.fred import data as fred_data
from ingestion_pipeline.foundation.sandbox.fred.data import MISSING, SERIES, Row

_MOST = 100_000
_MOST_DATES = 2000  # in the real time of one request for observations
_DATES = 10_000  # that a page of them holds
_REQUESTS_A_MINUTE = 120
_KEYS = "Read https://fred.stlouisfed.org/docs/api/api_key.html for more information."


class _BadRequestError(Exception):
    """What FRED answers 400."""


@dataclass(frozen=True)
class Fred:
    """FRED; `key` is the key that it knows, `recent` when it answered last."""

    key: str
    faults: Faults
    recent: deque[float] = field(default_factory=deque)


def routes(fred: Fred) -> list[Route]:
    """What the application serves of it."""

    def answering(
        handle: Callable[[Fred, Request], dict[str, object]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if _is_too_often(fred, request):
                said = {
                    "error_code": 429,
                    "error_message": "Too Many Requests.  Exceeded Rate Limit",
                }
                return JSONResponse(said, 429)
            try:
                _check_key(fred, request)
                return JSONResponse(handle(fred, request))
            except _BadRequestError as error:
                message = f"Bad Request.  {error}"
                return JSONResponse({"error_code": 400, "error_message": message}, 400)

        return endpoint

    return [
        Route("/series/observations", answering(_observations)),
        Route("/series/vintagedates", answering(_vintage_dates)),
        Route("/series", answering(_series)),
    ]


def _observations(fred: Fred, request: Request) -> dict[str, object]:
    series_id = _series_id(request)
    start, end = _real_time(request)
    offset = _number(request, "offset", default=0, least=0, most=10**9)
    limit = _number(request, "limit", default=_MOST, least=1, most=_MOST)
    sort_order = request.query_params.get("sort_order", "asc")
    first = _day(request, "observation_start", date(1600, 1, 1))
    last = _day(request, "observation_end", fred_data.LAST_DAY)
    all_rows = _rows(fred, series_id, request)
    dates = len(fred_data.vintage_dates(all_rows, start, end))
    if dates > _MOST_DATES:
        raise _BadRequestError(
            f"There are {dates} vintage dates in the specified real-time period: "
            f"{start} to {end}.  "
            f"This exceeds the maximum number of vintage dates allowed ({_MOST_DATES})."
        )
    rows = [
        row for row in fred_data.known_between(all_rows, start, end) if first <= row.day <= last
    ]
    rows.sort(key=lambda row: (row.day, row.realtime_start), reverse=sort_order == "desc")
    return {
        "realtime_start": start.isoformat(),
        "realtime_end": end.isoformat(),
        "observation_start": first.isoformat(),
        "observation_end": last.isoformat(),
        "units": "lin",
        "output_type": 1,
        "file_type": "json",
        "order_by": "observation_date",
        "sort_order": sort_order,
        "count": len(rows),
        "offset": offset,
        "limit": limit,
        "observations": [
            {
                "realtime_start": row.realtime_start.isoformat(),
                "realtime_end": row.realtime_end.isoformat(),
                "date": row.day.isoformat(),
                "value": row.value,
            }
            for row in rows[offset : offset + limit]
        ],
    }


def _vintage_dates(fred: Fred, request: Request) -> dict[str, object]:
    series_id = _series_id(request)
    start = _day(request, "realtime_start", fred_data.FIRST_DAY)
    end = _day(request, "realtime_end", fred_data.LAST_DAY)
    offset = _number(request, "offset", default=0, least=0, most=10**9)
    limit = _number(request, "limit", default=_DATES, least=1, most=_DATES)
    dates = fred_data.vintage_dates(_rows(fred, series_id, request), start, end)
    return {
        "realtime_start": start.isoformat(),
        "realtime_end": end.isoformat(),
        "order_by": "vintage_date",
        "sort_order": "asc",
        "count": len(dates),
        "offset": offset,
        "limit": limit,
        "vintage_dates": [day.isoformat() for day in dates[offset : offset + limit]],
    }


def _series(fred: Fred, request: Request) -> dict[str, object]:
    series_id = _series_id(request)
    start, end = _real_time(request)
    about, rows = SERIES[series_id], _rows(fred, series_id, request)
    period = {"realtime_start": start.isoformat(), "realtime_end": end.isoformat()}
    return {
        **period,
        "seriess": [
            {
                "id": series_id,
                **period,
                "title": about.title,
                "observation_start": min(row.day for row in rows).isoformat(),
                "observation_end": max(row.day for row in rows).isoformat(),
                "frequency": about.frequency,
                "frequency_short": about.frequency[0],
                "units": about.units,
                "last_updated": f"{max(row.realtime_start for row in rows)} 07:54:01-05",
            }
        ],
    }


def _rows(fred: Fred, series_id: str, request: Request) -> list[Row]:
    today, path = _today(), request.url.path
    rows = fred_data.rows_of(series_id, today)
    if fred.faults.take("revised", path) == series_id:
        rows = fred_data.revised(rows, today)
    if fred.faults.take("revised_to_missing", path) == series_id:
        rows = fred_data.revised(rows, today, value=MISSING)
    return rows


def _is_too_often(fred: Fred, request: Request) -> bool:
    now = time.monotonic()
    while fred.recent and fred.recent[0] <= now - 60:
        fred.recent.popleft()
    if len(fred.recent) >= _REQUESTS_A_MINUTE:
        return fred.faults.take("unlimited", request.url.path) is None
    fred.recent.append(now)
    return False


def _check_key(fred: Fred, request: Request) -> None:
    given = request.query_params.get("api_key")
    if given is None:
        raise _BadRequestError(f"Variable api_key is not set.  {_KEYS}")
    if given != fred.key:
        raise _BadRequestError(f"The value for variable api_key is not registered.  {_KEYS}")
    if request.query_params.get("file_type") != "json":
        raise _BadRequestError("Variable file_type must be json: the sandbox speaks no XML.")


def _series_id(request: Request) -> str:
    series_id = request.query_params.get("series_id")
    if not series_id:
        raise _BadRequestError("Variable series_id is not set.")
    if series_id not in SERIES:
        raise _BadRequestError("The series does not exist.")
    return series_id


def _real_time(request: Request) -> tuple[date, date]:
    today = _today()
    start = _day(request, "realtime_start", today)
    end = _day(request, "realtime_end", today)
    if start > end:
        raise _BadRequestError("Variable realtime_start is after realtime_end.")
    return start, end


def _day(request: Request, name: str, default: date) -> date:
    text = request.query_params.get(name)
    try:
        return default if text is None else date.fromisoformat(text)
    except ValueError:
        raise _BadRequestError(f"Value of {name} is not a YYYY-MM-DD date string.") from None


def _number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise _BadRequestError(f"Variable {name} is not between {least} and {most}.")
    return int(text)


def _today() -> date:
    return datetime.now(UTC).date()
