"""`/api/receipts` answers as it is described, whatever it is asked."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline.outlets.dashboards.routes import router as pages_router
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting

RAW: dict[str, Any] = create_app(
    Settings(), routers=(*registry.routers(), pages_router)
).app.app.openapi()  # type: ignore[attr-defined]
schema = schemathesis.openapi.from_dict(RAW).include(path_regex="^/api/receipts")
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_endpoint_answers_as_it_is_described(
    case: schemathesis.Case, pages: PagesServer, visitor: Visiting
) -> None:
    headers = {"X-API-Key": visitor.api_key}
    case.call_and_validate(base_url=pages.url, headers=headers, checks=CHECKS)
