"""A production of real processes under load, in which one of each kind is killed: nothing lost,
nothing doubled, all well in the end.

    make soak                                  ten minutes
    SOAK_SECONDS=120 SOAK_SEED=7 pytest …      as you like; SOAK_PAGES=100 keeps so many pages open
"""

import gc
import os
import random
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import celery
import httpx
import pytest
import redis
import sqlalchemy as sa
from kombu.exceptions import OperationalError

from ingestion_pipeline.domains.buildings.tables import tenant_sites
from ingestion_pipeline.foundation import credentials
from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline.foundation.sandbox.gumroad.api import SALES
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.outlets.receipts import balances, offenders
from ingestion_pipeline.outlets.receipts.balances import Delivery, Numbers
from ingestion_pipeline.outlets.receipts.days import Days
from ingestion_pipeline_tests.soak.cluster import Cluster
from ingestion_pipeline_tests.soak.pages import OpenPages
from ingestion_pipeline_tests.soak.senders import START, BookSales, Commerce, Kpis, Markets, Sender

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    # Of connections to a Valkey that the test itself has killed; anything else is shown.
    pytest.mark.filterwarnings(
        "default::pytest.PytestUnraisableExceptionWarning",
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
    ),
]

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
SEED = int(os.environ.get("SOAK_SEED", str(random.SystemRandom().randrange(10_000))))
RATE = int(os.environ.get("SOAK_RATE", "40"))  # requests a second a gateway takes of the tenant
PAGES = int(os.environ.get("SOAK_PAGES", "5"))  # that are open all the while
KILLED = ("worker", "gateway", "postgresql", "valkey", "daemon", "code server", "proxy",
          "webserver")  # fmt: skip
SECRET = "soak-secret"
DATA = AceData(points_per_site=12, interval_seconds=3600)
DAYS = [START.date() - timedelta(days=number) for number in range(5, 1, -1)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path / "home",
        environment={
            "RATE_LIMIT": str(RATE), "RATE_BURST": str(RATE), "HEALTH_INTERVAL": "1",
            "WEBHOOK_SECRETS": f"soak:{SECRET}", "CREDENTIAL_KEYS": credentials.new_key(),
            # A job may be in the hands of several that are killed, one after the other.
            "JOB_ATTEMPTS": "30", "JOB_BACKOFF": "1", "JOB_LEASE": "20",
            "COLLECT_SINCE": DAYS[0].isoformat(), "COLLECT_WINDOW": "43200",
        },
        sandbox=("--points", str(DATA.points_per_site),
                 "--interval-seconds", str(DATA.interval_seconds)),
        key_value_in_valkey=True, patience=15, pages=PAGES > 0,
    )  # fmt: skip
    try:
        made.start()
        yield made
    finally:
        made.stop()
        with warnings.catch_warnings():
            # Celery's clients leave the sockets to a Valkey that was killed to the collector, which
            # would find them in the middle of another test.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def test_nothing_is_lost_or_doubled_while_one_of_each_kind_is_killed(cluster: Cluster) -> None:
    with database.engine(cluster.database_url).begin() as connection:
        tenant_id = tenants.ensure(connection, "soak")
        key = tenants.issue_key(connection, tenant_id)
        for site in DATA.sites:
            mine = sa.insert(tenant_sites).values(tenant_id=tenant_id, site_name=site)
            connection.execute(mine)
    if PAGES:
        viewers.ensure(database.engine(cluster.database_url))
    pages = OpenPages(cluster.url, key, PAGES)
    senders: list[Sender] = [
        *(Kpis(cluster.url, key, SEED, number) for number in range(4)),
        *(Commerce(cluster.url, key, SEED, number, pause=1.0) for number in (1, 2)),
        *(Markets(cluster.url, key, SEED, n, pause=0.3, secret=SECRET) for n in (1, 2)),
        BookSales(cluster.url, key, SEED, 1, pause=1.0),
    ]
    backfill = cluster.backfill([f"{day}|{site}" for day in DAYS for site in DATA.sites])
    with cluster.supervised() as supervisor:
        pages.start()
        pages.wait_until_open()
        for sender in senders:
            sender.start()
        kill_by_and_by(cluster, senders)
        for sender in senders:
            sender.stop()
        pages.wait_until_open()  # whoever was cut off has come back
        drain(cluster, backfill)
        pages.stop()
        print("started again:", Counter(supervisor.restarts))
    print("acknowledged:", {f"{type(s).__name__} {s.number}": s.acknowledged for s in senders})
    print("repeated:", sum((s.client.repeated for s in senders), Counter()))
    print("runs:", cluster.run_counts())
    print(f"pages: {pages.most_open} of {PAGES} open at once;", dict(pages.happened))
    kpis = [sender for sender in senders if isinstance(sender, Kpis)]
    assert_every_reading_is_there_once(cluster, kpis)
    assert_every_row_is_there_once(cluster, [s for s in senders if isinstance(s, Commerce)])
    assert_every_event_is_applied_once(cluster, [s for s in senders if isinstance(s, Markets)])
    assert_every_sale_counts_once(cluster, [s for s in senders if isinstance(s, BookSales)])
    assert_every_sample_is_there_once(cluster)
    assert_receipts_explain_every_row(cluster, tenant_id, senders)
    if PAGES:
        assert_pages_say_the_same(cluster, key, pages, kpis)
    assert_nobody_holds_anything(cluster)
    health = httpx.get(f"{cluster.url}/api/health/data", timeout=30)
    assert health.json()["status"] == "GREEN", health.text


