"""By every way in: sent = stored + refused + waiting, each refusal with its reason, and what waits
says what for."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import pings, queue
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.buildings.merge.day import Options, attempt_day
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.domains.buildings.tables import tenant_sites
from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.outlets.receipts import balances, offenders, refusals, waiting
from ingestion_pipeline.outlets.receipts.balances import Delivery, Numbers
from ingestion_pipeline.outlets.receipts.days import Days
from ingestion_pipeline_tests.domains.book_sales.builders import (
    KEEPS,
    SMASHWORDS,
    gumroad_ping,
    gumroad_sale,
    smashwords,
    text,
)
from ingestion_pipeline_tests.domains.book_sales.gumroad_answers import Api, serving_gumroad
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, Scripted, chained
from ingestion_pipeline_tests.foundation.collecting.running import DAY as ANY_DAY
from ingestion_pipeline_tests.foundation.collecting.running import Series
from ingestion_pipeline_tests.foundation.collecting.serving import Asked, Reply, reply, serving
from ingestion_pipeline_tests.foundation.loading.running import Shelf

SUN = b'{"data":[{"timestamp":"2024-02-29T12:00:00Z","temperature":20.5,"conditions":"sun"}]}'
HTML = b"<html><body>Service maintenance</body></html>"


class Told:
    """What receipts say of a tenant."""

    def __init__(self, engine: sa.Engine, tenant_id: int) -> None:
        self.engine, self.tenant_id = engine, tenant_id

    @property
    def sums(self) -> dict[str, Numbers]:
        days = Days.until(datetime.now(UTC), 2, "UTC")
        with self.engine.connect() as connection:
            found = balances.by_day(connection, tenant_id=self.tenant_id, days=days)
        return balances.totals(found)

    @property
    def deliveries(self) -> list[Delivery]:
        days = Days.until(datetime.now(UTC), 2, "UTC")
        with self.engine.connect() as connection:
            return balances.deliveries(connection, tenant_id=self.tenant_id, days=days)

    def why(self, delivery: Delivery) -> list[tuple[str, str, str]]:
        """Place, field and rule of each refusal."""
        with self.engine.connect() as connection:
            return [
                (each.place, reason.field, reason.rule)
                for each in refusals.of(connection, delivery)
                for reason in each.reasons
            ]

    def waits(self, delivery: Delivery) -> list[str]:
        with self.engine.connect() as connection:
            found = waiting.of_delivery(
                connection, tenant_id=self.tenant_id, receipt=delivery.receipt
            )
        return [each.waits_for for each in found]


@pytest.fixture
def told(engine: sa.Engine, tenant_id: int) -> Iterator[Told]:
    yield Told(engine, tenant_id)
    with engine.begin() as connection:
        assert connection.execute(offenders.explained()).all() == []
        other = tenants.ensure(connection, "other")
        days = Days.until(datetime.now(UTC), 2, "UTC")
        assert balances.by_day(connection, tenant_id=other, days=days) == []


@pytest.fixture(scope="module")
def gumroad_server() -> Iterator[Api]:
    with serving_gumroad() as api:
        yield api


@pytest.fixture
def gumroad(gumroad_server: Api) -> Api:
    gumroad_server.sales, gumroad_server.asked, gumroad_server.breaks_at = [], [], None
    return gumroad_server


@pytest.fixture
def configuration(configured: Settings, gumroad: Api, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    monkeypatch.setenv("GUMROAD_API_BASE_URL", gumroad.url)
    monkeypatch.setenv("GUMROAD_REQUESTS_PER_MINUTE", "100000")
    settings.cache_clear()
    return settings()


def ordered(engine: sa.Engine, configuration: Settings, tenant_id: int) -> None:
    with engine.begin() as connection:
        queue.land_import(
            connection, configuration, tenant_id=tenant_id, platform="gumroad",
            payload={"access_token": "tok1"},
        )  # fmt: skip


def test_an_import_of_a_platforms_api_waits_for_its_turn_then_every_row_is_explained(
    told: Told, configuration: Settings, gumroad: Api
) -> None:
    gumroad.sales = [gumroad_sale(1), gumroad_sale(2), gumroad_sale(3, price="much")]
    ordered(told.engine, configuration, told.tenant_id)
    [import_] = told.deliveries
    assert (import_.sender, import_.state) == ("platform_apis", "recorded")
    assert told.waits(import_) == ["its turn"]
    [outcome] = work.tick(told.engine, configuration, trigger="test", limit=1)
    assert outcome.status == "completed", outcome.error
    assert told.sums == {"platform_apis": Numbers(sent=3, inserted=2, refused=1)}
    [import_] = told.deliveries
    [(place, _, rule)] = told.why(import_)
    assert place == "line 3"
    assert "price" in rule or "number" in rule
    assert told.waits(import_) == []
    ordered(told.engine, configuration, told.tenant_id)
    work.tick(told.engine, configuration, trigger="test", limit=1)
    again = told.sums["platform_apis"]
    assert again.sent == again.stored + again.refused
    assert again.inserted == 2


def test_a_ping_waits_then_is_stored_or_refused_with_its_reason(
    told: Told, configuration: Settings
) -> None:
    for fields in (gumroad_ping(), gumroad_ping(sale_id="S2", price="much")):
        with told.engine.begin() as connection:
            pings.land_ping(connection, configuration, tenant_id=told.tenant_id, fields=fields)
    assert told.sums == {"gumroad_pings": Numbers(sent=2, waiting=2)}
    assert [told.waits(each) for each in told.deliveries] == [["its turn"]] * 2
    work.tick(told.engine, configuration, trigger="test", limit=9)
    assert told.sums == {"gumroad_pings": Numbers(sent=2, inserted=1, refused=1)}
    by_sale = {each.name: each for each in told.deliveries}
    assert told.why(by_sale["sale-1=="]) == []
    assert told.why(by_sale["S2"]) != []


def test_a_report_is_explained_row_by_row_and_one_that_is_none_as_a_whole(
    told: Told, tmp_path: Path
) -> None:
    good, bad, later, none = (tmp_path / name for name in ("a.xls", "b.xls", "c.xls", "d.xls"))
    good.write_bytes(text(SMASHWORDS, [smashwords(), smashwords("1.50")], delimiter="\t"))
    bad.write_bytes(text(SMASHWORDS, [smashwords(), smashwords("much")], delimiter="\t"))
    later.write_bytes(good.read_bytes() + b"\r\n")
    none.write_bytes(b"this is no report\n")
    for path in (good, bad, later, none):
        merge_reports(told.engine, [path], platform="smashwords", tenant="acme", keeps=KEEPS)
    sums = told.sums["reports"]
    assert sums.sent == sums.stored + sums.refused
    by_name = {each.name: each for each in told.deliveries}
    assert by_name["a.xls"].numbers == Numbers(sent=2, inserted=2)
    assert by_name["b.xls"].numbers.refused == 1
    [(place, field, _)] = told.why(by_name["b.xls"])
    assert place == "line 3"
    assert field
    assert by_name["c.xls"].numbers == Numbers(sent=2, known=2)
    assert by_name["d.xls"].state == "failed"
    [(place, _, rule)] = told.why(by_name["d.xls"])
    assert place == "as a whole"
    assert rule


@pytest.fixture
def site(told: Told) -> str:
    mine = sa.insert(tenant_sites).values(tenant_id=told.tenant_id, site_name=SITE)
    with told.engine.begin() as connection:
        connection.execute(mine)
    return SITE


def collect(engine: sa.Engine, pages: list[bytes], weather: bytes) -> None:
    source = AceIot(Scripted(pages, weather=weather), page_size=100)
    attempt_day(engine, source, SITE, DAY, options=Options(window=timedelta(days=1)))


def test_a_collected_day_is_explained_sample_by_sample(told: Told, site: str) -> None:
    records: list[tuple[str, Any, Any]] = [
        ("a", 0, 1.0), ("a", 0, 1.0), ("a", 60, 2.0), ("not-configured", 0, 1.0),
        ("a", "2024-02-28T23:59:59Z", 3.0), ("a", "no time", 4.0),
    ]  # fmt: skip
    collect(told.engine, chained([records]), SUN)
    [day] = told.deliveries
    assert (day.sender, day.receipt, day.state) == ("collections", f"c{site}@{DAY}", "loaded")
    numbers = day.numbers
    assert numbers.sent == numbers.stored + numbers.refused
    assert (numbers.inserted, numbers.refused >= 3) == (2, True)
    said = " ".join(rule for _, _, rule in told.why(day))
    assert "not configured" in said
    assert "time" in said
    with told.engine.connect() as connection:
        assert balances.find(connection, tenant_id=told.tenant_id, receipt=day.receipt) == day
        for odd in ("c", "c@", f"c{site}@", f"c{site}@2024-02-30", f"c{site}@now", f"c@{DAY}"):
            assert balances.find(connection, tenant_id=told.tenant_id, receipt=odd) is None


def test_a_half_of_a_day_that_is_missing_waits_and_says_which(told: Told, site: str) -> None:
    collect(told.engine, chained([[("a", 0, 1.0)]]), HTML)
    [day] = told.deliveries
    assert (day.state, told.waits(day)) == ("recorded", ["weather: not collected"])
    collect(told.engine, chained([[("a", 0, 1.0)]]), SUN)
    [day] = told.deliveries
    assert (day.state, told.waits(day)) == ("loaded", [])


def test_an_api_by_a_mapping_is_explained_record_by_record(
    told: Told, configured: Settings
) -> None:
    said: list[dict[str, Any]] = [{"id": f"n{number}", "paid": "1.50"} for number in range(5)]
    said[3]["paid"] = "much"

    def answers(asked: Asked) -> Reply:
        at = int(asked.query["offset"])
        return reply({"rows": said[at : at + 3], "count": len(said)})

    shelf = Shelf.build(told.engine)
    with serving(answers) as server:
        series = Series(told.engine, configured, server.url, shelf)
        series.collect(ANY_DAY)
    [window] = told.deliveries
    assert (window.sender, window.state) == ("http_series", "loaded")
    assert window.numbers == Numbers(sent=5, updated=4, refused=1)
    [(_, field, _)] = told.why(window)
    assert field == "amount"
    assert json.dumps(told.waits(window)) == "[]"
