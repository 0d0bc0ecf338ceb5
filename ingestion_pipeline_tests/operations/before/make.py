"""Make a home as an installation of an earlier release leaves it, and pack it for the tests.

    git worktree add /tmp/release-before COMMIT        # then make its .venv, as `make setup` does
    python -m ingestion_pipeline_tests.operations.before.make /tmp/release-before /tmp/home-before

All of it is real: the release's `up` loads, collects, publishes; then it is stopped while there is
work of every sort under way. What the tests have no use for (ticks, output of steps) is left out.
Some ten minutes.
"""

import argparse
import hashlib
import re
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ingestion_pipeline_tests.operations.before.production import (
    API_KEY,
    SITE,
    TENANT,
    Production,
    wait_for,
)

PACKED = Path(__file__).with_name("home.tar.xz")
_TEXTS = {"TEXT", "VARCHAR", "VARCHAR(255)", "VARCHAR(512)"}
_SIZES = ("--customers=40", "--products=20", "--orders=60", "--order-items=100")
_WAITING = ("--customers=0", "--products=0", "--orders=0", "--order-items=30")
_JOBS_ENDED = """SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing', 'retrying')"""


def fill(production: Production) -> None:
    """All domains, loaded and done."""
    production.run("tenants", "create", TENANT)
    _know_the_key(production)
    _drop(production, "--seed=1", "--bad-share=0.05", *_SIZES)
    files = production.home / "files"
    _sample(production, files / "more", "--seed=2", *_SIZES)
    _upload(production, files / "more" / "customers_sample.ndjson", key="before")
    _kpis(production, day=2)
    _markets(production)
    _book_sales(production, files)
    production.run("alert-rules", "set", "--point", "*", "--maximum", "20")
    for day in (3, 2):
        _collect(production, day)
    production.launch("snapshot_of_weather")
    production.launch("archive_buildings")
    production.until(_JOBS_ENDED, (0,))
    production.until("SELECT count(*) FROM kpi_updates WHERE pending", (0,))
    production.until("SELECT count(*) FROM collected_days", (2,))
    production.until("SELECT count(*) > 0 FROM macro_observations", (True,))
    production.backfill(["buildings/timeseries_daily"], [_key(3), _key(2)])
    wait_for(lambda: _backfills(production) == ["COMPLETED_SUCCESS"])
    production.until("SELECT count(*) > 0 FROM key_value WHERE key LIKE 'package:%'", (True,))


def break_off(production: Production) -> None:
    """Runs that wait, runs that are at work, a backfill that has begun."""
    for day in (5, 4):
        _collect(production, day)
    production.launch("publish_documents")
    production.backfill(["buildings/timeseries_hourly"], [_key(3), _key(2)])
    production.stop()


def take_more(production: Production) -> None:
    """The gateway alone goes on: what it takes, nobody works off."""
    gateway = production.start("gateway", log="gateway-alone.log")
    sandbox = production.start(
        "sandbox", "--port", production.sandbox.rpartition(":")[2], "--points", "3",
        "--interval-seconds", "1800", "--site", SITE, log="sandbox.log",
    )  # fmt: skip
    wait_for(lambda: _is_ready(f"{production.gateway}/readyz"))
    wait_for(lambda: _is_ready(f"{production.sandbox}/livez"))
    files = production.home / "files"
    _sample(production, files / "pending", "--seed=3", *_SIZES)
    _upload(production, files / "pending" / "products_sample.ndjson", key="pending")
    _half_a_file(production, files / "pending" / "orders_sample.ndjson")
    _kpis(production, day=1)
    production.webhook(_fundamentals("austin", 9.5))
    for token in ("sandbox-key", "a-token-that-gumroad-refuses"):
        order = {"platform": "gumroad", "payload": {"access_token": token}}
        production.post("/api/ingestion/manual", order)
    _half_a_day(production, day=6)
    _states(production)
    production.stop()
    assert gateway.returncode == sandbox.returncode == 0


def _know_the_key(production: Production) -> None:
    digest = hashlib.sha256(API_KEY.encode()).digest()
    production.rows("UPDATE api_keys SET sha256 = %s, hint = 'ik_the_…'", digest)


def _sample(production: Production, folder: Path, *sizes: str) -> None:
    folder.parent.mkdir(exist_ok=True)
    production.run("sample-data", str(folder), *sizes)