def kill_by_and_by(cluster: Cluster, senders: Sequence[Sender]) -> None:
    """One of each kind at random, and for longer tests one of each every four minutes.

    Returns early where a sender has failed: `stop` raises what ended it.
    """
    chance = random.Random(SEED)
    rounds = max(1, round(SECONDS / 240))
    plan = sorted(
        (chance.uniform(0.1, 0.9) * SECONDS, kind) for _ in range(rounds) for kind in KILLED
    )
    print(f"seed {SEED}, {SECONDS:.0f} seconds")
    began = time.monotonic()
    for due, kind in plan:
        if not _goes_on(senders, until=began + due):
            return
        names = [name for name in cluster.members if name.startswith(kind)]
        name = chance.choice(busy(cluster) if kind == "worker" else names)
        member = cluster.members[name]
        while not member.runs:  # it has just been killed
            time.sleep(0.1)
        member.kill()
        print(f"{time.monotonic() - began:6.1f} s  killed {name}", flush=True)
    _goes_on(senders, until=began + SECONDS)


def _goes_on(senders: Sequence[Sender], *, until: float) -> bool:
    """Wait; whether all senders are still at it."""
    while all(sender.error is None for sender in senders):
        if time.monotonic() >= until:
            return True
        time.sleep(0.1)
    return False


def busy(cluster: Cluster) -> list[str]:
    """The workers that are at a run."""
    found: list[str] = []
    with celery.Celery(broker=cluster.broker) as app:

        def ask() -> bool:
            with suppress(OperationalError, redis.RedisError):  # Valkey may have been killed
                answers = app.control.inspect(timeout=5).active() or {}
                found.extend(host.split("@")[0] for host, tasks in answers.items() if tasks)
            return bool(found)

        cluster.wait_for(ask, "a worker at work")
    return [name.replace("worker", "worker ") for name in found]


def drain(cluster: Cluster, backfill: str) -> None:
    """Wait until everything that was acknowledged has been dealt with."""
    cluster.wait_for(
        lambda: cluster.backfill_status(backfill).startswith("COMPLETED"), "the backfill"
    )
    waiting = """
        SELECT (SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing', 'retrying'))
             + (SELECT count(*) FROM kpi_updates WHERE pending)
             + (SELECT count(*) FROM kpi_jobs WHERE pending)
             + (SELECT count(*) FROM kpi_series WHERE pending)
             + (SELECT count(*) FROM kpi_days WHERE pending)
             + (SELECT count(*) FROM uploads WHERE status IN ('recorded', 'staged'))
    """
    cluster.wait_for(lambda: cluster.rows(waiting) == [(0,)], "the queues")
    unfinished = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}
    cluster.wait_for(lambda: not unfinished & cluster.run_counts().keys(), "the runs")


