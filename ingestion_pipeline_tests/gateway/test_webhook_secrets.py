"""Tenants' own signing secrets: made by command, known to a running gateway, both schemes."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.cli.local.secrets import local_secrets, with_kept_keys
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.ledger import signing_secrets, tenants
from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.trust import webhook_secrets
from ingestion_pipeline.gateway.trust.signatures import key_of
from ingestion_pipeline_tests.domains.markets.builders import fundamentals_event
from ingestion_pipeline_tests.gateway.running import ServingGateway, serving

PATH = "/api/ingest/webhook"
FROM_ENVIRONMENT = "a secret of the environment"
_numbers = iter(range(1_000))


@pytest.fixture
def gateway(
    configured: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServingGateway]:
    """A gateway that looks the secrets up again at once, and a shell with its keys."""
    keys = new_key()
    monkeypatch.setenv("CREDENTIAL_KEYS", keys)
    monkeypatch.setattr(webhook_secrets, "FRESH_SECONDS", 0.0)
    settings.cache_clear()
    with serving(
        database_url, CREDENTIAL_KEYS=keys, WEBHOOK_SECRETS=f"envied:{FROM_ENVIRONMENT}"
    ) as running:
        for name in ("acme", "other"):
            with running.engine.begin() as connection:
                tenants.ensure(connection, name)
        yield running


def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["tenants", "signing-secret", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def new_secret(*arguments: str) -> str:
    made: str = json.loads(command(*arguments, "--json"))["signing_secret"]
    return made


def post(gateway: ServingGateway, secret: str, *, standard: bool = False) -> httpx.Response:
    body = json.dumps({**fundamentals_event(), "nonce": next(_numbers)})
    now = datetime.now(UTC).replace(microsecond=0)
    if standard:
        headers = {
            "webhook-id": f"msg_{next(_numbers)}", "webhook-timestamp": f"{now.timestamp():.0f}",
        }  # fmt: skip
        signature = Webhook(secret).sign(headers["webhook-id"], now, body)
        headers["webhook-signature"] = signature
    else:
        headers = own_scheme(body.encode(), secret)
    return httpx.post(gateway.url + PATH, content=body, headers=headers, timeout=30)


def own_scheme(body: bytes, secret: str) -> dict[str, str]:
    at = f"{time.time():.0f}"
    digest = hmac.new(key_of(secret), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Timestamp": at, "X-Signature": f"sha256={digest}"}


def senders(gateway: ServingGateway) -> list[str]:
    query = "SELECT name FROM ingestion_events JOIN tenants USING (tenant_id) ORDER BY received_at"
    with gateway.engine.connect() as connection:
        return list(connection.scalars(sa.text(query)))


def test_a_tenant_needed_a_secret_edited_and_a_restart(gateway: ServingGateway) -> None:
    unknown = post(gateway, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    secret = new_secret("acme")
    assert unknown.status_code == 401
    assert secret.startswith("whsec_")
    assert post(gateway, secret).status_code == 202
    assert post(gateway, secret, standard=True).status_code == 202
    assert post(gateway, FROM_ENVIRONMENT).status_code == 202  # goes on
    others = new_secret("other")
    assert post(gateway, others).status_code == 202
    assert senders(gateway) == ["acme", "acme", "envied", "other"]


def test_a_second_secret_is_made_by_rotating_and_the_first_goes_on_for_the_overlap(
    gateway: ServingGateway,
) -> None:
    first = new_secret("acme")
    refused = CliRunner().invoke(app, ["tenants", "signing-secret", "acme"])
    assert isinstance(refused.exception, ContractError | SystemExit)
    second = new_secret("acme", "--rotate")
    assert [post(gateway, each).status_code for each in (first, second)] == [202, 202]
    third = new_secret("acme", "--rotate", "--overlap-hours", "0")
    codes = [post(gateway, each).status_code for each in (first, second, third)]
    assert codes == [401, 401, 202]


def test_a_revoked_secret_is_refused(gateway: ServingGateway) -> None:
    first = new_secret("acme")
    second = new_secret("acme", "--rotate")
    others = new_secret("other")
    assert "2 signing secrets revoked" in command("acme", "--revoke")
    codes = [post(gateway, each).status_code for each in (first, second, others)]
    assert codes == [401, 401, 202]


def test_a_secret_is_nowhere_in_plain(
    gateway: ServingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = new_secret("acme")
    answers = [post(gateway, secret).text, post(gateway, secret, standard=True).text]
    with gateway.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT signing_secrets::text FROM signing_secrets")
        places = [caplog.text, *answers, *stored.scalars()]
    assert not any(secret.removeprefix("whsec_")[:20] in place for place in places)


def test_a_secret_whose_key_is_gone_costs_its_tenant_only(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = (Settings(credential_keys=SecretStr(new_key())) for _ in range(2))
    with engine.begin() as connection:
        for name, configuration in (("lost", old), ("kept", new)):
            tenant_id = tenants.ensure(connection, name)
            signing_secrets.issue(connection, configuration, tenant_id)
        assert list(signing_secrets.in_force(connection, new).by_tenant) == ["kept"]
    assert "the signing secret of lost can't be read" in caplog.text


def test_keys_can_be_changed_without_new_secrets(engine: sa.Engine, tenant_id: int) -> None:
    old, new = new_key(), new_key()
    with engine.begin() as connection:
        before = Settings(credential_keys=SecretStr(old))
        secret = signing_secrets.issue(connection, before, tenant_id)
        both = Settings(credential_keys=SecretStr(f"{new},{old}"))
        assert signing_secrets.reseal(connection, both) == 1
        after = signing_secrets.in_force(connection, Settings(credential_keys=SecretStr(new)))
    assert after.by_tenant == {"acme": (secret,)}


def test_without_keys_no_secret_is_made(engine: sa.Engine, tenant_id: int) -> None:
    with (
        engine.begin() as connection,
        pytest.raises(ConfigurationError, match="CREDENTIAL_KEYS is not set"),
    ):
        signing_secrets.issue(connection, Settings(credential_keys=None), tenant_id)


def test_another_shell_finds_the_keys_that_up_has_made(tmp_path: Path) -> None:
    there = Settings(ingestion_home=tmp_path)
    assert with_kept_keys(there).credential_keys is None
    made = local_secrets(there)
    found = with_kept_keys(there).credential_keys
    assert found is not None
    assert found.get_secret_value() == made["CREDENTIAL_KEYS"]
    elsewhere = there.model_copy(update={"database_url": SecretStr("postgresql://elsewhere/x")})
    assert with_kept_keys(elsewhere).credential_keys is None
