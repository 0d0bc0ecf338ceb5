"""ACE IoT as the design documents describe it."""

import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion_pipeline.foundation.sandbox.ace_iot import (
    points as ace_points,
)
from ingestion_pipeline.foundation.sandbox.ace_iot import (
    weather as ace_weather,
)
from ingestion_pipeline.foundation.sandbox.ace_iot.answers import Ace, page_of, total_of
from ingestion_pipeline.foundation.sandbox.ace_iot.pages import documented_writer
from ingestion_pipeline.foundation.sandbox.ace_iot.requests import (
    BadParameterError,
    page_size_of,
    window_of,
)

_PAGE_SIZE = 100_000
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(ace: Ace) -> list[Route]:
    """Everything under the base URL."""

    async def time_series(request: Request) -> Response:
        site = request.path_params["site"]
        size = page_size_of(request, "page_size", default=_PAGE_SIZE)
        answered = page_of(ace, request, site, size=size, buckets=False, writer=documented_writer)
        total = 0
        if not answered.not_found and answered.records:
            total = total_of(ace.data, site, *window_of(request), answered.damage)
        rest = {
            "pagination": {
                "next_cursor": answered.cursor,
                "has_more": answered.cursor is not None,
            },
            "total_count": total,
        }
        records = _spoiled(ace, request.url.path, answered.records)
        body = b'{"data":[' + records + b"]," + json.dumps(rest).encode()[1:]
        return Response(body, media_type="application/json")

    async def points(request: Request) -> Response:
        configured = request.url.path.endswith("/configured_points")
        size = page_size_of(request, "per_page", default=10)
        page = page_size_of(request, "page", default=1)
        site = request.path_params["site"]
        cut = ace.faults.take("points_cut", request.url.path)
        found = ace_points.page_of_points(
            ace.data, site, page=page, size=int(cut or size), configured=configured
        )
        if cut is not None:
            del found["pages"]
        return JSONResponse(found)

    async def weather(request: Request) -> Response:
        site = request.path_params["site"]
        if ace.faults.take("no_weather", request.url.path) is not None:
            return JSONResponse({"data": []})
        start, end = window_of(request)
        found = ace_weather.observations(ace.data.seed, site, start, end)
        return JSONResponse({"data": [_observation(each) for each in found]})

    return [
        Route("/sites/{site}/timeseries/paginated", _guarded(ace, time_series)),
        Route("/sites/{site}/points", _guarded(ace, points)),
        Route("/sites/{site}/configured_points", _guarded(ace, points)),
        Route("/sites/{site}/weather", _guarded(ace, weather)),
    ]


def _spoiled(ace: Ace, path: str, records: bytes) -> bytes:
    """The records with the faults that spoil them in the documented dialect."""
    if ace.faults.take("milliseconds", path) is not None:
        records = re.sub(rb'"timestamp":"([^"]*)"', _in_milliseconds, records)
    quality = ace.faults.take("bad_quality", path)
    if quality is not None:
        records = records.replace(b'"quality":"good"', b'"quality":' + json.dumps(quality).encode())
    unit = ace.faults.take("other_unit", path)
    if unit is not None:
        records = re.sub(rb'"unit":"[^"]*"', b'"unit":' + json.dumps(unit).encode(), records)
    return records


def _in_milliseconds(found: re.Match[bytes]) -> bytes:
    instant = datetime.fromisoformat(found[1].decode())
    return b'"timestamp":%d' % (instant.timestamp() * 1000)


def _guarded(ace: Ace, endpoint: Endpoint) -> Endpoint:
    """401 without the key, 404 for a site that is not there, 400 for a bad parameter."""

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {ace.key}".encode()):
            return JSONResponse({"error": "unauthorized"}, 401)
        if request.path_params["site"] not in ace.data.sites:
            return JSONResponse({"error": "no such site"}, 404)
        try:
            return await endpoint(request)
        except BadParameterError as error:
            return JSONResponse({"error": f"{error.parameter} {error}"}, 400)

    return guarded


def _observation(found: ace_weather.Observation) -> dict[str, Any]:
    return {
        "timestamp": _zulu(found.time),
        "temperature": found.temperature,
        "humidity": found.humidity,
        "precipitation": found.precipitation,
        "wind_speed": found.wind_speed,
        "conditions": found.conditions,
    }


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
