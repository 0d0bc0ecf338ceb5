"""APIs of files in Dagster: an asset each, a partition a day, its checks, its faults with their
place."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster.components.testing.utils import create_defs_folder_sandbox
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.components import HttpSeries
from ingestion_pipeline.components.loading import load, with_described
from ingestion_pipeline.definitions import ours
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.described.kinds import HOME
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.partitions import RANGE
from ingestion_pipeline.orchestration.resources import RESOURCES
from ingestion_pipeline_tests.foundation.collecting.serving import Asked, Reply, reply, serving

ATTRIBUTES = """\
  tenant: acme
  url: URL/readings
  auth: {type: bearer, secret: PLANT_TOKEN}
  records: data
  pages: {cursor: next, query: cursor, total: count}
  limits: {requests_per_minute: 60000}
  window:
    start: {query: from, format: "%Y-%m-%d"}
    end: {query: to, format: "%Y-%m-%d"}
    end_is: inclusive
    zone: Europe/Berlin
    first_day: 2026-01-01
    look_back: 2
    lag: 2h
  mapping:
    source: plant
    mapping: readings
    dates: ["%Y-%m-%dT%H:%M:%S%z"]
    emit:
      kpi_points:
        fields:
          kpi_id: {of: name, lookup: {flow: plant.flow, no: plant.no}}
          timestamp: time
          value: value