def assert_every_reading_is_there_once(cluster: Cluster, senders: list[Kpis]) -> None:
    sent = set[tuple[str, datetime]]().union(*(sender.points for sender in senders))
    stored = cluster.rows("SELECT kpi_id, observed_at FROM kpi_points")
    assert len(stored) == len(sent)
    assert {tuple(row) for row in stored} == sent
    assert cluster.rows("SELECT count(*) FROM kpi_updates") == [(len(sent),)]
    packages = set[tuple[str, str]]().union(*(sender.packages for sender in senders))
    with redis.Redis.from_url(cluster.key_value_url, decode_responses=True) as store:
        keys = store.zrange("key_value:{soak}:keys", 0, -1)
    assert {key for key in keys if key.startswith("package:")} == {
        f"package:{trace}:{kpi}" for trace, kpi in packages
    }


def assert_every_row_is_there_once(cluster: Cluster, senders: list[Commerce]) -> None:
    sent = sum((sender.rows for sender in senders), Counter[str]())
    for table, number in sent.items():
        assert cluster.rows(f"SELECT count(*) FROM {table}") == [(number,)], table
        assert cluster.rows(f"SELECT count(*) FROM {table}_staging") == [(0,)], table
    assert cluster.rows("SELECT count(*) FROM rejected_rows") == [(0,)]
    counted = "SELECT sum(inserted), sum(updated) FROM uploads WHERE domain = 'commerce'"
    assert cluster.rows(counted) == [(sum(sent.values()), 0)]


def assert_every_event_is_applied_once(cluster: Cluster, senders: list[Markets]) -> None:
    events = "SELECT status, count(*) FROM ingestion_events GROUP BY 1"
    assert cluster.rows(events) == [("applied", sum(sender.events for sender in senders))]
    comps = "SELECT count(*), count(DISTINCT comp_id) FROM market_comps"
    number = sum(sender.comparables for sender in senders)
    assert cluster.rows(comps) == [(number, number)]
    newest = cluster.rows("""
        SELECT DISTINCT ON (market_slug) market_slug, vacancy_rate_pct
        FROM market_fundamentals ORDER BY market_slug, as_of_date DESC
    """)
    assert {row[0]: float(row[1]) for row in newest} == {
        slug: value for sender in senders for slug, value in sender.vacancy.items()
    }


def assert_every_sale_counts_once(cluster: Cluster, senders: list[BookSales]) -> None:
    sold = "SELECT platform, count(*) FROM sales_events WHERE event_type <> 'refund' GROUP BY 1"
    assert {row[0]: row[1] for row in cluster.rows(sold)} == {
        "gumroad": SALES, "smashwords": sum(sender.events for sender in senders),
    }  # fmt: skip


def assert_every_sample_is_there_once(cluster: Cluster) -> None:
    stored = cluster.rows("""
        SELECT site_name, CAST("timestamp" AT TIME ZONE 'UTC' AS date), count(*)
        FROM timeseries_raw GROUP BY 1, 2
    """)
    assert {(row[0], row[1]): row[2] for row in stored} == {
        (site, day): configured_samples(site, day) for site in DATA.sites for day in DAYS
    }


def configured_samples(site: str, day: date) -> int:
    start = datetime.combine(day, datetime.min.time(), START.tzinfo)
    wanted = set(DATA.configured_points(site))
    samples = DATA.samples(site, start, start + timedelta(days=1))
    return sum(sample.point in wanted for sample in samples)


def assert_receipts_explain_every_row(
    cluster: Cluster, tenant_id: int, senders: list[Sender]
) -> None:
    """Of every way in: what came is stored, and what is stored is in the tables."""
    with database.engine(cluster.database_url).connect() as connection:
        assert connection.execute(offenders.explained()).all() == []
        days = Days.until(datetime.now(UTC), 3, "UTC")
        found = balances.totals(balances.by_day(connection, tenant_id=tenant_id, days=days))
    for sender, numbers in found.items():
        assert (numbers.waiting, numbers.unexplained) == (0, 0), (sender, numbers)
        if sender != "collections":  # of points that are not configured, samples are not kept
            assert numbers.refused == 0, (sender, numbers)
    [(points,)] = cluster.rows("SELECT count(*) FROM kpi_points")
    assert found["kpi_posts"].inserted == points
    rows = sum(sum(s.rows.values()) for s in senders if isinstance(s, Commerce))
    assert found["upload"].inserted == rows
    events = [s for s in senders if isinstance(s, Markets)]
    comparables = sum(s.comparables for s in events)
    assert found["events"].sent == comparables + sum(s.events for s in events) - comparables // 12
    sales = sum(s.events for s in senders if isinstance(s, BookSales))
    assert found["reports"].inserted == sales
    assert found["platform_apis"].stored > 0
    assert found.keys() == {
        "kpi_posts",
        "upload",
        "events",
        "reports",
        "platform_apis",
        "collections",
    }
    assert_every_delivery_is_told_once(cluster, tenant_id, senders, found)
    [(samples,)] = cluster.rows("SELECT count(*) FROM timeseries_raw")
    assert found["collections"].stored >= samples  # a day that was collected again counts again


