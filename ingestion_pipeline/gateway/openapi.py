"""What `/openapi.json` says of an endpoint, beside its code.

Bodies are read by the endpoints themselves (front.py says in which order), so FastAPI can't derive
their schemas from a signature; `described` states them.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ingestion_pipeline.gateway.answers import ErrorAnswer

# The status codes of most refusals; an endpoint adds its own.
READS = (401, 404, 429, 503)
WRITES = (400, 401, 408, 413, 415, 422, 429, 503)

_REFUSALS = {
    400: "Not JSON, or a header or parameter is missing or malformed.",
    401: "No valid credential.",
    403: "The credential does not allow this.",
    404: "There is none, or it is somebody else's.",
    408: "The body did not come in time.",
    409: "The first request of this key is still under way, or the range overlaps another.",
    413: "The body is too large.",
    415: "The encoding is not supported.",
    422: "It breaks the contract; every field at fault is listed.",
    429: "Too many requests; `Retry-After` says when.",
    503: "The store can't be reached; nothing was written. `Retry-After` says when to try again.",
}
_SECURITY: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The API key, or the cron secret",
    },
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_bodies: dict[str, type[BaseModel]] = {}


class Endpoint(APIRoute):
    """A route whose endpoint takes the request and the texts in its path, and nothing else.

    FastAPI's own handler would look for parameters and dependencies that our endpoints do not
    have, in as much time as all the rest takes.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        if not self.param_convertors:
            return endpoint

        async def with_path(request: Request) -> Response:
            return await endpoint(request, **request.path_params)

        return with_path


def router_of(tag: str) -> APIRouter:
    """The router of a wing's endpoints: `async def endpoint(request, …texts of the path)`."""
    return APIRouter(tags=[tag], route_class=Endpoint)


def described(
    *,
    summary: str,
    answers: Mapping[int, type[BaseModel] | str],
    refusals: tuple[int, ...],
    body: type[BaseModel] | None = None,
    examples: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    shapes: tuple[type[BaseModel], ...] = (),
    parameters: list[dict[str, Any]] | None = None,
    secured: bool = True,
    unwell: Mapping[int, type[BaseModel]] | None = None,
) -> dict[str, Any]:
    """Keyword arguments for `router.get(…)` and its like.

    Args:
        summary: one line; the docstring of the endpoint is the description.
        answers: the shape of every 2xx answer, or the media type of one that is not JSON.
        refusals: the status codes of the others.
        body: the shape of the JSON body.
        examples: of the body, by name.
        content: in place of `body`, for bodies that are not JSON, or come in several ways.
        shapes: what `content` refers to.
        parameters: of the query or among the headers.
        secured: whether a credential is needed.
        unwell: the shape of every other answer that is no refusal but a document of its own.
    """
    extra: dict[str, Any] = {}
    _bodies.update({shape.__name__: shape for shape in shapes})
    if body is not None:
        _bodies[body.__name__] = body
        media: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}
        if examples:
            media["examples"] = {name: {"value": value} for name, value in examples.items()}
        content = {"application/json": media}
    if content is not None:
        extra["requestBody"] = {"required": True, "content": dict(content)}
    if parameters:
        extra["parameters"] = parameters
    if secured:
        extra["security"] = [{"apiKey": []}, {"bearer": []}]
    responses: dict[int, dict[str, Any]] = {}
    for status, shape in answers.items():
        said: dict[str, Any] = (
            {"content": {shape: {}}} if isinstance(shape, str) else {"model": shape}
        )
        responses[status] = {"description": "Accepted." if status == 202 else "Done.", **said}
    for status, document in (unwell or {}).items():
        responses[status] = {"model": document, "description": "The same, when it is not well."}
    for status in sorted(refusals):
        responses[status] = {"model": ErrorAnswer, "description": _REFUSALS[status]}
        if status in (429, 503):
            responses[status]["headers"] = _RETRY_AFTER
    return {
        "summary": summary,
        "status_code": min(answers),
        "response_model": None,
        "responses": responses,
        "openapi_extra": extra,
    }


def install(app: FastAPI) -> None:
    """Let the app's schema hold the bodies that `described` has named, and the credentials."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            components = made.setdefault("components", {})
            _, definitions = models_json_schema(
                [(model, "validation") for model in _bodies.values()],
                ref_template="#/components/schemas/{model}",
            )
            components.setdefault("schemas", {}).update(definitions.get("$defs", {}))
            components["securitySchemes"] = _SECURITY
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]
