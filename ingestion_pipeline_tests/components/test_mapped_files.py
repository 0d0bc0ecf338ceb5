"""Sources of files in Dagster: an asset each, loaded by its day, its checks, its faults with their
place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster.components.testing.utils import create_defs_folder_sandbox

from ingestion_pipeline.components import MappedFiles
from ingestion_pipeline.components.intake.automation import CHECKS, JOB, LOADED, SENSOR
from ingestion_pipeline.components.loading import load, with_described
from ingestion_pipeline.definitions import ours
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.described.kinds import HOME
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.foundation.loading.running import deliver

FILE = """\
Day,Article,Kind,Count,Paid,Shelf
2026-01-01,Emma,sold,1,2.50,a
2026-01-02,Emma,stolen,1,9.00,c
2026-01-03,Persuasion,returned,-1,-1.50,d
"""
MAPPING = """\
  mapping:
    source: kiosk
    mapping: sales
    dates: ["%Y-%m-%d"]
    check:
      - {name: rows are the total, of: file, equal: [{total: Paid}, {footer: Total}]}
    read: {stop: {first: "^Total"}}
    emit:
      sales_events:
        key: [Day, Article, Kind]
        fields:
          event_type: {of: Kind, lookup: {sold: sale, returned: refund, no: sale}}
          occurred_at: Day
          quantity: Count
          amount: Paid
          currency: {is: EUR}
          title: Article