"""
PLANT = dg.AssetKey(["plant", "readings"])
TOKEN = "t0ken-of-the-plant"


def write(folder: Path, **files: str) -> Path:
    for name, attributes in files.items():
        (folder / name).mkdir(parents=True)
        text = f"type: {HOME}.HttpSeries\nattributes:\n{attributes}"
        (folder / name / "defs.yaml").write_text(text)
    return folder


def faults(folder: Path) -> list[str]:
    described = Settings(defs_folder=folder).described
    _, found = load(described, beside=dg.Definitions())
    return [str(each).replace(f"{folder}/", "") for each in found]


@dataclass
class Plant:
    """Readings by day; days in `down` have none to give."""

    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return reply({"error": "who are you?"}, 401)
        day = asked.query["from"]
        if day in self.down:
            return Reply(b"<html>closed</html>", 403)
        rows, at = self.days.get(day, []), int(asked.query.get("cursor", 0))
        more = at + 2 < len(rows)
        return reply({"data": rows[at : at + 2], "next": str(at + 2) if more else None,
                      "count": len(rows)})  # fmt: skip


def readings(day: str, number: int = 3) -> list[dict[str, Any]]:
    return [
        {"name": "flow", "time": f"{day}T{hour:02}:00:00+01:00", "value": hour + 0.5}
        for hour in range(number)
    ]


@dataclass
class Site:
    """A source of files with an API behind it."""

    plant: Plant
    folder: Path
    defs: dg.Definitions
    instance: dg.DagsterInstance
    asked: list[Asked]
    engine: sa.Engine

    def run(self, *days: str) -> dg.ExecuteInProcessResult:
        tags = dict(zip(RANGE, (days[0], days[-1]), strict=True)) if len(days) > 1 else {}
        job = self.defs.resolve_job_def("collect_plant_readings")
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags,
            partition_key=days[0] if len(days) == 1 else None,
        )  # fmt: skip

    @property
    def materialized(self) -> set[str]:
        return set(self.instance.get_materialized_partitions(PLANT))

    def points(self) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT kpi_id, observed_at, value FROM kpi_points ORDER BY 1, 2"
            )
            return [tuple(row) for row in rows]


@pytest.fixture
def site(
    tmp_path: Path, configured: Settings, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setenv("PLANT_TOKEN", f"{TOKEN}\n")
    monkeypatch.setenv("HTTP_BACKOFF", "0.01")
    with engine.begin() as connection:
        tenants.ensure(connection, "acme")
    plant = Plant({day: readings(day) for day in ("2026-01-01", "2026-01-02", "2026-01-03")})
    with serving(plant) as server, dg.instance_for_test() as instance:
        folder = write(tmp_path / "defs", flow=ATTRIBUTES.replace("URL", server.url))
        described = Settings(defs_folder=folder).described
        parts, found = load(described, beside=dg.Definitions())
        assert not found, found
        made = dg.Definitions.merge(*parts, dg.Definitions(resources=RESOURCES))
        yield Site(plant, folder, made, instance, server.asked, engine)


def test_an_api_is_an_asset_with_its_yaml_its_days_and_what_follows_from_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, flow=ATTRIBUTES.replace("URL", "https://api.example.com"))
    made = with_described(ours(), Settings(defs_folder=tmp_path))
    dg.Definitions.validate_loadable(made)
    graph = made.resolve_asset_graph()
    spec = next(each for each in made.resolve_all_asset_specs() if each.key == PLANT)
    assert (spec.group_name, spec.kinds) == ("intake", {"api", "yaml"})
    [code] = spec.metadata["dagster/code_references"].code_references
    assert code.file_path == f"{tmp_path}/flow/defs.yaml"
    assert PLANT in graph.get(dg.AssetKey(["kpis", "points"])).parent_keys
    partitions = graph.get(PLANT).partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert (partitions.timezone, partitions.get_first_partition_key()) == (
        "Europe/Berlin", "2026-01-01",
    )  # fmt: skip
    assert {each.name for each in graph.get(PLANT).check_keys} == {
        "counts_add_up", "columns", "nothing_is_gone", "no_gaps",
    }  # fmt: skip


def test_a_day_is_collected_once_and_changes_nothing_when_it_is_again(site: Site) -> None:
    assert site.run("2026-01-01").success
    points = site.points()
    assert points == [
        ("plant.flow", datetime(2025, 12, 31, 23, tzinfo=UTC), 0.5),
        ("plant.flow", datetime(2026, 1, 1, 0, tzinfo=UTC), 1.5),
        ("plant.flow", datetime(2026, 1, 1, 1, tzinfo=UTC), 2.5),
    ]
    assert [each.query for each in site.asked] == [
        {"from": "2026-01-01", "to": "2026-01-01"},
        {"from": "2026-01-01", "to": "2026-01-01", "cursor": "2"},
    ]
    again = site.run("2026-01-01")
    assert again.success
    assert site.points() == points
    [materialized] = again.get_asset_materialization_events()
    said = materialized.materialization.metadata
    assert (said["changed"].value, said["records"].value, said["pages"].value) == (False, 3, 2)


def test_a_refused_record_of_a_day_is_shown_with_its_reason(site: Site) -> None:
    """The UI said `rejected: 1`, and of a file which rows and why; of an API nothing."""
    site.plant.days["2026-01-01"][1]["value"] = "broken"
    [made] = site.run("2026-01-01").get_asset_materialization_events()
    said = made.materialization.metadata
    assert said["rejected"].value == 1
    [row] = said["first_rejected"].records  # type: ignore[union-attr]
    assert row.data["line"] == 2
    assert "value" in str(row.data["why"])
    assert (
        "first_rejected"
        not in next(
            iter(site.run("2026-01-02").get_asset_materialization_events())
        ).materialization.metadata
    )


def test_days_in_one_run_of_which_one_fails_are_there_without_it(site: Site) -> None:
    site.plant.down.add("2026-01-02")
    result = site.run("2026-01-01", "2026-01-02", "2026-01-03")
    assert not result.success
    assert site.materialized == {"2026-01-01", "2026-01-03"}
    assert len(site.points()) == 6
    site.plant.down.clear()
    assert site.run("2026-01-02").success
    assert site.materialized == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert len(site.points()) == 9
    again = site.run("2026-01-01", "2026-01-02", "2026-01-03")
    assert again.success
    said = {
        each.materialization.partition: each.materialization.metadata["records"].value
        for each in again.get_asset_materialization_events()
    }
    assert said == {"2026-01-01": 3, "2026-01-02": 3, "2026-01-03": 3}


def test_a_day_whose_lag_is_not_over_is_not_there(site: Site) -> None:
    yesterday = (datetime.now(UTC).astimezone(ZoneInfo("Europe/Berlin")) - timedelta(days=1)).date()
    text = (site.folder / "flow" / "defs.yaml").read_text().replace("lag: 2h", "lag: 30d")
    (site.folder / "flow" / "defs.yaml").write_text(text)
    parts, _ = load(Settings(defs_folder=site.folder).described, beside=dg.Definitions())
    site.defs = dg.Definitions.merge(*parts, dg.Definitions(resources=RESOURCES))
    assert not site.run(yesterday.isoformat()).success
    assert site.asked == []
    assert site.materialized == set()


def test_what_files_of_an_api_are_called_is_known_to_commands(site: Site) -> None:
    configuration = Settings(defs_folder=site.folder)
    known = registry.mapping_of(configuration, "plant/readings")
    assert known.mapped.read.formats == ("ndjson",)
    [(file, same)], _ = registry.described_knowns(configuration.described)
    assert (file, same.name) == (site.folder / "flow" / "defs.yaml", "plant/readings")


def test_a_day_is_shown_and_not_loaded(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFS_FOLDER", str(site.folder))
    settings.cache_clear()
    site.plant.days["2026-01-01"][1]["name"] = "unknown"
    asked = ["sources", "fetch", "plant/readings", "--day", "2026-01-01"]
    shown = CliRunner().invoke(app, [*asked, "--keep", str(tmp_path / "kept.gz"), "--json"])
    assert shown.exit_code == 3
    said = json.loads(shown.stdout)
    assert "unknown" in shown.stdout
    assert said["counts"]["used"] == 2
    assert gzip.decompress((tmp_path / "kept.gz").read_bytes()).count(b"\n") == 3
    assert site.points() == []
    without = CliRunner().invoke(app, asked[:3])
    assert (without.exit_code, "say which, by --day" in without.output) == (1, True)
    other = CliRunner().invoke(app, ["sources", "fetch", "plant/other"])
    assert (other.exit_code, "there are plant/readings" in other.output) == (1, True)


def test_an_empty_day_is_a_day_and_one_that_has_become_empty_is_told(site: Site) -> None:
    assert site.run("2026-01-04").success
    assert site.run("2026-01-01").success
    points = site.points()
    site.plant.days["2026-01-01"] = []
    result = site.run("2026-01-01")
    assert result.success
    assert site.points() == points
    [gone] = [
        each for each in result.get_asset_check_evaluations()
        if each.check_name == "nothing_is_gone"
    ]  # fmt: skip
    assert (gone.passed, gone.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_no_run_says_the_secret(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLANT_TOKEN", "wrong-token-of-the-plant")
    result = site.run("2026-01-01")
    assert not result.success
    events = " ".join(
        str(each) for each in site.instance.all_logs(result.run_id)
    )  # fmt: skip
    assert "401" in events
    assert "wrong-token" not in events + caplog.text
    monkeypatch.delenv("PLANT_TOKEN")
    result = site.run("2026-01-01")
    said = " ".join(str(each) for each in site.instance.all_logs(result.run_id))
    assert "PLANT_TOKEN is not set" in said


def test_the_schedule_asks_for_what_is_due_and_looks_back(site: Site) -> None:
    [schedule] = site.defs.schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "30 2 * * *"
    moment = datetime(2026, 1, 6, 1, 30, tzinfo=UTC)  # 02:30 in Berlin
    context = dg.build_schedule_context(scheduled_execution_time=moment)
    tick = schedule.evaluate_tick(context)
    [request] = tick.run_requests or ()
    assert [request.tags[each] for each in RANGE] == ["2026-01-03", "2026-01-05"]
    first = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 1, 1, 1, 30, tzinfo=UTC)
    )
    assert schedule.evaluate_tick(first).skip_message == "the first day is 2026-01-01"


def test_an_api_without_windows_is_one_list(site: Site, tmp_path: Path) -> None:
    text = ATTRIBUTES.replace("URL", "https://api.example.com")
    begin, end = text.index("  window:"), text.index("  mapping:")
    write(tmp_path / "other", flow=text[:begin] + "  schedule: 0 * * * *\n" + text[end:])
    described = Settings(defs_folder=tmp_path / "other").described
    [found], wrong = registry.known_series(described)
    assert not wrong
    assert (found.source.api.window, found.source.schedule) == (None, "0 * * * *")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("tenant: acme", "tenat: acme", "flow/defs.yaml:3: attributes.tenat: is unknown"),
        ("records: data", "records: [data, ]x", "is not YAML"),
        ("cursor: next", "cursr: next",
         "flow/defs.yaml:7:11: attributes.pages.cursr: is unknown, did you mean 'cursor'?"),
        ("secret: PLANT_TOKEN", "secret: t0ken",
         "flow/defs.yaml:5:24: attributes.auth.secret: must be the NAME of an environment"),
        ("first_day: 2026-01-01", "first_day: 2026-02-31",
         "flow/defs.yaml:14:5: attributes.window.first_day: must be a day such as 2026-01-31"),
        ("kpi_points:", "kpi_point:",
         "flow/defs.yaml:22:7: attributes.mapping.emit.kpi_point: is no type of records, did you "
         "mean 'kpi_points'?"),
        ("value: value", "valeu: value", "did you mean 'value'?"),
        ("  mapping:\n", "  schedule: every day\n  mapping:\n",
         "flow/defs.yaml:17:3: attributes.schedule: must be five fields of cron"),
        ("source: plant", "source: a/b", "source is 'a/b'"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_column(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    text = ATTRIBUTES.replace("URL", "https://api.example.com")
    assert before in text
    write(tmp_path, flow=text.replace(before, after, 1))
    found = faults(tmp_path)
    assert any(fault in each for each in found), found


def test_what_scaffold_writes_loads(tmp_path: Path) -> None:
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=HttpSeries, defs_path="plant")
        written = (path / "defs.yaml").read_text()
    folder = tmp_path / "defs"
    (folder / "plant").mkdir(parents=True)
    (folder / "plant" / "defs.yaml").write_text(written)
    assert faults(folder) == []
    [found], _ = registry.known_series(Settings(defs_folder=folder).described)
    assert found.known.name == "plant/readings"
