"""`import-report`, `jobs`, `ping-url` and `credential-key` in a shell."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.domains.book_sales.land import pings, queue
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, ebook, text

shell = CliRunner()


@pytest.fixture
def engine(configured: Settings) -> sa.Engine:
    """The engine that the commands use; `configured` disposes of it."""
    return database.engine(settings())


def test_import_report_prints_what_became_of_it(
    configured: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(text(EBOOK, [ebook(), ebook("x")]))
    bad.write_bytes(b"what is this\n")
    command = ["import-report", "--platform", "kdp", "--tenant", "acme", "--json"]
    done = shell.invoke(app, [*command, str(good)])
    assert done.exit_code == 0, done.output
    totals = {
        "rows": 2,
        "rejected": 1,
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
        "left_alone": 0,
    }
    assert json.loads(done.stdout)["totals"] == totals
    both = shell.invoke(app, [*command, str(good), str(bad)])
    assert both.exit_code == 1
    files = json.loads(both.stdout)["files"]
    assert files[0]["unchanged"] == 1
    assert "unknown columns 'what is this'" in files[1]["error"]
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT sum(units) FROM daily_sales")) == 1


def test_an_unknown_platform_is_named_with_those_that_are_known(
    configured: Settings, engine: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"")
    done = shell.invoke(app, ["import-report", "--platform", "lulu", str(file)])
    assert isinstance(done.exception, ContractError)
    assert "known are amazon_kdp, gumroad" in str(done.exception)


def test_failed_jobs_are_listed_shown_and_queued_again(
    configured: Settings, engine: sa.Engine, tenant_id: int
) -> None:
    landed = Landing(configured.landing).write("acme/bad.csv", [b"bad\n"])
    with engine.begin() as connection:
        job_id, _ = queue.land_report(
            connection, configured, tenant_id=tenant_id, platform="kdp", source="test",
            report=Report("bad.csv", landed.location, landed.size, landed.sha256),
        )  # fmt: skip
    work.tick(engine, configured, trigger="test", limit=1)
    listed = shell.invoke(app, ["jobs", "list", "--status", "failed", "--json"])
    assert [job["job_id"] for job in json.loads(listed.stdout)] == [job_id]
    shown = json.loads(shell.invoke(app, ["jobs", "show", str(job_id)]).stdout)
    assert shown["attempts"][0]["outcome"] == "failed"
    assert "payload" not in shown
    by_uuid = shell.invoke(app, ["jobs", "show", str(uuid_of(job_id))])
    assert json.loads(by_uuid.stdout) == shown
    assert shell.invoke(app, ["jobs", "show", str(uuid4())]).exit_code == 2
    assert shell.invoke(app, ["jobs", "requeue", str(uuid_of(job_id))]).exit_code == 0
    assert shell.invoke(app, ["jobs", "requeue", str(job_id)]).exit_code == 1
    assert shell.invoke(app, ["jobs", "retry", str(job_id)]).exit_code == 0
    assert "pending" in shell.invoke(app, ["jobs", "list"]).output
    # The same file again fails again, however often it is queued.
    assert work.tick(engine, configured, trigger="test", limit=1)[0].status == "failed"


def test_a_ping_url_is_a_tenants(configured: Settings, engine: sa.Engine, tenant_id: int) -> None:
    def url(*options: str) -> str:
        printed = shell.invoke(app, ["ping-url", "--tenant", "acme", *options]).stdout
        return printed.strip().rpartition("/")[2]

    def of_acme(*tokens: str) -> list[bool]:
        with engine.connect() as connection:
            found = pings.tenants_of(connection, tokens)
        assert set(found) <= {tenant_id, None}
        return [each is not None for each in found]

    first, second = url(), url()
    assert of_acme(first, second, "wrong") == [True, True, False]
    third = url("--rotate")
    assert of_acme(first, second, third) == [False, False, True]
    assert url("--revoke") == ""
    assert of_acme(third) == [False]


@pytest.mark.usefixtures("configured")
def test_a_credential_key_is_one() -> None:
    assert len(shell.invoke(app, ["credential-key"]).stdout.strip()) == 44