"""
KIOSK = dg.AssetKey(["kiosk", "sales"])


def write(folder: Path, **files: str) -> Path:
    for name, attributes in files.items():
        (folder / name).mkdir(parents=True)
        text = f"type: {HOME}.MappedFiles\nattributes:\n{attributes}"
        (folder / name / "defs.yaml").write_text(text)
    return folder


def faults(folder: Path) -> list[str]:
    described = Settings(defs_folder=folder).described
    _, found = load(described, beside=dg.Definitions())
    return [str(each).replace(f"{folder}/", "") for each in found]


def test_a_mapping_is_an_asset_with_its_yaml_its_days_and_what_follows_from_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, till=MAPPING)
    made = with_described(ours(), Settings(defs_folder=tmp_path))
    dg.Definitions.validate_loadable(made)
    graph = made.resolve_asset_graph()
    spec = next(each for each in made.resolve_all_asset_specs() if each.key == KIOSK)
    assert (spec.group_name, spec.kinds) == ("intake", {"file", "yaml"})
    [code] = spec.metadata["dagster/code_references"].code_references
    assert code.file_path == f"{tmp_path}/till/defs.yaml"
    assert KIOSK in graph.get(dg.AssetKey(["book_sales", "sales_events"])).parent_keys
    assert isinstance(graph.get(KIOSK).partitions_def, dg.DailyPartitionsDefinition)
    assert {each.name for each in graph.get(KIOSK).check_keys} == {
        "counts_add_up", "columns", "totals_agree",
    }  # fmt: skip
    assert made.resolve_job_def(JOB)
    assert SENSOR in {each.name for each in made.sensors or ()}


def test_what_a_mapping_holds_is_no_affair_of_yaml(tmp_path: Path) -> None:
    """`no` is no truth value, 0123 no 83, 2026-02-30 no date that there is not."""
    own = "lookup: {NO: sale, 0123: refund, 2026-02-30: sale, off: payment}"
    write(tmp_path, till=MAPPING.replace("lookup: {sold: sale, returned: refund, no: sale}", own))
    assert faults(tmp_path) == []
    [known] = registry.mappings(Settings(defs_folder=tmp_path))
    said = str(known.mapped.emits[0].fields)
    assert all(text in said for text in ("'NO'", "'0123'", "'2026-02-30'", "'payment'"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("quantity:", "qantity:", "qantity is no field of sales_events, did you mean 'quantity'?"),
        ("source: kiosk", "source: a/b", "source is 'a/b', and must be letters"),
        ("dates: [", "date: [", "date is unknown, did you mean 'dates'?"),
        ("    source: kiosk\n", "", "lacks 'source'"),
        ("no: sale", "sold: sale", "is there twice"),
    ],
)
def test_a_fault_of_a_mapping_is_told_with_its_place(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    assert old in MAPPING
    write(tmp_path, till=MAPPING.replace(old, new, 1))
    said = faults(tmp_path)
    assert all(each.startswith("till/defs.yaml:") for each in said)
    assert any(told in each.replace(": ", " ") for each in said), said


def test_a_fault_names_line_and_column(tmp_path: Path) -> None:
    write(tmp_path, till=MAPPING.replace("quantity:", "qantity:"))
    said = faults(tmp_path)[-1]
    assert said.startswith("till/defs.yaml:16:11: attributes.mapping.emit.sales_events.fields")


def test_a_mapping_stands_beside_or_is_shipped_or_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, beside="  mapping: till.yaml\n", nowhere="  mapping: tilly.yaml\n",
          wrong="  mapping: no_such_platform\n", number="  mapping: 12\n")  # fmt: skip
    inside = "".join(line.removeprefix("    ") for line in MAPPING.splitlines(keepends=True)[1:])
    (tmp_path / "beside" / "till.yaml").write_text(inside)
    assert [each.name for each in registry.mappings(Settings(defs_folder=tmp_path))] == [
        "kiosk/sales"
    ]
    assert [each.partition(":")[0] for each in faults(tmp_path)] == [
        "nowhere/defs.yaml", "number/defs.yaml", "wrong/defs.yaml",
    ]  # fmt: skip
    (tmp_path / "beside" / "till.yaml").write_text(inside.replace("dates:", "datums:"))
    said = next(each for each in faults(tmp_path) if each.startswith("beside"))
    assert "beside/till.yaml:3:1: datums is unknown" in said


def test_two_shops_use_one_mapping_each_as_a_source_of_its_own(tmp_path: Path) -> None:
    setting = MAPPING.replace("{is: EUR}", "{setting: currency}").replace(
        "    source: kiosk\n", "    source: kiosk\n    settings: {currency: EUR}\n"
    )
    own = "  source: kiosk_oslo\n  settings: {currency: NOK}\n"
    write(tmp_path, bergen=setting, oslo=own + setting, again=MAPPING)
    found = {each.name: each for each in registry.mappings(Settings(defs_folder=tmp_path))}
    assert set(found) == {"kiosk/sales", "kiosk_oslo/sales"}
    assert found["kiosk_oslo/sales"].mapped.settings == {"currency": "NOK"}
    [said] = faults(tmp_path)
    assert said.startswith("bergen/defs.yaml:3: attributes.mapping: kiosk/sales is in")


def test_a_mapping_whose_records_are_of_two_domains_is_a_fault_of_its_file(tmp_path: Path) -> None:
    two = MAPPING + (
        "      customers:\n        fields: {customer_id: {id: [c, Article]}, name: Article, "
        "email: Article}\n"
    )
    write(tmp_path, till=two)
    [said] = faults(tmp_path)
    assert "makes records of two domains" in said


def day_of(engine: sa.Engine, upload_id: int) -> str:
    with engine.connect() as connection:
        statement = sa.text("SELECT recorded_at FROM uploads WHERE upload_id = :id")
        at: datetime = connection.execute(statement, {"id": upload_id}).scalar_one()
    return at.astimezone(UTC).date().isoformat()


def materialized(defs: dg.Definitions, day: str, **config: Any) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(JOB)
    ops = {"ops": {KIOSK.to_python_identifier(): {"config": config}}} if config else None
    return job.execute_in_process(partition_key=day, asset_selection=[KIOSK], run_config=ops)


@pytest.fixture
def defs(tmp_path: Path, configured: Settings, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    write(tmp_path / "defs", till=MAPPING)
    return with_described(ours(), configured.model_copy(update={"defs_folder": tmp_path / "defs"}))


def test_a_day_is_loaded_by_its_run_and_told_with_its_checks(
    defs: dg.Definitions, engine: sa.Engine, configured: Settings, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    [known] = registry.mappings(configured.model_copy(update={"defs_folder": tmp_path / "defs"}))
    came = deliver(engine, configured, tenant_id, known, FILE + "Total,11.00\n")
    deliver(engine, configured, tenant_id, known, FILE.replace("Paid", "Price"))
    day = day_of(engine, came.upload_id)
    with dg.build_sensor_context(definitions=defs, instance=dg.DagsterInstance.ephemeral()) as tick:
        [request] = next(e for e in defs.sensors or () if e.name == SENSOR)(tick)
    assert (request.partition_key, request.asset_selection) == (day, [KIOSK])
    done = materialized(defs, day)
    [event] = done.asset_materializations_for_node(KIOSK.to_python_identifier())
    told = {name: value.value for name, value in event.metadata.items()}
    assert (told["files"], told["failed_files"], told["lines"], told["used"]) == (2, 1, 5, 2)
    assert (told["made: sales_events"], told["inserted: sales_events"]) == (2, 2)
    rows = [each.data for each in event.metadata["files_of_the_day"].value.records]
    assert [(row["tenant"], row["status"], row["records"]) for row in rows] == [
        ("acme", "loaded", 2), ("acme", "failed", 0),
    ]  # fmt: skip
    [refused] = [each.data for each in event.metadata["first_rejected"].value.records]
    assert (refused["tenant"], refused["line"]) == ("acme", 3)
    assert refused["why"].startswith("event_type (column 'Kind') is none of")
    for name in ("sums", "failed"):
        assert {each.data["tenant"] for each in event.metadata[name].value.records} == {"acme"}
    checks = {e.check_name: e for e in done.get_asset_check_evaluations()}
    assert {name: e.passed for name, e in checks.items()} == {
        "counts_add_up": True, "columns": False, "totals_agree": False,
    }  # fmt: skip
    assert checks["columns"].severity == dg.AssetCheckSeverity.ERROR
    with engine.connect() as connection:
        amounts = connection.exec_driver_sql("SELECT sum(amount), count(*) FROM sales_events").one()
    assert [str(each) for each in amounts] == ["1.0000", "2"]
    # Once more loads nothing and tells the same; again reads what is loaded, and changes nothing.
    materialized(defs, day)
    materialized(defs, day, again=True)
    with engine.connect() as connection:
        sources = connection.exec_driver_sql("SELECT source, status FROM uploads ORDER BY 1, 2")
        assert [tuple(each) for each in sources] == [
            ("http", "failed"), ("http", "loaded"), ("replay", "loaded"),
        ]  # fmt: skip
        again = connection.exec_driver_sql("SELECT sum(amount), count(*) FROM sales_events").one()
    assert again == amounts


def test_what_files_went_into_is_checked_once_they_are_there(
    defs: dg.Definitions, engine: sa.Engine, configured: Settings, tmp_path: Path
) -> None:
    """Orders that a mapping brought were looked at when the next file of our own format came."""
    sensor = next(each for each in defs.sensors or () if each.name == LOADED)

    def tick(cursor: str | None) -> tuple[Any, str | None]:
        with dg.build_sensor_context(definitions=defs, cursor=cursor) as context:
            return sensor(context), context.cursor

    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    [known] = registry.mappings(configured.model_copy(update={"defs_folder": tmp_path / "defs"}))
    came = deliver(engine, configured, tenant_id, known, FILE)
    assert isinstance(tick(None)[0], dg.SkipReason)
    assert materialized(defs, day_of(engine, came.upload_id)).success
    asked, cursor = tick(None)
    assert isinstance(asked, dg.RunRequest)
    assert isinstance(tick(cursor)[0], dg.SkipReason)
    done = defs.resolve_job_def(CHECKS).execute_in_process(raise_on_error=False)
    checked = {each.asset_key.to_user_string() for each in done.get_asset_check_evaluations()}
    assert checked == {"book_sales/sales_events"}


@pytest.mark.filterwarnings("ignore")  # of Dagster's own sandbox
def test_what_dg_scaffolds_is_sound() -> None:
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=MappedFiles, defs_path="till")
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, made):
            assert isinstance(component, MappedFiles)
            [spec] = made.resolve_all_asset_specs()
            assert spec.key == dg.AssetKey(["till", "sales"])
