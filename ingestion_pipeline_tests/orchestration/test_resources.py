"""Resources: seven by name, each described, each replaced in three lines, and none tells a secret
or can be pointed elsewhere by run config."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.remote_representation.external_data import RepositorySnap

from ingestion_pipeline.definitions import defs, resources
from ingestion_pipeline.domains.book_sales.resources import GumroadApi
from ingestion_pipeline.domains.buildings.resources import AceIotApi
from ingestion_pipeline.domains.markets.resources import FredApi
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.resources import (
    Configuration,
    FromSettings,
    KeyValueStore,
    LandingStore,
    database_at,
)

SEVEN = {"ace_iot", "configuration", "database", "fred", "gumroad", "key_value", "landing"}
REPOSITORY = defs.get_repository_def()


class MyConfiguration(Configuration):
    def read(self) -> Settings:
        return Settings(batch_uploads=7)


class MyKeyValue(KeyValueStore):
    def namespace(self, name: str) -> Any:
        return {"namespace": name}


class MyLanding(LandingStore):
    def landed(self) -> Landing:
        return Landing("memory://mine")


class MyAceIot(AceIotApi):
    @contextmanager
    def open(self, engine: sa.Engine) -> Iterator[Any]:
        yield "my sites"


class MyFred(FredApi):
    @contextmanager
    def open(self, engine: sa.Engine) -> Iterator[Any]:
        yield "my series"


class MyGumroad(GumroadApi):
    def open(self, engine: sa.Engine, token: str) -> Any:
        return f"the sales of {token}"


MINE: dict[str, FromSettings] = {
    "configuration": MyConfiguration(),
    "database": database_at("postgresql+psycopg://nowhere/mine"),
    "key_value": MyKeyValue(),
    "landing": MyLanding(),
    "ace_iot": MyAceIot(),
    "fred": MyFred(),
    "gumroad": MyGumroad(),
}


def _asked(known: Any) -> tuple[Any, ...]:
    """What each of the seven gives."""
    engine = sa.create_engine("postgresql+psycopg://nowhere/mine")
    with known["ace_iot"].open(engine) as sites, known["fred"].open(engine) as series:
        return (
            known["configuration"].read().batch_uploads, known["database"].address,
            known["key_value"].namespace("acme"), type(known["landing"].landed()),
            sites, series, known["gumroad"].open(engine, "acme"),
        )  # fmt: skip


EXPECTED = (
    7, "postgresql+psycopg://nowhere/mine", {"namespace": "acme"}, Landing,
    "my sites", "my series", "the sales of acme",
)  # fmt: skip


def test_a_run_gets_each_of_the_seven_that_a_test_puts_in_its_place() -> None:
    seen: list[Any] = []

    @dg.op(required_resource_keys=SEVEN)
    def ask(context: dg.OpExecutionContext) -> None:
        seen.append(_asked({name: getattr(context.resources, name) for name in SEVEN}))

    @dg.job(resource_defs=dict(MINE))
    def asking() -> None:
        ask()

    asking.execute_in_process()
    assert seen == [EXPECTED]


def test_a_sensor_gets_each_of_the_seven_by_its_name() -> None:
    context = dg.build_sensor_context(resources=dict(MINE))
    assert _asked({name: sensing.resource(context, name) for name in SEVEN}) == EXPECTED


def test_the_definitions_have_the_seven_and_each_is_described() -> None:
    known = REPOSITORY.get_top_level_resources()
    assert set(known) >= SEVEN
    for name in SEVEN:
        description = known[name].description or ""
        assert description.rstrip().endswith("."), name
        assert "Attributes:" not in description, name


@pytest.fixture(scope="module")
def snapshot() -> RepositorySnap:
    """What the UI gets of the definitions; the resources page shows `resources`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Dagster's, of a property of its own
        return RepositorySnap.from_def(REPOSITORY)


@pytest.mark.parametrize("name", sorted(SEVEN))
def test_the_ui_says_which_assets_and_jobs_use_each_of_the_seven(
    snapshot: RepositorySnap, name: str
) -> None:
    [shown] = [each for each in snapshot.resources or [] if each.name == name]
    assert shown.asset_keys_using, name
    assert shown.job_ops_using, name


@pytest.mark.parametrize(
    ("name", "asset"),
    [
        ("ace_iot", "buildings/timeseries_raw"),
        ("ace_iot", "buildings/weather_raw"),
        ("ace_iot", "buildings/weather_snapshot"),
        ("fred", "markets/macro_observations"),
        ("fred", "markets/cache"),  # fetches what is due before it warms
        ("gumroad", "book_sales/sales_events"),
        ("landing", "commerce/orders_staging"),
        ("landing", "book_sales/sales_events"),
        ("landing", "buildings/archived_months"),
        ("key_value", "kpis/packages"),
        ("key_value", "buildings/timeseries_raw"),  # how far a window has come
    ],
)
def test_who_asks_an_api_or_reads_and_writes_files_and_documents_says_so(
    snapshot: RepositorySnap, name: str, asset: str
) -> None:
    [shown] = [each for each in snapshot.resources or [] if each.name == name]
    assert dg.AssetKey.from_user_string(asset) in shown.asset_keys_using


def test_run_config_can_point_none_of_them_elsewhere() -> None:
    for name, resource in resources.items():
        schema = type(resource).model_json_schema()
        assert set(schema["properties"]) == {"place"}, name
        assert schema["$defs"]["Place"].get("enum", ["SETTINGS"]) in (["settings"], ["SETTINGS"])
        assert schema["$defs"]["Place"].get("const", "settings") == "settings"


SHOW = """
import warnings
warnings.simplefilter("ignore")
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from ingestion_pipeline.definitions import defs

repository = defs.get_repository_def()
print(serialize_value(RepositorySnap.from_def(repository, defer_snapshots=False)))
"""


def test_no_secret_of_the_settings_is_in_what_the_ui_gets(tmp_path: Path) -> None:
    """Everything, jobs and their snapshots included, as a code server with all secrets has it."""
    secrets = [name for name, field in Settings.model_fields.items() if "Secret" in str(field)]
    assert {"database_url", "ace_iot_api_key", "fred_api_key"} <= set(secrets)
    told = {name.upper(): f"postgresql://u:hush-{name}@nowhere/x" for name in secrets}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, text=True, check=True,
        env={**os.environ, **told, "INGESTION_HOME": str(tmp_path)},
    )  # fmt: skip
    assert '"ace_iot"' in done.stdout
    assert '"PipelineSnapshot"' in done.stdout  # of each job
    assert "hush-" not in done.stdout + done.stderr
