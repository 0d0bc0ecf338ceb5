"""What is installed from the wheel is whole: `up` once looked for its files in the checkout."""

import json
import subprocess
import sys
from pathlib import Path

from ingestion_pipeline_tests.end_to_end.running_up import ROOT
from ingestion_pipeline_tests.foundation.described.test_folder import series, site, write


def test_everything_that_is_no_module_is_in_the_wheel_too(installed: Path) -> None:
    def names(folder: Path) -> set[str]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix()
            for path in files
            if "__pycache__" not in path.parts and path.suffix != ".mako"
        }

    package = installed / "ingestion_pipeline"
    assert names(package) == names(ROOT / "ingestion_pipeline")
    assert not any(path.is_symlink() for path in package.rglob("*"))
    for name in ("dagster.yaml", "workspace.yaml"):
        assert (package / "cli" / "local" / "instance" / name).read_bytes() == (
            ROOT / name
        ).read_bytes()


def test_it_says_its_licence_and_has_no_tests_of_ours(installed: Path) -> None:
    (metadata,) = installed.glob("ingestion_pipeline-*.dist-info/METADATA")
    assert "License-Expression: MIT" in metadata.read_text()
    assert list(metadata.parent.glob("licenses/LICENSE"))
    assert not (installed / "ingestion_pipeline_tests").exists()


def test_up_runs_what_was_installed(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import ingestion_pipeline; print(ingestion_pipeline.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(installed)


LOAD = """
import json
from importlib.metadata import entry_points

[components] = {each.load() for each in entry_points(group="dagster_dg_cli.registry_modules")
                if each.name == "ingestion_pipeline"}
from ingestion_pipeline.definitions import defs

keys = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps({"file": components.__file__, "types": components.__all__, "keys": keys}))
"""


def test_dagster_finds_the_types_of_the_wheel_and_a_source_at_fault_takes_nothing_away(
    installed: Path, tmp_path: Path
) -> None:
    sources = write(tmp_path / "sources", plant=site("plant-1"), bad=series("NO"))
    environment = {"PYTHONPATH": str(installed), "DEFS_FOLDER": str(sources)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert Path(said["file"]).is_relative_to(installed)
    assert set(said["types"]) == {"AceIotSite", "FredSeries", "HttpSeries", "MappedFiles"}
    assert (installed / "ingestion_pipeline" / "mappings" / "shopify_orders.yaml").is_file()
    assert {"ace_iot/plant-1", "broken_sources/bad/defs.yaml", "commerce/orders"} < {*said["keys"]}
    assert "attributes.series[0]: must be text" in done.stderr