def _drop(production: Production, *sizes: str) -> None:
    """Four files with bad lines in the drop folder, and items of orders that have not come."""
    files, drop = production.home / "files", production.home / "drop" / TENANT
    drop.mkdir(parents=True, exist_ok=True)
    _sample(production, files / "dropped", *sizes)
    _sample(production, files / "waiting", "--seed=5", "--customers=40", "--products=20",
            "--orders=60", "--order-items=20")  # fmt: skip
    for path in (files / "dropped").iterdir():
        shutil.copyfile(path, drop / path.name)
    items = (files / "waiting" / "order_items_sample.ndjson").read_text()
    waiting = re.sub('"order_id":"[0-9a-f]{8}', '"order_id":"00000000', items)
    (drop / "order_items_waiting.ndjson").write_text(waiting)
    production.until(
        "SELECT count(*), bool_and(status = 'loaded') FROM uploads WHERE domain = 'commerce'",
        (5, True),
    )


def _upload(production: Production, path: Path, *, key: str) -> None:
    answer = production.http.post(
        "/api/v1/ingest/comprehensive/",
        files={"file": (path.name, path.read_bytes())},
        headers={"Idempotency-Key": key},
    )
    answer.raise_for_status()


def _half_a_file(production: Production, path: Path) -> None:
    """The first half of a file in a session; the session's token is kept beside."""
    content = path.read_bytes()
    announced = {
        "file_name": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()
    }  # fmt: skip
    session = production.post("/api/v1/ingest/sessions/", {"files": [announced]})
    half = len(content) // 2
    answer = production.http.put(
        f"/api/v1/ingest/sessions/{session['token']}/files/{path.name}/",
        content=content[:half],
        headers={"Content-Range": f"bytes 0-{half - 1}/{len(content)}"},
    )
    answer.raise_for_status()
    (path.parent / "session").write_text(session["token"])


def _kpis(production: Production, *, day: int) -> None:
    """A job of two KPIs, of which one comes, and again, and corrected, and one fails."""
    at = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    at -= timedelta(days=day)
    trace = f"trace-{day}"
    reading = {"traceId": trace, "kpiId": "mrr", "kpiType": "money", "timestamp": at.isoformat()}
    production.post("/api/kpi-jobs", {"traceId": trace, "kpiIds": ["mrr", "churn"],
                                      "timeoutSeconds": 86_400})  # fmt: skip
    production.post("/api/kpi-data", reading | {"data": {"value": 1200}})
    production.post("/api/kpi-data", reading | {"data": {"value": 1200}})
    production.post("/api/kpi-data", reading | {"data": {"value": 1250}, "correct": True})
    production.post(
        "/api/kpi-error", {"traceId": trace, "kpiId": "churn", "error": {"message": "401"}}
    )
    many = [
        {"traceId": f"many-{day}", "kpiId": "users", "kpiType": "count", "data": {"value": n},
         "timestamp": (at + timedelta(minutes=n)).isoformat()}
        for n in range(30)
    ]  # fmt: skip
    production.post("/api/kpi-data", many)


def _fundamentals(market: str, vacancy: float) -> dict[str, object]:
    data = {"vacancy_rate_pct": vacancy, "avg_asking_rent_psf_yr_nnn": 12.4,
            "yoy_rent_growth_pct": 3.1, "avg_cap_rate_pct": 6.25}  # fmt: skip
    about = {"event_type": "market.fundamentals.upsert", "market_slug": market, "source": "me"}
    return {**about, "data": data}


def _markets(production: Production) -> None:
    production.webhook(_fundamentals("dallas", 7.5))
    production.webhook(_fundamentals("dallas", 8.5))
    production.http.post(
        "/api/cron/cache-warming",
        headers={"Authorization": f"Bearer {production.environment['CRON_SECRET']}"},
    ).raise_for_status()
    production.until("SELECT DISTINCT status FROM ingestion_events", ("applied",))


def _book_sales(production: Production, files: Path) -> None:
    production.run("sample-reports", str(files / "reports"))
    for platform, name in (
        ("amazon_kdp", "kdp_ebook_royalty.csv"),
        ("smashwords", "smashwords_sales.xls"),
    ):
        content = (files / "reports" / name).read_bytes()
        answer = production.http.post(
            f"/api/ingestion/upload/{platform}", files={"file": (name, content)}
        )
        answer.raise_for_status()
    for token in ("sandbox-key", "a-token-that-gumroad-refuses"):
        order = {"platform": "gumroad", "payload": {"access_token": token}}
        production.post("/api/ingestion/manual", order)


def _key(day: int) -> str:
    """The partition of the site's day, so many days ago."""
    return f"{datetime.now(UTC).date() - timedelta(days=day)}|{SITE}"


def _collect(production: Production, day: int) -> None:
    ends = {f"dagster/asset_partition_range_{end}": _key(day) for end in ("start", "end")}
    production.launch("collect_buildings", **ends)


