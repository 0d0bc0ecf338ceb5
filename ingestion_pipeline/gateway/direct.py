"""The way of most requests: a path without parameters, straight to its endpoint.

The same endpoints and the same answers to errors as through FastAPI, whose routing and middleware
take as much time as all of our own work on a reading.
"""

from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from ingestion_pipeline.gateway.errors import answer_to
from ingestion_pipeline.gateway.openapi import Endpoint


class Direct:
    """ASGI that looks exact paths up in a table, and leaves all else to the application."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._routes = {
            (method, route.path): route
            for route in app.routes
            if isinstance(route, Endpoint) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        route = self._routes.get((scope["method"], scope["path"])) if "path" in scope else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["app"], scope["route"] = self.app, route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except Exception as error:  # noqa: BLE001  (it is answered, and a defect is logged)
            response = await answer_to(request, error)
        await response(scope, receive, send)
