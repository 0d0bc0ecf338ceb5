"""The command line as a shell sees it: output for people, JSON for programs, exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.settings import Settings


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "sample"
    sizes = ["--customers=40", "--products=10", "--orders=80", "--order-items=160"]
    assert run("sample-data", folder, *sizes, "--bad-share=0.1").returncode == 0
    return folder


@pytest.fixture
def sample(configured: Settings, tmp_path: Path, made: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "sample"))


COMMANDS = [
    [], ["up"], ["demo"], ["ingest"], ["sample-data"], ["db"], ["db", "upgrade"],
    ["db", "status"], ["db", "url"], ["db", "stop"], ["db", "psql"],
    ["tenants"], ["tenants", "create"],
    ["tenants", "list"], ["tenants", "rotate"], ["tenants", "revoke"],
    ["tenants", "signing-secret"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.stdout


def test_the_shell_is_shown_the_help() -> None:
    """As the test above, from a process of its own."""
    shown = run("--help")
    assert shown.returncode == 0
    assert "Usage" in shown.stdout


def test_ingest_json_is_the_documented_document(sample: Path) -> None:
    done = run("ingest", "--data-dir", sample, "--tenant", "acme", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"files", "totals", "rejected_by_reason"}
    assert [file["type"] for file in document["files"]] == [
        "customers", "products", "orders", "order_items",
    ]  # fmt: skip
    assert set(document["files"][0]) == {
        "file", "tenant", "type", "lines", "blank", "preamble", "rejected", "staged", "inserted",
        "updated",
        "unchanged", "superseded", "waiting", "seconds",
    }  # fmt: skip
    totals = document["totals"]
    assert totals["lines"] == totals["blank"] + totals["rejected"] + totals["staged"]
    assert totals["rejected"] > 0
    assert sum(document["rejected_by_reason"].values()) >= totals["rejected"]


def test_ingest_strict_exits_3_when_lines_were_rejected(sample: Path) -> None:
    assert run("ingest", "--data-dir", sample, "--strict").returncode == 3
    assert run("ingest", "--data-dir", sample).returncode == 0


def test_ingest_shows_counts_and_reasons(sample: Path) -> None:
    done = run("ingest", "--data-dir", sample, COLUMNS="120")
    assert "customers_sample.ndjson" in done.stdout
    assert "rejected_rows" in done.stdout
    assert "must be" in done.stdout


def test_dry_run_says_the_same_numbers_and_writes_nothing(sample: Path) -> None:
    def counts(*more: str) -> list[dict[str, object]]:
        done = run("ingest", "--data-dir", sample, "--json", *more)
        return [
            {name: value for name, value in file.items() if name != "seconds"}
            for file in json.loads(done.stdout)["files"]
        ]

    dry = counts("--dry-run")
    assert dry == counts("--dry-run")
    assert dry == counts()


def test_files_that_are_no_data_are_passed_over_and_named(sample: Path) -> None:
    (sample / "notes.txt").write_text("hello")
    done = run("ingest", "--data-dir", sample, "--json")
    assert done.returncode == 0
    assert "notes.txt" in done.stderr


def test_a_folder_without_data_files_is_an_error(configured: Settings, tmp_path: Path) -> None:
    done = run("ingest", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "no data files" in done.stderr
    assert run("ingest", "--data-dir", tmp_path / "nowhere").returncode == 2


def test_a_file_that_is_unusable_as_a_whole_fails_the_command_and_the_rest_is_loaded(
    sample: Path,
) -> None:
    (sample / "orders_broken.csv").write_text("who,what\n1,2\n")
    done = run("ingest", "--data-dir", sample, "--json")
    assert done.returncode == 1
    files = {file["file"]: file for file in json.loads(done.stdout)["files"]}
    assert "order_id" in files["orders_broken.csv"]["error"]
    assert files["order_items_sample.ndjson"]["inserted"] > 0


def test_tenants_create_prints_the_key_once_as_json(configured: Settings) -> None:
    created = json.loads(run("tenants", "create", "acme", "--json").stdout)
    assert set(created) == {"tenant", "tenant_id", "api_key"}
    listed = run("tenants", "list", "--json").stdout
    assert json.loads(listed)[0]["active_keys"] == 1
    assert created["api_key"] not in listed


def test_tenants_rotate_and_revoke(configured: Settings) -> None:
    run("tenants", "create", "acme")
    run("tenants", "create", "acme")
    assert json.loads(run("tenants", "list", "--json").stdout)[0]["active_keys"] == 2
    assert json.loads(run("tenants", "rotate", "acme", "--json").stdout)["tenant"] == "acme"
    assert json.loads(run("tenants", "list", "--json").stdout)[0]["active_keys"] == 1
    assert run("tenants", "revoke", "acme").returncode == 0
    assert json.loads(run("tenants", "list", "--json").stdout)[0]["active_keys"] == 0


def test_a_bad_or_unknown_tenant_is_one_clear_line(configured: Settings) -> None:
    for arguments in (["create", "No Such Name"], ["rotate", "nobody"], ["revoke", "nobody"]):
        done = run("tenants", *arguments)
        assert done.returncode == 1
        assert "tenant" in done.stderr
        assert "Traceback" not in done.stderr


def test_db_status_hides_the_password_and_tells_readiness(configured: Settings) -> None:
    done = run("db", "status", "--json")
    assert done.returncode == 0
    status = json.loads(done.stdout)
    assert status["ready"]
    assert "***" in status["url"]


def test_db_status_starts_nothing(tmp_path: Path) -> None:
    done = run("db", "status", "--json", INGESTION_HOME=str(tmp_path / "x"), DATABASE_URL="")
    assert done.returncode == 1
    assert not (tmp_path / "x").exists()


def test_an_unreachable_database_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    done = run("db", "status", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    assert done.returncode == 1
    failed = run("tenants", "list", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    assert failed.returncode == 1
    for output in (done, failed):
        assert "hunter2" not in output.stdout + output.stderr
        assert "Traceback" not in output.stderr


def test_the_embedded_database_is_found_used_and_stopped(tmp_path: Path) -> None:
    home = {"INGESTION_HOME": str(tmp_path / "home"), "DATABASE_URL": ""}
    try:
        assert run("db", "upgrade", **home).returncode == 0
        assert run("db", "status", **home).returncode == 0
        url = run("db", "url", **home).stdout.strip()
        assert url.startswith("postgresql://ingestion:")
        answer = run("db", "psql", "-At", "-c", "SELECT count(*) FROM tenants", **home)
        assert answer.stdout.strip() == "0", answer.stderr
    finally:
        assert "stopped" in run("db", "stop", **home).stdout
    assert run("db", "status", **home).returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "list", "--limit", "１２"], ["jobs", "list", "--limit", "1_0"],
        ["jobs", "show", "99999999999999999999"], ["jobs", "show", "٣"],
        ["rejected", "list", "--limit", "１２"], ["tenants", "quota", "a", "--landed-bytes", "1_0"],
        ["alert-rules", "set", "--point", "p", "--minimum", "１.５"],
        ["alert-rules", "set", "--point", "p", "--maximum", "nan"],
        ["alert-rules", "set", "--point", "p", "--maximum", "1e999"],
        ["collect", "--site", "s", "--day", "２０２６-01-31"],
        ["sandbox", "--port", "８１００"], ["sample-data", "here", "--bad-share", "٠"],
        ["sample-data", "here", "--seed", "1_0"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_number_in_other_digits_is_wrong_usage(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "Invalid value" in done.output) == (2, True)


def test_a_variable_that_is_wrong_gets_one_line(tmp_path: Path) -> None:
    done = run("db", "status", INGESTION_HOME=str(tmp_path), GATEWAY_PORT="１２")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "GATEWAY_PORT: must be a whole number in digits 0 to 9, got '１２'"
    ]
