"""History from files: every form, each reading by itself, once, whatever is killed."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.merge import history as import_history
from ingestion_pipeline.domains.kpis.merge.history import FileResult, Naming, merge_files
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline_tests.domains.kpis.builders import JOB_TIMEOUT, execute, rows

LIMITS = Limits(2**30, 250)
DAYS = [f"2025-{1 + n // 28:02}-{1 + n % 28:02}T05:28:10.519Z" for n in range(60)]


@pytest.fixture
def engine(configured: Settings) -> sa.Engine:
    return database.engine(settings())


def load(engine: sa.Engine, path: Path, content: bytes | str | Any, **more: Any) -> FileResult:
    """Write a file and import it."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode()
    path.write_bytes(content)
    naming = Naming(more.pop("kpi_id", None))
    [file] = merge_files(
        engine, [path], tenant="acme", naming=naming, limits=LIMITS, job_timeout=JOB_TIMEOUT, **more
    ).files
    counts = file.counts
    assert counts.read == counts.new + counts.duplicates + counts.corrected + counts.refused
    return file


def stored(engine: sa.Engine) -> list[tuple[Any, ...]]:
    return rows(engine, "SELECT kpi_id, value, trace_id FROM kpi_points ORDER BY kpi_id, 2")


def reading(n: int, **more: Any) -> dict[str, Any]:
    return {"traceId": f"t{n}", "kpiId": "k", "timestamp": DAYS[n], "kpiType": "price",
            "data": {"value": float(n)}, **more}  # fmt: skip


def series(number: int = 3, kpi: str = "cmc-btc") -> dict[str, Any]:
    """A document as the original stores it."""
    return {
        "kpiId": kpi, "kpiType": "cmc-multi",
        "dataPoints": [
            {"timestamp": DAYS[n], "value": 50.5 + n,
             "metadata": {"kpiType": "cmc-multi", "chart": None,
                          "originalData": {"value": 50.5 + n, "historical": True}}}
            for n in range(number)
        ],
        "lastUpdated": DAYS[number - 1],
        "metadata": {"created": DAYS[0], "totalPoints": number, "source": "real-webhook-data"},
    }  # fmt: skip


def package(trace: str = "trace_1", **more: Any) -> dict[str, Any]:
    return {"traceId": trace, "kpiId": "cmc-btc", "timestamp": DAYS[1], "kpiType": "cmc-multi",
            "data": {"value": 51.5}, "chart": {"url": "u", "type": "line", "timeRange": "7d"},
            "metadata": {"source": "n8n", "createdAt": DAYS[1]},
            "analysis": {"individual": "up"}, **more}  # fmt: skip


def job(trace: str = "trace_1") -> dict[str, Any]:
    return {
        "traceId": trace, "status": "partial", "createdAt": DAYS[1], "updatedAt": DAYS[2],
        "kpis": {
            "cmc-btc": {"kpiId": "cmc-btc", "status": "completed", "completedAt": DAYS[1]},
            "cmc-eth": {"kpiId": "cmc-eth", "status": "failed", "error": "401", "retryCount": 3},
            "cmc-ada": {"kpiId": "cmc-ada", "status": "timeout"},
        },
        "metadata": {"totalKPIs": 3, "timeoutThreshold": DAYS[2]},
    }  # fmt: skip


def dump() -> dict[str, Any]:
    return {
        "timeseries:cmc-btc": series(), "package:trace_1:cmc-btc": package(),
        "job:trace_1": job(), "idempotency:cmc-btc:x": "1", "consolidated:trace_1": {"a": 1},
    }  # fmt: skip


