"""The system on one Docker host: compose file and proxy, against their schemas and our limits."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import crossplane
import pytest
import sqlalchemy as sa
import yaml
from compose_spec import PyCompose

from ingestion_pipeline.foundation.ledger import readers, tenants, viewers
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import (
    embedded,
    embedded_roles,
    locks,
    roles,
    schema,
)
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.privileges import READER
from ingestion_pipeline.gateway.server import _CONNECTIONS, _IDLE_SECONDS
from ingestion_pipeline_tests.deploy.manifests import (
    DEPLOY,
    INSTANCE,
    SETTINGS,
    complaint_about,
    documents,
)

COMPOSE: dict[str, Any] = documents("compose/compose.yaml")[0]
OURS = {name: each for name, each in COMPOSE["services"].items() if "ingestion" in each["image"]}
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def test_the_compose_specification_takes_it_and_would_refuse() -> None:
    PyCompose.from_json(json.dumps(COMPOSE))
    misspelt = {**COMPOSE, "services": {"gateway": {"image": "x", "helthcheck": {}}}}
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_json(json.dumps(misspelt))


def test_every_part_is_there() -> None:
    assert set(COMPOSE["services"]) == {
        "proxy", "gateway", "code-server", "daemon", "webserver", "migrate", "migrate-dagster",
        "postgres", "redis",
    }  # fmt: skip
    assert COMPOSE["services"]["gateway"]["deploy"]["replicas"] == 2
    for name, service in COMPOSE["services"].items():
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name
        for other in service.get("depends_on", {}):
            assert other in COMPOSE["services"]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            found = (DEPLOY / "compose" / source).exists() if "/" in source else source
            assert found, volume
            assert "/" in source or source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_and_health_checks_exist(name: str) -> None:
    service = OURS[name]
    assert complaint_about(service["command"]) is None
    check = service.get("healthcheck", {})
    if "test" in check:
        assert check["test"][0] == "CMD"
        assert complaint_about(check["test"][1:]) is None


@pytest.mark.parametrize("name", sorted(OURS))
def test_variables_are_known_and_containers_are_confined(name: str) -> None:
    service = OURS[name]
    assert set(service["environment"]) <= SETTINGS | INSTANCE
    assert set(service["environment"]) >= INSTANCE
    assert service["user"] == "10001:10001"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


def test_nobody_outside_reaches_dagster_or_the_databases() -> None:
    ports = {
        name: service["ports"]
        for name, service in COMPOSE["services"].items()
        if "ports" in service
    }
    assert ports == {"proxy": ["8080:8080"], "webserver": ["127.0.0.1:3000:3000"]}
    assert COMPOSE["services"]["proxy"]["networks"] == ["front"]
    assert "front" not in COMPOSE["services"]["webserver"]["networks"]


def test_no_password_is_in_it() -> None:
    text = yaml.safe_dump(COMPOSE)
    for password in re.findall(r"://[^:/@\s]+:([^@\s]+)@|PASSWORD: (\S+)", text):
        assert "".join(password).startswith("${POSTGRES_PASSWORD"), password


def test_the_code_server_is_where_the_workspace_says() -> None:
    (workspace,) = documents("workspace.yaml")
    server = workspace["load_from"][0]["grpc_server"]
    command = OURS[server["host"]]["command"]
    assert str(server["port"]) == command[command.index("--port") + 1]
    assert server["location_name"] == command[command.index("--location-name") + 1]


def _directives() -> dict[str, list[list[str]]]:
    """Every directive of nginx.conf with its arguments, each time that it is there."""
    parsed = crossplane.parse(str(DEPLOY / "compose" / "nginx.conf"), strict=True)
    assert parsed["errors"] == []
    found: dict[str, list[list[str]]] = {}

    def walk(block: list[dict[str, Any]], path: str) -> None:
        for each in block:
            name = f"{path}{each['directive']}"
            found.setdefault(name, []).append(each["args"])
            walk(each.get("block", []), f"{name}/")

    walk(parsed["config"][0]["parsed"], "")
    return found


def test_the_proxy_is_understood_and_fits_the_gateway() -> None:
    found, settings = _directives(), Settings()
    ((largest,),) = found["http/server/client_max_body_size"]
    number, unit = re.fullmatch(r"(\d+)([kmg]?)", largest).groups()  # type: ignore[union-attr]
    # The gateway refuses what is too large, in JSON; the proxy only what is far too large.
    room = int(number) * UNITS[unit] - settings.max_upload_bytes
    assert 2**20 <= room <= 2**24

    ((idle,),) = found["http/upstream/keepalive_timeout"]
    assert int(idle.removesuffix("s")) < _IDLE_SECONDS
    ((body,),) = found["http/server/client_body_timeout"]
    assert int(body.removesuffix("s")) == settings.body_timeout.total_seconds()
    ((answer,),) = found["http/server/location/proxy_read_timeout"]
    assert int(answer.removesuffix("s")) > settings.body_timeout.total_seconds()
    ((connections,),) = found["events/worker_connections"]
    assert int(connections) >= 2 * _CONNECTIONS
    assert found["http/server/location/proxy_request_buffering"] == [["off"]]

    gateways = found["http/upstream/server"][0]
    assert gateways[0] == f"gateway:{settings.gateway_port}"
    hidden = [args[1] for args in found["http/server/location"] if args[0] == "="]
    assert {"/metrics", "/livez", "/readyz"} <= set(hidden)


def test_each_part_connects_as_the_role_that_exists_for_it() -> None:
    """Every service connected as the superuser, so that the roles protected nothing."""
    made = re.findall(
        r"CREATE ROLE (\w+) LOGIN", (DEPLOY / "compose/create-databases.sql").read_text()
    )
    users = {
        name: re.findall(r"://(\w+):", service["environment"]["DATABASE_URL"])[0]
        for name, service in OURS.items()
    }
    assert set(users.values()) <= set(made)
    assert {name for name, user in users.items() if user == "ingestion"} == {"migrate"}
    assert users["gateway"] == "gateway"
    assert users["code-server"] == "runs"
    reading = OURS["gateway"]["environment"]["DASHBOARDS_DATABASE_URL"]
    assert re.findall(r"://(\w+):", reading) == ["pages"]
    for service in OURS.values():
        assert "//dagster:" in service["environment"]["DAGSTER_POSTGRES_URL"]
        assert re.match(r"redis://:\$\{REDIS_PASSWORD", service["environment"]["KEY_VALUE_URL"])
    assert "--requirepass" in COMPOSE["services"]["redis"]["command"][-1]


def test_every_password_is_told_at_the_top_and_reaches_the_database() -> None:
    text = (DEPLOY / "compose/compose.yaml").read_text()
    top = text.split("\nname:")[0]
    used = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert used == set(re.findall(r"\b(?:(?:POSTGRES|REDIS)_PASSWORD\w*|CREDENTIAL_KEYS)", top))
    read = re.findall(r"\\getenv \w+ (\w+)", (DEPLOY / "compose/create-databases.sql").read_text())
    assert set(read) <= set(COMPOSE["services"]["postgres"]["environment"])


def test_the_databases_of_a_new_volume_work_as_their_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psql runs the script as the image's entry point does: as superuser, passwords by name."""
    server = EmbeddedServer(tmp_path / "home")
    monkeypatch.setattr(embedded_roles, "SUPERUSER", "ingestion")
    monkeypatch.setattr(EmbeddedServer, "_prepare", lambda _: None)
    with server._lock():
        server._initialise()
    password = (server.folder / "password").read_text()
    rename = "UPDATE pg_authid SET rolname = 'postgres' WHERE oid = 10;\n\n"
    server._single("postgres", f"ALTER ROLE ingestion PASSWORD '{password}';\n\n{rename}")
    url = sa.make_url(server.url()).set(username="postgres", database="postgres")
    roles_of = {
        "OWNER": "ingestion", "GATEWAY": "gateway", "RUNS": "runs", "PAGES": "pages",
        "DAGSTER": "dagster",
    }  # fmt: skip
    try:
        subprocess.run(
            [embedded.binaries() / "psql", "--file", DEPLOY / "compose/create-databases.sql",
             "--no-psqlrc", "--quiet", "--host", "127.0.0.1", "--port", str(url.port),
             "--username", "postgres", "postgres"],
            check=True,
            env={**os.environ, "PGPASSWORD": password}
            | {f"POSTGRES_PASSWORD_{name}": f"secret-{name}" for name in roles_of},
        )  # fmt: skip
        owner = _engine(url, "ingestion", "secret-OWNER")
        schema.upgrade(owner)
        done = roles.ensure(owner)
        assert (done.made, done.granted, done.fast_merges, done.closed) == ((), True, True, True)
        with owner.begin() as connection:
            assert connection.exec_driver_sql("SHOW is_superuser").scalar() == "off"
            tenants.issue_key(connection, tenants.ensure(connection, "acme"))
            assert readers.issue_reader(connection, "acme").role
        for login, may in (("gateway", False), ("runs", True)):
            engine = _engine(url, login, f"secret-{login.upper()}")
            schema.upgrade(engine)
            with engine.begin() as connection:
                locks.hold(connection, locks.PUBLISHING_KPIS)
                stage = "SELECT has_schema_privilege('ingestion_staging', 'CREATE')"
                assert connection.exec_driver_sql(stage).scalar() is may
            engine.dispose()
        assert viewers.ensure(owner) == viewers.Viewers(made=1)  # as `db upgrade` does
        with _engine(url, "pages", "secret-PAGES").connect() as pages:
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                pages.exec_driver_sql("SELECT name FROM tenants")
            pages.rollback()
            for role in (viewers.role_of(1), READER):
                pages.exec_driver_sql(f"SET LOCAL ROLE {role}")
                assert pages.exec_driver_sql("SELECT name FROM tenants").scalars().all() == ["acme"]
                pages.rollback()
        pages.engine.dispose()
        owner.dispose()
        history = _engine(url, "dagster", "secret-DAGSTER", "dagster")
        with history.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE runs (id int)")
        history.dispose()
    finally:
        server.stop()


def _engine(url: sa.URL, user: str, password: str, name: str = "ingestion") -> sa.Engine:
    return sa.create_engine(url.set(username=user, password=password, database=name))


def test_the_proxy_is_not_cut_off_as_one_address_that_takes_all() -> None:
    from ingestion_pipeline.gateway.server import _CONNECTIONS

    environment = COMPOSE["services"]["gateway"]["environment"]
    assert int(environment["PEER_CONNECTIONS"]) >= _CONNECTIONS
