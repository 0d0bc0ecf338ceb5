"""`tenants credentials`: stored, listed, forgotten; `sources check` says which are there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.components.test_http_series import ATTRIBUTES, write

SECRET = "s3cr3t-of-the-plant"


@pytest.fixture
def folder(
    tmp_path: Path, configured: Settings, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path / "defs"))
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    settings.cache_clear()
    yield tmp_path / "defs"
    settings.cache_clear()


def run(*words: str, given: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*words], input=given)
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def test_a_credential_is_stored_listed_by_name_and_forgotten(
    folder: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = ATTRIBUTES.replace("URL", "https://api.example.com")
    auth = "{type: basic, user_secret: PLANT_USER, secret: {stored: plant_token}}"
    write(folder, flow=url.replace("{type: bearer, secret: PLANT_TOKEN}", auth))
    said = run("sources", "check")
    assert "1 file is sound" in said
    assert "plant/readings: PLANT_USER is not set here" in said
    assert "plant/readings: plant_token of acme is not stored" in said
    run("tenants", "credentials", "set", "acme", "plant_token", given="first\n")
    run("tenants", "credentials", "set", "acme", "plant_token", given=f"{SECRET}\n")
    monkeypatch.setenv("PLANT_USER", "me")
    listed = run("tenants", "credentials", "list", "acme", "--json")
    assert [each["name"] for each in json.loads(listed)] == ["plant_token"]
    said = run("sources", "check") + run("tenants", "credentials", "list", "acme") + listed
    assert "PLANT_USER is set here" in said
    assert "plant_token of acme is stored" in said
    assert SECRET not in said
    assert json.loads(run("sources", "check", "--json"))["secrets"] == [
        {"source": "plant/readings", "stored": "plant_token", "is_there": True},
        {"source": "plant/readings", "env": "PLANT_USER", "is_there": True},
    ]
    assert "1 credentials are under the first key" in run("tenants", "reseal")
    with engine.connect() as connection:
        assert SECRET not in connection.exec_driver_sql("SELECT sealed FROM tenant_credentials")
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    settings.cache_clear()
    assert "can't be read: a credential was encrypted under a key" in run("sources", "check")
    assert "is forgotten" in run("tenants", "credentials", "remove", "acme", "plant_token")
    assert "had no plant_token" in run("tenants", "credentials", "remove", "acme", "plant_token")
    run("tenants", "credentials", "set", "nobody", "plant_token", given=SECRET, code=1)
