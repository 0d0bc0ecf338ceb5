"""Sources of files in Dagster: their assets beside ours, and what is at fault leaves all else."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster.components.testing.utils import create_defs_folder_sandbox

from ingestion_pipeline.components import AceIotSite, FredSeries, loading
from ingestion_pipeline.components.kit import Described
from ingestion_pipeline.components.loading import TYPES, with_described
from ingestion_pipeline.definitions import ours
from ingestion_pipeline.foundation.described.kinds import HOME, KINDS
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.foundation.described.test_folder import series, site, write

PLANT = dg.AssetKey(["ace_iot", "plant-1"])
TREASURY = dg.AssetKey(["fred", "rates", "treasury"])


@dg.asset
def orders() -> None:
    """What there is besides."""


OURS = dg.Definitions(assets=[orders], jobs=[dg.define_asset_job("load", [orders])])


def loaded(folder: Path, **environment: Any) -> dict[dg.AssetKey, dg.AssetSpec]:
    made = with_described(OURS, Settings(defs_folder=folder, **environment))
    dg.Definitions.validate_loadable(made)
    return {each.key: each for each in made.resolve_all_asset_specs()}


def script(key: str) -> str:
    """A file of a type of Dagster's own."""
    return (
        "type: dagster.PythonScriptComponent\n"
        f"attributes: {{execution: {{path: x.py}}, assets: [{{key: {key}}}]}}\n"
    )


def test_sources_are_assets_beside_ours(tmp_path: Path) -> None:
    write(tmp_path, plant=site("plant-1"))
    write(tmp_path / "rates", treasury=series("DGS10", "T10Y2Y"))
    found = loaded(tmp_path)
    assert set(found) == {orders.key, PLANT, TREASURY}
    assert found[TREASURY].metadata["series"] == "DGS10, T10Y2Y"
    [reference] = found[PLANT].metadata["dagster/code_references"].code_references
    assert reference.file_path == f"{tmp_path}/plant/defs.yaml"


def test_a_file_at_fault_is_an_asset_that_says_why_and_the_others_are_there(tmp_path: Path) -> None:
    write(
        tmp_path, plant=site("plant-1"), number=site("x").replace("'x'", "7"), text="a: b: c",
        typed="type: nothing.Such\n", mine=script("orders"), theirs=script("theirs"),
    )  # fmt: skip
    (tmp_path / "theirs" / "x.py").write_text("")
    (tmp_path / "mine" / "x.py").write_text("")
    found = loaded(tmp_path)
    broken = {
        key.path[1]: spec.description or ""
        for key, spec in found.items() if key.path[0] == "broken_sources"
    }  # fmt: skip
    assert set(broken) == {"number", "text", "typed", "mine"}
    assert "number/defs.yaml:2: attributes.site: must be text" in broken["number"]
    assert "the asset orders is there already" in broken["mine"]
    assert "nothing" in broken["typed"]
    assert {PLANT, orders.key, dg.AssetKey("theirs")} < set(found)


def test_what_collects_a_source_follows_from_it(tmp_path: Path) -> None:
    write(tmp_path, plant=site("plant-1"), rates=series("DGS10"))
    made = with_described(ours(), Settings(defs_folder=tmp_path))
    dg.Definitions.validate_loadable(made)
    graph = made.resolve_asset_graph()
    for key, source in {
        "buildings/timeseries_raw": PLANT,
        "buildings/weather_raw": PLANT,
        "markets/macro_observations": dg.AssetKey(["fred", "rates"]),
    }.items():
        assert source in graph.get(dg.AssetKey.from_user_string(key)).parent_keys
    for each in (PLANT, dg.AssetKey(["fred", "rates"])):
        node = graph.get(each)
        assert node.group_name == each.path[0]
        assert node.owners
        assert node.kinds
        assert node.description


def test_every_asset_that_a_type_names_as_fed_is_there() -> None:
    known = {key.to_user_string() for key in ours().resolve_all_asset_keys()}
    assert {fed for each in TYPES.values() for fed in each.feeds} <= known