FORMS = {
    "array": lambda many: json.dumps(many),
    "pretty array": lambda many: json.dumps(many, indent=2),
    "ndjson": lambda many: "\n".join(json.dumps(each) for each in many) + "\n",
    "ndjson of windows": lambda many: "\ufeff" + "\r\n\r\n".join(json.dumps(each) for each in many),
    "csv": lambda many: "trace_id,KPI ID,timestamp,kpiType,value,unit\n" + "".join(
        f"{e['traceId']},{e['kpiId']},{e['timestamp']},price,{e['data']['value']},EUR\n"
        for e in many),
    "csv of excel": lambda many: "traceId;kpiId;timestamp;type;value\r\n" + "".join(
        f"{e['traceId']};{e['kpiId']};{e['timestamp']};price;{e['data']['value']}\r\n"
        for e in many),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_form_of_readings_comes_in_once(
    engine: sa.Engine, tmp_path: Path, form: str, packed: bool
) -> None:
    content = FORMS[form]([reading(n) for n in range(30)]).encode()
    content = gzip.compress(content) if packed else content
    first = load(engine, tmp_path / "history", content)
    again = load(engine, tmp_path / "history", content)
    assert (first.error, first.counts.new, again.counts.duplicates) == (None, 30, 30)
    assert stored(engine) == [("k", float(n), f"t{n}") for n in range(30)]


@pytest.mark.parametrize(
    "write",
    [
        lambda found: json.dumps(found), lambda found: json.dumps(found, indent=1),
        lambda found: json.dumps({key: json.dumps(value) for key, value in found.items()}),
        lambda found: "\n".join(json.dumps({"key": k, "value": v}) for k, v in found.items()),
        lambda found: "\n".join(
            json.dumps({"key": k, "value": json.dumps(v)}) for k, v in found.items()),
        lambda found: json.dumps(
            [{"key": k, "value": json.dumps(v), "base64": False} for k, v in found.items()]),
        lambda found: json.dumps(dict(reversed(found.items()))),
    ],
    ids=["object", "pretty", "texts", "pairs", "pairs of texts", "bulk", "the other way round"],
)  # fmt: skip
def test_a_dump_of_the_store_becomes_points_packages_and_jobs(
    engine: sa.Engine, tmp_path: Path, write: Any
) -> None:
    file = load(engine, tmp_path / "dump.json", write(dump()))
    assert (file.error, file.faults) == (None, [])
    assert (file.counts.read, file.counts.jobs, file.counts.passed_over) == (4, 1, 2)
    assert dict(file.passed_over) == {"idempotency": 1, "consolidated": 1}
    assert [value for _, value, _ in stored(engine)] == [50.5, 51.5, 52.5]
    assert rows(engine, "SELECT data FROM kpi_updates WHERE trace_id = 'history.cmc-btc'"
                        " ORDER BY observed_at LIMIT 1") == [
        ({"value": 50.5, "historical": True},)
    ]  # fmt: skip
    assert rows(engine, "SELECT analysis FROM kpi_analyses") == [({"individual": "up"},)]
    of_job = (
        "SELECT kpi_id, status, error, retry_count FROM kpi_job_kpis WHERE trace_id = 'trace_1'"
    )
    states = rows(engine, of_job + " ORDER BY 1")
    assert states == [("cmc-ada", "timeout", None, 0), ("cmc-btc", "completed", None, 0),
                      ("cmc-eth", "failed", "401", 3)]  # fmt: skip
    again = load(engine, tmp_path / "dump.json", write(dump()))
    assert (again.counts.new, again.counts.duplicates) == (0, 4)
    assert rows(engine, of_job + " ORDER BY 1") == states
    assert rows(engine, "SELECT count(*) FROM kpi_analyses") == [(1,)]


def test_what_is_known_is_newer_than_what_a_dump_says(engine: sa.Engine, tmp_path: Path) -> None:
    load(engine, tmp_path / "1", [package(analysis={"individual": "newer"})])
    late = {"job:trace_1": job(), "package:trace_1:cmc-btc": package()}
    late["job:trace_1"]["kpis"]["cmc-btc"] = {"status": "failed", "error": "old"}
    load(engine, tmp_path / "2", late)
    assert rows(engine, "SELECT analysis FROM kpi_analyses") == [({"individual": "newer"},)]
    assert rows(engine, "SELECT status FROM kpi_job_kpis WHERE kpi_id = 'cmc-btc'") == [
        ("completed",)
    ]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_one_bad_reading_costs_only_itself(engine: sa.Engine, tmp_path: Path, form: str) -> None:
    many = [reading(n) for n in range(6)]
    many[1]["data"]["value"] = "1_000"
    many[2]["timestamp"] = "2025-01-01"
    lines = FORMS[form](many).encode().splitlines(keepends=True)
    lines.insert(-1, b'"never closed, {\xff\n')
    file = load(engine, tmp_path / "h", b"".join(lines))
    assert (file.counts.new, file.counts.refused) == (4, 3)
    start = 2 if form == "csv" else 1
    places = [fault.place for fault in file.faults]
    assert places == [f"line {start + 1}", f"line {start + 2}", f"line {start + 5}"]
    assert file.faults[0].reason.startswith("data.value: must be a finite number")


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_half_a_surrogate_pair_and_a_kpi_that_nobody_named_cost_themselves_and_are_told(
    engine: sa.Engine, tmp_path: Path, form: str
) -> None:
    half = json.dumps(reading(0)).replace('"kpiType": "', r'"kpiType": "\ud800')
    several = {**reading(1), "kpiIds": ["a"], "data": {"a": 1, "b": 2}}
    del several["kpiId"]
    texts = [half, json.dumps(several), json.dumps(reading(2))]
    content = "[" + ",".join(texts) + "]" if form == "array" else "\n".join(texts)
    file = load(engine, tmp_path / "h", content)
    assert (file.counts.new, file.counts.refused) == (2, 2)
    assert "half a surrogate pair" in file.faults[0].reason
    assert file.faults[1].reason.endswith("kpiIds does not name it: data.b")


def test_a_bad_point_of_a_series_costs_only_itself(engine: sa.Engine, tmp_path: Path) -> None:
    document = series(4)
    document["dataPoints"][1]["value"] = None
    document["dataPoints"][2] = 7
    file = load(engine, tmp_path / "h", {"timeseries:cmc-btc": document})
    assert (file.counts.new, file.counts.refused) == (2, 2)
    assert file.faults[0].place == "timeseries:cmc-btc, dataPoints[1]"


def test_original_data_that_disagrees_is_not_taken_for_the_value(
    engine: sa.Engine, tmp_path: Path
) -> None:
    document = series(1)
    document["dataPoints"][0]["metadata"]["originalData"] = {"value": 999}
    load(engine, tmp_path / "h", {"timeseries:cmc-btc": document})
    assert rows(engine, "SELECT value, data FROM kpi_updates") == [(50.5, {"value": 50.5})]


def test_two_columns_are_enough_when_the_kpi_is_named(engine: sa.Engine, tmp_path: Path) -> None:
    csv = f"time,value\n{DAYS[0]},1.5\n{DAYS[1]},\n"
    file = load(engine, tmp_path / "h.csv", csv, kpi_id="mrr")
    assert (file.counts.new, file.counts.refused) == (1, 1)
    assert stored(engine) == [("mrr", 1.5, "history.mrr")]
    nobody = load(engine, tmp_path / "h.csv", csv)
    assert "kpiId" in nobody.faults[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"), (b" \n\n", "empty"), (b"name,price\n1,2\n", "needs the columns"),
        (b"timestamp,value,Value\n", "there twice"), (b"PK\x03\x04", "archive"),
        ('timestamp,value\n'.encode("utf-16-le"), "UTF-16"), (b"<html>", "a web page"),
        (gzip.compress(b"[" + b" " * 5000, mtime=0)[:-9], "damaged"),
        (gzip.compress(b"timestamp,value\n" + b"\n" * 4_000_000), "times its size"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_gets_one_sentence(
    engine: sa.Engine, tmp_path: Path, content: bytes, reason: str
) -> None:
    file = load(engine, tmp_path / "h", content)
    assert reason in str(file.error)
    assert file.counts.read == 0


def test_what_came_before_the_break_is_kept(engine: sa.Engine, tmp_path: Path) -> None:
    whole = json.dumps([reading(n) for n in range(5)])
    file = load(engine, tmp_path / "h", whole[:-30])
    assert "breaks off" in str(file.error)
    assert file.counts.new == 4
    assert load(engine, tmp_path / "h", whole).counts.new == 1


def test_an_integer_stays_exact_on_its_way(engine: sa.Engine, tmp_path: Path) -> None:
    document = series(1)
    document["dataPoints"][0] |= {"value": 2**53 + 1, "metadata": None}
    file = load(engine, tmp_path / "h", {"timeseries:cmc-btc": document})
    assert (file.counts.refused, file.counts.new) == (1, 0)
    assert "9007199254740993" in file.faults[0].reason


def test_a_dry_run_writes_nothing_and_says_the_same(engine: sa.Engine, tmp_path: Path) -> None:
    dry = load(engine, tmp_path / "h", dump(), dry_run=True)
    for table in ("kpi_points", "kpi_updates", "kpi_jobs", "tenants"):
        assert rows(engine, f"SELECT count(*) FROM {table}") == [(0,)]
    assert load(engine, tmp_path / "h", dump()).counts == dry.counts


def test_what_the_database_refuses_costs_only_itself(engine: sa.Engine, tmp_path: Path) -> None:
    execute(engine, "ALTER TABLE kpi_updates ADD CONSTRAINT no_t1 CHECK (trace_id <> 't1')")
    file = load(engine, tmp_path / "h", [reading(n) for n in range(4)])
    assert (file.counts.new, file.counts.refused) == (3, 1)
    assert "must suit the database" in file.faults[0].reason


def test_a_correction_in_a_file_is_one(engine: sa.Engine, tmp_path: Path) -> None:
    load(engine, tmp_path / "h", [reading(1)])
    right = reading(1, data={"value": 7}, correct=True)
    assert load(engine, tmp_path / "h", [right]).counts.corrected == 1
    assert load(engine, tmp_path / "h", [right]).counts.duplicates == 1


def test_memory_does_not_hold_the_file(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []
    record = import_history._record

    def noted(begin: Any, items: Any, result: FileResult, timeout: Any) -> None:
        handed.append(len(items))
        record(begin, items, result, timeout)

    monkeypatch.setattr(import_history, "_record", noted)
    many: Iterator[dict[str, Any]] = (reading(n % 60, traceId=f"t{n}") for n in range(1200))
    load(engine, tmp_path / "h", "\n".join(map(json.dumps, many)))
    assert handed == [500, 500, 200]


# In a shell.


COMMAND = [sys.executable, "-m", "ingestion_pipeline.cli", "kpis", "import"]


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)


def test_the_command_says_what_happened_and_its_exit_code_too(
    configured: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "history.ndjson"
    path.write_text(json.dumps(reading(1)) + "\n{\n")
    done = shell(path, "--tenant", "acme", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["totals"]["new"], document["totals"]["refused"]) == (1, 1)
    assert document["files"][0]["faults"][0]["place"] == "line 2"
    strict = shell(path, "--strict")
    assert (strict.returncode, "line 2" in strict.stdout) == (3, True)
    path.write_text("")
    empty = shell(path)
    assert (empty.returncode, "empty" in empty.stderr) == (1, True)
    assert shell(path, "--kpi", "a b").returncode == 2


def test_killed_anywhere_and_repeated_it_ends_the_same(
    configured: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "dump.json"
    number = 4000
    points = [{"timestamp": f"2025-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z",
               "value": n} for n in range(number)]  # fmt: skip
    path.write_text(json.dumps({"timeseries:k": {**series(), "kpiId": "k", "dataPoints": points}}))
    command = [*COMMAND, str(path)]
    count = "SELECT count(*) FROM kpi_points"
    first = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)  # fmt: skip
    while first.poll() is None and not 0 < rows(engine, count)[0][0] < number:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert rows(engine, count)[0][0] > 0
    assert shell(path).returncode == 0
    assert rows(engine, count) == [(number,)]
    assert rows(engine, "SELECT count(*), count(DISTINCT observed_at) FROM kpi_updates") == [
        (number, number)
    ]


@pytest.mark.parametrize(
    ("key", "document", "reason"),
    [
        ("timeseries:a", {"kpiId": "b", "dataPoints": []}, "kpiId: is not the one of its key"),
        ("job:t1", {"traceId": "t1", "createdAt": "2026-01-01T00:00:00Z", "kpis": ["a"]},
         "kpis: must be an object"),
        ("timeseries:a", {"dataPoints": [{"timestamp": "2026-01-01T00:00:00Z", "value": True,
                                          "metadata": {"originalData": {"value": 1}}}]},
         "data.value: must be a finite number"),
    ],
)  # fmt: skip
def test_a_document_that_contradicts_itself_is_refused_with_a_reason(
    engine: sa.Engine, tmp_path: Path, key: str, document: Any, reason: str
) -> None:
    file = load(engine, tmp_path / "h", json.dumps({key: document}).encode())
    assert (file.counts.read, file.counts.refused, file.error) == (1, 1, None)
    assert reason in file.faults[0].reason
