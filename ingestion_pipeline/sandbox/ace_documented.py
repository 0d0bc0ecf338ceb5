"""ACE IoT as the design documents describe it."""

import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion_pipeline.sandbox import ace_points, ace_weather
from ingestion_pipeline.sandbox.ace_answers import Ace, page_of, total_of
from ingestion_pipeline.sandbox.ace_pages import documented_writer
from ingestion_pipeline.sandbox.ace_requests import BadParameterError, page_size_of, window_of

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
        body = b'{"data":[' + answered.records + b"]," + json.dumps(rest).encode()[1:]
        return Response(body, media_type="application/json")

    async def points(request: Request) -> Response:
        configured = request.url.path.endswith("/configured_points")
        size = page_size_of(request, "per_page", default=10)
        page = page_size_of(request, "page", default=1)
        site = request.path_params["site"]
        return JSONResponse(
            ace_points.page_of_points(ace.data, site, page=page, size=size, configured=configured)
        )

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
