"""The sandbox as one application: upstreams side by side, faults, counts.

    /ace/documented/api    ACE IoT as documented         base URLs, to be given to a client;
    /ace/live/api          ACE IoT as it answers         also without the /api
    /fred                  FRED
    /gumroad               Gumroad: base URL /gumroad/v2
    /faults                GET what is on; POST {"name", "argument", "path", "times"}; DELETE all
    /counts                GET requests served by path; DELETE starts again
    /livez                 is it there?

A further upstream is a module with `routes` and one line here.
"""

from collections import Counter

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.sandbox.ace_iot import (
    documented as ace_documented,
)
from ingestion_pipeline.foundation.sandbox.ace_iot import (
    live as ace_live,
)
from ingestion_pipeline.foundation.sandbox.ace_iot.answers import Ace, KeptPages
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline.foundation.sandbox.chat import api as chat
from ingestion_pipeline.foundation.sandbox.faults import Faults
from ingestion_pipeline.foundation.sandbox.faulty import Faulty
from ingestion_pipeline.foundation.sandbox.fred import api as fred
from ingestion_pipeline.foundation.sandbox.gumroad import api as gumroad_api


def create_app(data: AceData, *, key: str, faults: Faults, keep_pages: int) -> Starlette:
    """The application; nothing in it is secured but what the upstreams secure."""
    served: Counter[str] = Counter()
    ace = Ace(data, key, faults, KeptPages(keep_pages))
    federal_reserve = fred.Fred(key, faults)

    def failing(routes: list[Route]) -> ASGIApp:
        return Faulty(Starlette(routes=routes), faults=faults, served=served)

    async def switch(request: Request) -> Response:
        if request.method == "DELETE":
            faults.switch_off()
        elif request.method == "POST":
            try:
                faults.switch_on(**await request.json())
            except (ConfigurationError, TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(faults.as_dict())

    async def counts(request: Request) -> Response:
        if request.method == "DELETE":
            served.clear()
            federal_reserve.recent.clear()
        return JSONResponse({"requests": served.total(), "by_path": dict(served)})

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    documented, live = failing(ace_documented.routes(ace)), failing(ace_live.routes(ace))
    return Starlette(
        routes=[
            Mount("/ace/documented/api", documented),
            Mount("/ace/documented", documented),
            Mount("/ace/live/api", live),
            Mount("/ace/live", live),
            Mount("/fred", failing(fred.routes(federal_reserve))),
            Mount("/gumroad", failing(gumroad_api.routes(key, faults))),
            Mount("/chat", failing(chat.routes(key, faults))),
            Route("/faults", switch, methods=["GET", "POST", "DELETE"]),
            Route("/counts", counts, methods=["GET", "DELETE"]),
            Route("/livez", alive),
        ]
    )