def assert_every_delivery_is_told_once(
    cluster: Cluster, tenant_id: int, senders: list[Sender], found: Mapping[str, Numbers]
) -> None:
    """One by one, page by page, they come to the same sums; files of a session are together."""
    days = Days.until(datetime.now(UTC), 3, "UTC")
    told = list[Delivery]()
    with database.engine(cluster.database_url).connect() as connection:
        while page := balances.deliveries(
            connection, tenant_id=tenant_id, days=days, limit=500,
            before=(told[-1].at, told[-1].receipt) if told else None,
        ):  # fmt: skip
            told += page
        sessions = {each.session for each in told if each.session}
        of_sessions = [
            balances.session_totals(connection, tenant_id=tenant_id, session=number)
            for number in sessions
        ]
    assert len({each.receipt for each in told}) == len(told)
    sums = dict[str, Numbers]()
    for each in told:
        sums[each.sender] = sums.get(each.sender, Numbers()) + each.numbers
        assert each.state == "loaded", each
    assert sums == found
    files = Counter(each.sender for each in told)
    commerce = [sender for sender in senders if isinstance(sender, Commerce)]
    assert files["upload"] == sum(sum(sender.files.values()) for sender in commerce)
    assert len(sessions) == sum(sender.files[True] for sender in commerce)
    assert [number for number, _ in of_sessions] == [1] * len(sessions)
    days_of_sites = {each.receipt for each in told if each.sender == "collections"}
    assert days_of_sites >= {f"c{site}@{day}" for site in DATA.sites for day in DAYS}


def assert_pages_say_the_same(
    cluster: Cluster, key: str, pages: OpenPages, senders: list[Kpis]
) -> None:
    """What was heard live was sent; a sender reads what the tables say."""
    sent = {kpi for sender in senders for kpi, _ in sender.points}
    assert pages.heard
    assert pages.heard <= sent
    headers = {"X-API-Key": key}
    told = httpx.get(f"{cluster.url}/api/receipts?days=3", headers=headers, timeout=60).json()
    assert told["message"] == "everything is explained", told
    waits = httpx.get(f"{cluster.url}/api/receipts/waiting", headers=headers, timeout=60).json()
    # A session whose answer was lost with its gateway was opened again: nobody knows the first, and
    # it is told as waiting, truly, until it is over.
    nobodys = "the rest of its bytes: 0 of "
    assert [each for each in waits["waiting"] if not each["waitsFor"].startswith(nobodys)] == []


def assert_nobody_holds_anything(cluster: Cluster) -> None:
    assert cluster.rows("SELECT DISTINCT status FROM jobs") == [("completed",)]
    held = "SELECT count(*) FROM jobs WHERE lease_expires_at IS NOT NULL"
    assert cluster.rows(held) == [(0,)]
    open_ = "SELECT count(*) FROM job_attempts WHERE finished_at IS NULL"
    assert cluster.rows(open_) == [(0,)]
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    cluster.wait_for(lambda: cluster.rows(locks) == [(0,)], "advisory locks")
    with redis.Redis.from_url(cluster.broker) as broker:
        assert broker.llen("dagster") == 0
    engine = sa.create_engine(cluster.dagster_url)
    with engine.connect() as connection:
        claimed = connection.scalar(sa.text("SELECT count(*) FROM pending_steps"))
    engine.dispose()
    assert claimed == 0
