"""ACE IoT as the live API answers, its oddities included.

After its own description (swagger) and what its vendor's client reads. A wrong key is a 500, an
unknown site a 403, nothing in a window a 404, and values are texts.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
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
from ingestion_pipeline.foundation.sandbox.ace_iot.answers import Ace, page_of, writer_of
from ingestion_pipeline.foundation.sandbox.ace_iot.data import Block
from ingestion_pipeline.foundation.sandbox.ace_iot.pages import live_writer
from ingestion_pipeline.foundation.sandbox.ace_iot.requests import (
    BadParameterError,
    page_size_of,
    window_of,
)

PAGE_SIZES = (3, 10, 50, 100, 500, 1000, 5000, 10000, 50000, 100000, 300000, 500000)
PER_PAGE = (2, 10, 20, 30, 40, 50, 100, 500, 1000, 5000, 10000, 100000)
WEATHER = (
    "temp", "feels_like", "pressure", "humidity", "dew_point", "clouds", "wind_speed", "wind_deg",
    "wet_bulb",
)  # fmt: skip
Endpoint = Callable[[Request], Awaitable[Response]]


class _Unknown(Exception):  # noqa: N818 - an answer, not an error
    """Something of that name is not there, or nobody may know that it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def routes(ace: Ace) -> list[Route]:
    """Everything under the base URL; a point's name holds slashes."""
    everything: dict[str, Callable[[Ace, Request], Awaitable[Response]]] = {
        "/sites": _sites,
        "/sites/": _sites,
        "/sites/{site}": _site,
        "/sites/{site}/points": _points,
        "/sites/{site}/configured_points": _points,
        "/sites/{site}/timeseries": _whole_window,
        "/sites/{site}/timeseries/paginated": _time_series,
        "/sites/{site}/weather": _weather,
        "/points/{point:path}/timeseries": _time_series_of_point,
        "/points/{point:path}": _point,
    }
    gets = [Route(path, _guarded(ace, work)) for path, work in everything.items()]
    post = Route("/points/get_timeseries", _guarded(ace, _time_series_of_points), methods=["POST"])
    return [post, *gets]


def _guarded(ace: Ace, work: Callable[[Ace, Request], Awaitable[Response]]) -> Endpoint:
    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization")
        if not given:
            return JSONResponse({"message": "Missing Authorization Header"}, 401)
        if given != f"Bearer {ace.key}":
            return JSONResponse({"message": "Internal Server Error"}, 500)
        try:
            return await work(ace, request)
        except BadParameterError as error:
            fault = {"errors": {error.parameter: str(error)}}
            return JSONResponse(fault | {"message": "Input payload validation failed"}, 400)
        except _Unknown as unknown:
            return JSONResponse({"message": str(unknown)}, unknown.status)

    return guarded


async def _sites(ace: Ace, request: Request) -> Response:
    items = [ace_points.site_of(ace.data, site) for site in ace.data.sites]
    size = _one_of(request, "per_page", PER_PAGE, default=10)
    page = page_size_of(request, "page", default=1)
    return JSONResponse(ace_points.page_of(items, page=page, size=size))


async def _site(ace: Ace, request: Request) -> Response:
    return JSONResponse(ace_points.site_of(ace.data, _known_site(ace, request)))


async def _points(ace: Ace, request: Request) -> Response:
    return JSONResponse(
        ace_points.page_of_points(
            ace.data,
            _known_site(ace, request),
            page=page_size_of(request, "page", default=1),
            size=_one_of(request, "per_page", PER_PAGE, default=10),
            configured=request.url.path.endswith("/configured_points"),
        )
    )


async def _point(ace: Ace, request: Request) -> Response:
    site, number = _known_point(ace, request.path_params["point"])
    name = request.path_params["point"]
    return JSONResponse(ace_points.point_of(ace.data, site, number, name))


