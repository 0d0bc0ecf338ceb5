"""`ingestion-pipeline up`: one command that starts everything, and one Ctrl-C that stops it.

    up ─┬─ embedded PostgreSQL    unless DATABASE_URL is set
        ├─ gateway                the HTTP front door
        ├─ dagster dev            UI (behind cli/ui_guard.py), daemon, code server, runs
        └─ sandbox                stands in for upstreams, unless ACE_IOT_API_BASE_URL is set

What dies is started again. Dagster's own storage (runs, events, ticks) is SQLite under
INGESTION_HOME/dagster.
"""

import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.local.pages import demo_key, pages_login
from ingestion_pipeline.cli.local.sample import load as load_sample
from ingestion_pipeline.cli.local.secrets import local_secrets, make_private, secrets_file
from ingestion_pipeline.cli.local.services import Service, running
from ingestion_pipeline.cli.local.stand_ins import sandbox, upstreams
from ingestion_pipeline.foundation.environment import environment_of, settings
from ingestion_pipeline.foundation.errors import ConfigurationError, IngestionError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

# Of the checkout these are links to the files at its top; a wheel has the files themselves.
_INSTANCE = Path(__file__).parent / "instance"
_STORAGE = """
storage:
  custom:
    module: ingestion_pipeline.orchestration.instance.sqlite_storage
    class: Storage
"""


def serve(configuration: Settings, *, sample: bool) -> None:
    """Start everything, show that it works, and serve until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: a port is taken.
        TransientError: something did not start; its log is named.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)  # a shell's background job ignores SIGINT otherwise
    _require_free_port("WEB_PORT", configuration.web_host, configuration.web_port)
    _require_free_port("GATEWAY_PORT", configuration.gateway_host, configuration.gateway_port)
    if configuration.ace_iot_api_base_url is None:
        _require_free_port("SANDBOX_PORT", "127.0.0.1", configuration.sandbox_port)
    make_private(configuration.home)
    server = EmbeddedServer(configuration.home)
    try:
        engine = database.engine(settings())
        revision = schema.upgrade(engine)
        console.say(f"database   ready, schema {revision}   (ingestion-pipeline db status)")
        environment = local_secrets(configuration) | pages_login(configuration, engine)
        stand_ins = None
        if configuration.ace_iot_api_base_url is None:
            stand_ins = _stand_ins(configuration)
            environment |= upstreams(configuration, configuration.sandbox_port)
        gateway, dagster = _gateway(configuration), _dagster(configuration)
        for service in (gateway, dagster):
            service.environment = {**service.environment, **environment}
        services = [gateway, dagster, *([stand_ins] if stand_ins else [])]
        with running(services, deaf=True):
            gateway.wait_until_ready()
            at = f"http://{configuration.gateway_host}:{configuration.gateway_port}"
            console.say(f"gateway    {at}   ({at}/docs)")
            _say_pages(configuration, engine, at, sample=sample)
            dagster.wait_until_ready()
            console.say(f"Dagster    http://{configuration.web_host}:{configuration.web_port}")
            if stand_ins:
                stand_ins.wait_until_ready()
                at = stand_ins.ready_url.removesuffix("/livez")
                console.say(
                    f"sandbox    {at}   (it plays ACE IoT, FRED, Gumroad and a chat server)"
                )
            console.say(f"secrets    {secrets_file(configuration)}   (source it in a shell)")
            if sample and configuration.drop_url is None:
                load_sample(configuration, engine)
            console.say(f"drop files into {configuration.drop}/<tenant>/ and see them loaded")
            console.say("serving; Ctrl-C stops everything")
            _watch(services, server if configuration.database_url is None else None)
    except KeyboardInterrupt:
        console.say("stopping")
    finally:
        if configuration.database_url is None:
            server.stop()


def _say_pages(configuration: Settings, engine: sa.Engine, at: str, *, sample: bool) -> None:
    """Where the pages are, and how one signs in."""
    from ingestion_pipeline.cli.local.demo import TENANT

    if configuration.database_url and not configuration.dashboards_database_url:
        console.say(f"pages      {at}   (not set up: docs/pages.md)")
    elif sample and configuration.database_url is None:
        key = demo_key(configuration, engine, TENANT)
        console.say(f"pages      {at}")
        console.say(f"           sign in with {key}")
    else:
        console.say(f"pages      {at}   (sign in with a key of `tenants create`)")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _require_free_port(variable: str, host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} is taken ({error.strerror}): is another `up` running? "
                f"Set {variable} to use another"
            ) from None


def _watch(services: Sequence[Service], server: EmbeddedServer | None) -> None:
    """Start again what dies, for ever."""
    while True:
        time.sleep(0.5)
        if server is not None and not server.is_running():
            console.warn("PostgreSQL died; starting it again")
            try:
                server.url()
            except IngestionError as error:
                console.complain(str(error))
        for service in services:
            if not service.runs:
                ended = service.start_again()
                console.warn(f"{service.name} had died ({ended}) and is started again")


def _gateway(configuration: Settings) -> Service:
    return Service(
        name="the gateway",
        command=[sys.executable, "-m", "ingestion_pipeline.cli", "gateway"],
        environment=environment_of(configuration),
        log=configuration.home / "gateway" / "gateway.log",
        ready_url=f"http://{configuration.gateway_host}:{configuration.gateway_port}/readyz",
    )


def _stand_ins(configuration: Settings) -> Service:
    return sandbox(configuration, port=configuration.sandbox_port, points=50, interval_seconds=60)


def _dagster(configuration: Settings) -> Service:
    home = configuration.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_INSTANCE / "workspace.yaml", home / "workspace.yaml")
    (home / "dagster.yaml").write_text(_instance(home))
    host, port = configuration.web_host, str(configuration.web_port)
    dagster_dev = [
        sys.executable, "-m", "ingestion_pipeline.cli.ui", "dev",
        "--workspace", str(home / "workspace.yaml"),
        "--host", host, "--port", port,
    ]  # fmt: skip
    return Service(
        name="Dagster",
        command=dagster_dev,
        environment={**environment_of(configuration), "DAGSTER_HOME": str(home)},
        log=home / "dagster.log",
        ready_url=f"http://{host}:{port}/server_info",
        before=partial(_settle_orphans, home),
    )


def _instance(home: Path) -> str:
    """The instance's dagster.yaml, with a storage that costs little while nothing happens."""
    storage = f"{_STORAGE}    config: {{base_dir: {json.dumps(str(home))}}}\n"
    return (_INSTANCE / "dagster.yaml").read_text() + storage


def _settle_orphans(home: Path) -> None:
    """End the runs whose processes died with Dagster: nobody else would, for hours."""
    if (home / "history").exists():
        from ingestion_pipeline.orchestration.housekeeping import fail_orphaned_runs

        fail_orphaned_runs(home)
