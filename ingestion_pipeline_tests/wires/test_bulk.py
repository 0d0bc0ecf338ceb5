"""The bulk command of the replaced service, with its flags as they were printed."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app, main
from ingestion_pipeline.cli.uploading import upload as uploading
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline_tests.domains.commerce.builders import customer, finals, order, write_files
from ingestion_pipeline_tests.domains.commerce.uploading import loading, uploads_of
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

GATEWAY_ENVIRONMENT = {"JOB_ATTEMPTS": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(
        tmp_path / "data",
        {
            "orders_1.ndjson": (order(n, n) for n in range(4)),
            "customers_1.ndjson": [*map(customer, range(4)), {"customer_id": "wrong"}],
        },
    )


@pytest.fixture(autouse=True)
def _as_a_shell_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("INGESTION_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("API_KEY", raising=False)
    monkeypatch.setattr(uploading, "_POLL_SECONDS", 0.05)
    settings.cache_clear()
    yield
    settings.cache_clear()


def _bulk(folder: Path, url: str, *more: str, api_key: str | None = None) -> Result:
    printed = ["bulk", "--data-dir", str(folder), "--api-url", url, *more]
    return CliRunner().invoke(app, printed, env={"API_KEY": api_key} if api_key else None)


def _said(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, (done.output, done.exception)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _sizes(gateway: RunningGateway, sender: Sender) -> dict[str, int]:
    return {name: len(rows) for name, rows in finals(gateway.engine, sender.tenant).items()}


def test_the_printed_flags_of_bulk_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "customers_1.ndjson").write_text("{}\n")
    url = "http://127.0.0.1:9"
    said = _said(_bulk(tmp_path, url, "--tenant-id", "acme", "--dry-run", "--json"))
    assert said["files"] == [{"file": "customers_1.ndjson", "type": "customers", "bytes": 3}]
    shown = _bulk(tmp_path, url, "--tenant-id", "acme", "--dry-run")
    assert shown.exit_code == 0
    assert "would send customers_1.ndjson" in shown.output


def test_rows_arrive_and_a_second_time_changes_nothing(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    with loading(gateway):
        shown = _bulk(folder, gateway.url, "--tenant-id", sender.tenant, api_key=sender.api_key)
        assert shown.exit_code == 0, (shown.output, shown.exception)
        assert "rejected_rows" in shown.stdout
        assert "--tenant-id" not in shown.stderr
    assert _sizes(gateway, sender) == {
        "customers": 4, "orders": 4, "products": 0, "order_items": 0
    }  # fmt: skip
    with loading(gateway):
        again = _said(_bulk(folder, f"{gateway.url}/", "--json", api_key=sender.api_key))
    assert (again["totals"]["unchanged"], again["totals"]["inserted"]) == (8, 0)
    assert again["totals"]["rejected"] == 1
    assert {file["tenant"] for file in again["files"]} == {sender.tenant}
    assert sender.api_key not in shown.output


def test_a_dry_run_sends_nothing(gateway: RunningGateway, sender: Sender, folder: Path) -> None:
    _said(_bulk(folder, gateway.url, "--dry-run", "--json", api_key=sender.api_key))
    assert uploads_of(gateway, sender) == []


def test_another_tenants_key_put_the_rows_into_that_tenant(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    done = _bulk(folder, gateway.url, "--tenant-id", "acme", api_key=sender.api_key)
    assert isinstance(done.exception, ConfigurationError)
    assert "'acme'" in str(done.exception)
    assert repr(sender.tenant) in str(done.exception)
    assert uploads_of(gateway, sender) == []


_ID = UUID("2f1d9a66-8d1c-4d7e-9a53-0b1f6f0d4c11")


@pytest.mark.parametrize("named", [str(_ID), _ID.hex, "42"])
def test_an_id_of_the_replaced_service_is_taken_and_said_to_decide_nothing(
    gateway: RunningGateway, sender: Sender, folder: Path, named: str
) -> None:
    with loading(gateway):
        done = _bulk(folder, gateway.url, "--tenant-id", named, "--json", api_key=sender.api_key)
    assert _said(done)["totals"]["staged"] == 8
    assert sender.tenant in done.stderr


@pytest.mark.parametrize("more", [[], ["--tenant-id", "acme"]])
def test_a_wrong_key_is_one_clear_line_and_exit_1(
    gateway: RunningGateway,
    folder: Path,
    more: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = ["bulk", "--data-dir", str(folder), "--api-url", gateway.url, *more]
    monkeypatch.setattr(sys, "argv", ["ingestion-pipeline", *printed])
    monkeypatch.setenv("API_KEY", "no-such-key")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "the gateway refuses the API key" in said
    assert "no-such-key" not in said


def test_a_file_that_is_unusable_is_told_and_the_others_arrive(
    gateway: RunningGateway, sender: Sender, folder: Path
) -> None:
    damaged = {
        "customers_2.csv": b"a,b\n1,2\n",
        "products_1.ndjson": b"",
        "readme.txt": b"no data",
    }
    write_files(folder, damaged)
    with loading(gateway):
        done = _bulk(folder, gateway.url, "--json", api_key=sender.api_key)
    assert done.exit_code == 1, done.output
    assert "readme.txt" in done.stderr
    errors = {file["file"]: file.get("error") for file in json.loads(done.stdout)["files"]}
    assert [name for name, error in errors.items() if error is None] == [
        "customers_1.ndjson", "orders_1.ndjson"
    ]  # fmt: skip
    assert "header: customers needs the columns" in str(errors["customers_2.csv"])
    assert _sizes(gateway, sender)["customers"] == 4


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("ftp://x", ["--dry-run"]), ("x", []), ("http://", ["--dry-run"]),
        ("http://127.0.0.1:9", []),
    ],
    ids=["no HTTP", "no URL", "no host", "no key"],
)  # fmt: skip
def test_wrong_usage_is_two(folder: Path, url: str, more: list[str]) -> None:
    assert _bulk(folder, url, *more).exit_code == 2


def test_a_folder_without_data_files_is_said(tmp_path: Path) -> None:
    empty = write_files(tmp_path / "empty", {"readme.txt": b""})
    done = _bulk(empty, "http://127.0.0.1:9", "--dry-run")
    assert done.exit_code == 1
    assert "no data files" in done.stderr
    assert _bulk(tmp_path / "none", "http://127.0.0.1:9", "--dry-run").exit_code == 2
