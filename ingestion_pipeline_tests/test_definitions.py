"""What a Dagster user expects of a code location, asserted of every asset that there is."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.orchestration.assets import NOT_BY_AGE, REFERENCES

ROOT = Path(__file__).parents[1]
GRAPH = defs.resolve_asset_graph()
KEYS = sorted(GRAPH.get_all_asset_keys())


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(defs)


def test_what_is_described_in_the_checkout_is_none_of_the_tests_affair() -> None:
    """A site in `defs/` takes the place of the default ones, and has no checks."""
    configuration = settings()
    assert configuration.described_in != ROOT / "ingestion_pipeline" / "defs"
    assert (configuration.described.files, configuration.described.faults) == ((), ())


def test_definitions_load_without_database_and_without_network() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@192.0.2.1:1/nowhere"}
    loaded = subprocess.run(
        [sys.executable, "-c", "import ingestion_pipeline.definitions"],
        env=environment, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert loaded.returncode == 0


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.to_user_string())
def test_every_asset_says_what_it_is(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert len(key.path) == 2
    assert node.group_name == key.path[0]
    assert node.kinds
    assert node.owners
    assert node.description
    assert node.code_version


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.to_user_string())
def test_every_asset_has_a_check(key: dg.AssetKey) -> None:
    assert GRAPH.get_check_keys_for_assets({key})


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.to_user_string())
def test_every_column_of_an_asset_that_is_a_table_says_what_it_holds(key: dg.AssetKey) -> None:
    metadata = GRAPH.get(key).metadata
    assert ("dagster/table_name" in metadata) == ("dagster/column_schema" in metadata)
    if "dagster/column_schema" in metadata:
        columns = metadata["dagster/column_schema"].columns
        assert [column.name for column in columns if not column.description] == []
        assert [column.type for column in columns if "collate" in column.type] == []


@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("commerce/uploads", "uploads"),
        ("kpis/updates", "kpi_updates"),
        ("markets/events", "ingestion_events"),
        ("book_sales/reports", "jobs"),
        ("book_sales/daily_sales", "daily_sales"),
    ],
)
def test_assets_that_come_from_outside_name_their_table(key: str, table: str) -> None:
    metadata = GRAPH.get(dg.AssetKey.from_user_string(key)).metadata
    assert metadata["dagster/table_name"] == f"public.{table}"
    assert "dagster/column_schema" in metadata


def test_commerce_has_the_real_edges() -> None:
    def parents(name: str) -> set[str]:
        return {k.path[-1] for k in GRAPH.get(dg.AssetKey(["commerce", name])).parent_keys}

    assert parents("customers") == {"customers_staging"}
    assert parents("orders") == {"orders_staging", "customers"}
    assert parents("order_items") == {"order_items_staging", "orders", "products"}
    assert parents("order_items_staging") == {"uploads"}


@pytest.mark.parametrize(
    ("path", "statement"),
    [
        ("ingestion_pipeline/foundation/storage/probe.py", "import dagster"),
        ("ingestion_pipeline/foundation/ledger/probe.py", "from dagster import asset"),
        ("ingestion_pipeline/domains/commerce/merge/claimed.py", "import dagster"),
        ("ingestion_pipeline/domains/commerce/land/stage.py", "import fastapi"),
    ],
)
def test_the_layering_rule_bites(path: str, statement: str) -> None:
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select=TID251", "--stdin-filename", path, "-"],
        input=statement, text=True, cwd=ROOT, capture_output=True,
    )  # fmt: skip
    assert "TID251" in linted.stdout


# Its values are FRED's; events only say when to ask.
FROM_OUTSIDE = {dg.AssetKey(["markets", "macro_observations"])}
TABLES = {key for key in KEYS if "dagster/table_name" in GRAPH.get(key).metadata}


@pytest.mark.parametrize(
    "key",
    sorted(key for key in TABLES - FROM_OUTSIDE if GRAPH.get(key).parent_keys & TABLES),
    ids=lambda key: key.to_user_string(),
)
def test_every_table_that_is_made_of_tables_says_where_its_columns_come_from(
    key: dg.AssetKey,
) -> None:
    metadata = GRAPH.get(key).metadata
    lineage = metadata["dagster/column_lineage"].deps_by_column
    columns = {each.name: each for each in metadata["dagster/column_schema"].columns}
    assert lineage
    assert lineage.keys() <= columns.keys()
    for name, parents in lineage.items():
        for parent in parents:
            assert parent.asset_key in GRAPH.get(key).parent_keys
            of = GRAPH.get(parent.asset_key).metadata["dagster/column_schema"].columns
            assert parent.column_name in [each.name for each in of]
        _, _, said = columns[name].description.rpartition(
            f"(from {parents[0].asset_key.to_user_string()}."
        )
        assert {each.column_name for each in parents} == {*said.removesuffix(")").split(", ")}


def test_lineage_follows_the_datum_not_the_name() -> None:
    def of(asset: str, column: str) -> list[str]:
        metadata = GRAPH.get(dg.AssetKey.from_user_string(asset)).metadata
        found = metadata["dagster/column_lineage"].deps_by_column.get(column, [])
        return [f"{each.asset_key.to_user_string()}.{each.column_name}" for each in found]

    assert of("commerce/orders", "total_amount") == ["commerce/orders_staging.total_amount"]
    assert of("kpis/daily_summary", "maximum") == ["kpis/points.value"]
    assert of("buildings/timeseries_daily", "day") == ["buildings/timeseries_raw.timestamp"]
    assert "book_sales/sales_events.quantity" in of("book_sales/daily_sales", "refunded_units")
    assert of("markets/fundamentals", "avg_cap_rate_pct") == ["markets/events.payload"]
    assert of("markets/fundamentals", "updated_at") == []


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.to_user_string())
def test_every_asset_is_judged_by_its_age_or_says_why_not(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert (node.freshness_policy is None) == bool(node.metadata.get(NOT_BY_AGE))


@pytest.mark.parametrize(
    "key",
    [key for key in KEYS if GRAPH.get(key).is_executable],
    ids=lambda key: key.to_user_string(),
)
def test_every_asset_that_is_made_links_to_the_code_that_makes_it(key: dg.AssetKey) -> None:
    [reference] = GRAPH.get(key).metadata[REFERENCES].code_references
    lines = Path(reference.file_path).read_text().splitlines()[reference.line_number - 1 :]
    first = next(line for line in lines if line.strip().startswith("def "))
    path = Path(reference.file_path).relative_to(ROOT / "ingestion_pipeline").as_posix()
    assert path.startswith((f"domains/{key.path[0]}/assets", f"outlets/{key.path[0]}/assets"))
    assert lines[0].strip().startswith(("@", "def "))
    function = GRAPH.assets_def_for_key(key).op.compute_fn.decorated_fn.__name__
    assert first.strip().startswith(f"def {function}(")


@pytest.mark.parametrize(
    "key",
    [key for key in KEYS if not GRAPH.get(key).is_executable],
    ids=lambda key: key.to_user_string(),
)
def test_every_asset_that_comes_from_outside_links_to_where_it_is_declared(
    key: dg.AssetKey,
) -> None:
    [reference] = GRAPH.get(key).metadata[REFERENCES].code_references
    path = Path(reference.file_path).relative_to(ROOT / "ingestion_pipeline/domains")
    assert path.as_posix() == f"{key.path[0]}/assets.py"
    lines = Path(reference.file_path).read_text().splitlines()[reference.line_number - 1 :]
    assert "WING.spec(" in lines[0]
    assert f'"{key.path[1]}"' in lines[0] + lines[1]


JOBS = [job for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_runs_of_every_job_say_whose_they_are(job: dg.JobDefinition) -> None:
    groups = {GRAPH.get(key).group_name for key in job.asset_layer.executable_asset_keys}
    checks = job.asset_layer.asset_graph.asset_check_keys
    groups |= {GRAPH.get(check.asset_key).group_name for check in checks}
    assert len(groups) <= 1
    assert job.run_tags["domain"] in groups or (
        not groups and job.run_tags["domain"] in {"housekeeping", "commerce"}
    )