def _half_a_day(production: Production, *, day: int) -> None:
    """A collection that was killed between two pages."""
    fault = {"name": "slow", "argument": "2", "times": None, "path": "timeseries"}
    httpx.post(f"{production.sandbox}/faults", json=fault).raise_for_status()
    production.environment["COLLECT_WINDOW"] = "86400"
    date = _key(day).partition("|")[0]
    collecting = production.start("collect", "--site", SITE, "--day", date, log="collect.log")
    production.until(
        "SELECT bool_or((value ->> 'page')::int BETWEEN 1 AND 2) FROM key_value "
        f"WHERE namespace = 'buildings' AND key LIKE '%{SITE}:{date}%'",
        (True,),
    )
    collecting.kill()
    collecting.wait()
    httpx.delete(f"{production.sandbox}/faults").raise_for_status()


def _states(production: Production) -> None:
    """What a crash leaves at an unlucky moment: a job of a worker that is gone, an alert that was
    not told, a job that is tried again later, one that was given up.
    """
    production.rows("""
        INSERT INTO jobs (tenant_id, kind, max_attempts, status, attempt, worker, run_id,
                          lease_expires_at, available_at, payload, error)
        SELECT tenant_id, kind, 3, status, attempt, worker, run_id, lease, due, payload::jsonb,
               error
        FROM tenants, (VALUES
            ('book_sales.import.smashwords', 'processing', 1, 'gone', 'no-such-run',
             now() - interval '1 minute', now(),
             '{"platform": "smashwords", "storagePath": "again/smashwords_sales.xls"}', NULL),
            ('book_sales.import.amazon_kdp', 'retrying', 1, NULL, NULL, NULL,
             now() - interval '1 minute',
             '{"platform": "amazon_kdp", "storagePath": "again/kdp_ebook_royalty.csv"}', 'once'),
            ('book_sales.import.amazon_kdp', 'dead', 3, NULL, NULL, NULL, now(),
             '{"platform": "amazon_kdp", "storagePath": "never"}', 'given up')
        ) AS made (kind, status, attempt, worker, run_id, lease, due, payload, error)
        WHERE name = 'acme';
        INSERT INTO job_attempts (job_id, attempt, worker)
        SELECT job_id, attempt, 'gone' FROM jobs WHERE status = 'processing';
        INSERT INTO alerts (name, message, started_at, start_sent_at, resolved_at)
        VALUES ('api_latency', 'API p95 was high', now() - interval '1 day', NULL,
                now() - interval '1 hour');
        """)
    again = production.home / "landing" / TENANT / "again"
    again.mkdir(parents=True)
    for name in ("kdp_ebook_royalty.csv", "smashwords_sales.xls"):
        shutil.copyfile(production.home / "files" / "reports" / name, again / name)


def _backfills(production: Production) -> list[str]:
    found = production.graphql(
        "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }"
    )
    return [each["status"] for each in found["partitionBackfillsOrError"]["results"]]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def pack(production: Production, target: Path) -> None:
    """The database as a dump, Dagster's storage without ticks that found nothing, the files."""
    home = production.home
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder)
        production.run("db", "backup", str(kept / "database.dump"))
        production.run("db", "stop")
        for name in ("landing", "drop", "archive", "files"):
            if (home / name).exists():
                shutil.copytree(home / name, kept / name)
        shutil.copytree(home / "dagster" / "history", kept / "dagster" / "history")
        shutil.copytree(home / "dagster" / "schedules", kept / "dagster" / "schedules")
        for database in _databases(kept):
            _strip(database, home)
        with tarfile.open(target, "w:xz", preset=9) as archive:
            for path in sorted(kept.rglob("*")):
                if path.is_file():
                    archive.add(path, path.relative_to(kept), filter=_nobodys)


def _databases(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*.db")


def _strip(database: Path, home: Path) -> None:
    """Leave out ticks that found nothing but the newest of each sensor, and where this was made."""
    places = {str(home): "/home-before", sys.base_prefix: "/usr"}
    with sqlite3.connect(database) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )]  # fmt: skip
        if "job_ticks" in tables:
            connection.execute(
                "DELETE FROM job_ticks WHERE status = 'SKIPPED' AND id NOT IN "
                "(SELECT max(id) FROM job_ticks GROUP BY selector_id)"
            )
        for table in tables:
            for _, column, kind, *_ in connection.execute(
                f"PRAGMA table_info('{table}')"
            ).fetchall():
                for place, said in places.items() if kind.upper() in _TEXTS else ():
                    connection.execute(
                        f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                        f'WHERE instr("{column}", ?)', (place, said, place),
                    )  # fmt: skip
    connection.close()
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    connection.close()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def main() -> None:
    """Make and pack."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--first-port", type=int, default=23000)
    arguments = parser.parse_args()
    production = Production(
        arguments.checkout.absolute(), arguments.home.absolute(), first_port=arguments.first_port
    )
    try:
        production.serve(sample=False)
        fill(production)
        break_off(production)
        take_more(production)
        pack(production, PACKED)
    finally:
        production.stop()


if __name__ == "__main__":
    main()