def test_dg_check_defs_is_strict(tmp_path: Path) -> None:
    write(tmp_path, plant=site("plant-1"), text="a: b: c", number="type: 7")
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, dagster_is_defs_validation_cli=True)
    told = str(raised.value)
    assert "text/defs.yaml:1: is not YAML" in told
    assert "number/defs.yaml:1: type: must be" in told


def test_a_folder_whose_name_dagster_cannot_store_takes_nothing_away(tmp_path: Path) -> None:
    write(tmp_path, **{os.fsdecode(b"\xff"): site("x"), "a\nb": site("y"), "c d": site("z")})
    found = loaded(tmp_path)
    names = {key.path[1] for key in found if key.path[0] == "broken_sources"}
    assert names == {"\\udcff", "a\\nb"}
    assert dg.AssetKey(["ace_iot", "z"]) in found
    for key, spec in found.items():
        f"{key} {spec.description}".encode()


def test_a_folder_that_is_not_there_takes_nothing_away(tmp_path: Path) -> None:
    assert {orders.key} < set(loaded(tmp_path / "nothing"))


def test_the_types_are_those_that_files_may_name() -> None:
    assert set(TYPES) == set(KINDS)
    for name, each in TYPES.items():
        assert f"{each.__module__.rpartition('.')[0]}.{name}" == f"{HOME}.{name}"
        assert each.get_model_cls() is KINDS[name]


@pytest.mark.filterwarnings("ignore")  # of Dagster's own sandbox
@pytest.mark.parametrize(
    ("kind", "key"),
    [(AceIotSite, ("ace_iot", "rates")), (FredSeries, ("fred", "rates"))],
)  # fmt: skip
def test_what_dg_scaffolds_is_sound(kind: type[Described], key: tuple[str, ...]) -> None:
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=kind, defs_path="rates")
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, made):
            assert isinstance(component, kind)
            [spec] = made.resolve_all_asset_specs()
            assert spec.key == dg.AssetKey(key)
    # By the tree of Dagster and without it, a source is the same asset.
    assert component.asset(key).description == spec.description


@pytest.mark.parametrize("make", [AceIotSite.load, FredSeries.load])
def test_a_component_without_attributes_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="`attributes`"):
        make(None, None)


API = """\
type: ingestion_pipeline.components.HttpSeries
attributes:
  tenant: default
  url: https://api.example.com/v1/readings
  auth: {{type: bearer, secret: {secret}}}
  records: data
  pages: {{cursor: meta.next, query: cursor}}
  mapping:
    source: plant
    mapping: readings
    emit: {{kpi_points: {{fields: {{kpi_id: name, timestamp: time, value: value}}}}}}
"""


@pytest.mark.parametrize(
    ("secret", "told"),
    [("PLANT_TOKEN_UNSET", 1), ("PLANT_TOKEN_SET", 0), ("{stored: plant_token}", 0)],
)
def test_a_secret_that_is_not_set_is_warned_of_when_definitions_are_checked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    secret: str,
    told: int,
) -> None:
    """Nothing was said of it until its first run failed."""
    monkeypatch.setenv("PLANT_TOKEN_SET", "s3cr3t")
    write(tmp_path, plant=API.format(secret=secret))
    monkeypatch.setattr(loading.logger, "disabled", False)  # `sources check` tells it by itself
    with_described(OURS, Settings(defs_folder=tmp_path, dagster_is_defs_validation_cli=True))
    warned = [each for each in caplog.messages if "is not set here" in each]
    assert len(warned) == told
    assert not told or "PLANT_TOKEN_UNSET, the secret of plant/readings" in warned[0]
    caplog.clear()
    with_described(OURS, Settings(defs_folder=tmp_path))
    assert "is not set here" not in caplog.text


@pytest.mark.parametrize(
    "secret", ["sk-live-0123456789abcdef", "DATABASE_URL", "'a b'", "''", "{env: 7}", "[A]"]
)
def test_what_can_be_no_name_of_a_secret_fails_the_check_of_definitions_and_is_not_repeated(
    tmp_path: Path, secret: str
) -> None:
    write(tmp_path, plant=API.format(secret=secret))
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, dagster_is_defs_validation_cli=True)
    assert "plant/defs.yaml:5" in str(raised.value)
    assert "sk-live" not in str(raised.value)
