"""The gateway answers as `/openapi.json` says, whatever is sent: generated requests, no 5xx."""

from typing import Any

import pytest
import schemathesis
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline_tests.gateway.running import RunningGateway

pytestmark = pytest.mark.slow
load_all_checks()

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


# Without these, orders with credentials and webhooks are a 503.
GATEWAY_ENVIRONMENT = {
    "WEBHOOK_SECRETS": "a secret",
    "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
}

RAW: dict[str, Any] = create_app(Settings(), routers=registry.routers()).app.app.openapi()  # type: ignore[attr-defined]
schema = schemathesis.openapi.from_dict(RAW)


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_endpoint_answers_as_it_is_described(
    case: schemathesis.Case, gateway: RunningGateway
) -> None:
    headers = {"X-API-Key": gateway.shared_key}
    case.call_and_validate(base_url=gateway.url, headers=headers, checks=CHECKS)


def test_every_endpoint_is_described_with_what_it_does() -> None:
    for path, operations in RAW["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            body = operation.get("requestBody", {}).get("content", {})
            assert "application/json" not in body or body["application/json"]["examples"], where