async def _time_series(ace: Ace, request: Request) -> Response:
    site = _known_site(ace, request)
    size = _one_of(request, "page_size", PAGE_SIZES, default=10_000)
    raw = request.query_params.get("raw_data", "false").lower() == "true"
    answered = page_of(ace, request, site, size=size, buckets=not raw, writer=live_writer)
    if answered.not_found:
        raise _Unknown(404, "No data for time period")
    rest = {"next_cursor": answered.cursor, "has_more": answered.cursor is not None}
    body = b'{"point_samples":[' + answered.records + b"]," + json.dumps(rest).encode()[1:]
    return Response(body, media_type="application/json")


async def _whole_window(ace: Ace, request: Request) -> Response:
    return _samples_of(ace, request, {_known_site(ace, request): None})


async def _time_series_of_point(ace: Ace, request: Request) -> Response:
    site, number = _known_point(ace, request.path_params["point"])
    return _samples_of(ace, request, {site: [number]})


async def _time_series_of_points(ace: Ace, request: Request) -> Response:
    wanted: dict[str, list[int] | None] = {}
    for point in (await request.json())["points"]:
        # The description says objects with a name, the vendor's client sends names.
        site, number = _known_point(ace, point["name"] if isinstance(point, dict) else point)
        wanted[site] = [*(wanted.get(site) or []), number]
    return _samples_of(ace, request, wanted)


def _samples_of(ace: Ace, request: Request, wanted: dict[str, list[int] | None]) -> Response:
    """All samples in the window of some points, None: of all points of the site."""
    start, end = window_of(request)
    damage = ace.damage(request.url.path)
    parts = []
    for site, numbers in wanted.items():
        blocks = list(ace.data.blocks(site, start, end, damage=damage))
        if numbers is not None:
            blocks = [_only(block, numbers) for block in blocks]
        parts.append(writer_of(ace.data, site, live_writer).records(blocks, damage))
    body = b'{"point_samples":[' + b",".join(part for part in parts if part) + b"]}"
    return Response(body, media_type="application/json")


def _only(block: Block, numbers: list[int]) -> Block:
    return block.where(sum(block.points == number for number in numbers) > 0)


async def _weather(ace: Ace, request: Request) -> Response:
    site = _known_site(ace, request)
    if ace.faults.take("no_weather", request.url.path) is not None:
        return JSONResponse({"weather": dict.fromkeys(WEATHER)}, 404)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return JSONResponse({"weather": _last_known(ace, site, hour)})


def _last_known(ace: Ace, site: str, hour: datetime) -> dict[str, Any]:
    """The newest values, as texts like all values; each member has an instant of its own."""
    now = ace_weather.at(ace.data.seed, site, hour)
    values = {
        "temp": now.temperature,
        "feels_like": round(now.temperature - now.wind_speed / 2, 1),
        "pressure": 1013.0,
        "humidity": now.humidity,
        "dew_point": round(now.temperature - (100 - now.humidity) / 5, 1),
        "clouds": {"clear": 0.0, "clouds": 70.0, "rain": 95.0, "fog": 100.0}[now.conditions],
        "wind_speed": now.wind_speed,
        "wind_deg": float(hour.hour * 15),
        "wet_bulb": round(now.temperature - 1.5, 1),
    }
    naive = hour.replace(tzinfo=None)
    return {
        name: {
            "name": f"sandbox/{site}/weather/{name}",
            "value": str(values[name]),
            "time": (naive - timedelta(minutes=place % 3 * 5)).isoformat(),
        }
        for place, name in enumerate(WEATHER)
    }


def _known_site(ace: Ace, request: Request) -> str:
    site: str = request.path_params["site"]
    if site not in ace.data.sites:
        raise _Unknown(403, "You do not have permission to access this site")
    return site


def _known_point(ace: Ace, name: str) -> tuple[str, int]:
    site = name.split("/")[1] if name.count("/") > 1 else ""
    names = ace.data.points(site) if site in ace.data.sites else []
    if name not in names:
        raise _Unknown(404, "Point not found.")
    return site, names.index(name)


def _one_of(request: Request, parameter: str, allowed: tuple[int, ...], *, default: int) -> int:
    text = request.query_params.get(parameter, str(default))
    if text not in map(str, allowed):
        raise BadParameterError(parameter, f"Must be one of {', '.join(map(str, allowed))}")
    return int(text)
