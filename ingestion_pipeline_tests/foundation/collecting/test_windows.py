"""Windows of an API, loaded: once, whole or not at all, whatever happens in between."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, QuotaError
from ingestion_pipeline.foundation.ledger import quota, tenants
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.foundation.collecting.running import DAY, MAPPING, Series
from ingestion_pipeline_tests.foundation.collecting.serving import Asked, Reply, reply, serving
from ingestion_pipeline_tests.foundation.loading.running import Shelf, on_the_shelf

ROOT = Path(__file__).parents[3]
KILLS = 6


@dataclass
class Api:
    """What the server has, by day.

    Attributes:
        slow: seconds that a page takes.
        promises: how many records more it says that it has.
    """

    days: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    slow: float = 0.0
    promises: int = 0

    def __call__(self, asked: Asked) -> Reply:
        time.sleep(self.slow)
        rows = self.days.get(asked.query["day"], [])
        at = int(asked.query["offset"])
        return reply({"rows": rows[at : at + 3], "count": len(rows) + self.promises})


def rows(day: Any, number: int = 7) -> list[dict[str, Any]]:
    return [{"id": f"{day}/{each}", "paid": f"{each}.50"} for each in range(number)]


@pytest.fixture
def api() -> Api:
    return Api({DAY.isoformat(): rows(DAY)})


@pytest.fixture
def series(engine: sa.Engine, tmp_path: Path, api: Api) -> Iterator[Series]:
    shelf = Shelf.build(engine)
    with serving(api) as server:
        yield Series(engine, Settings(ingestion_home=tmp_path), server.url, shelf)


def table(series: Series, statement: str) -> list[tuple[Any, ...]]:
    with series.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def paid(series: Series) -> dict[str, Decimal]:
    """What is on the shelf: amounts by id."""
    return {
        key: Decimal(json.loads(said)["amount"]) for _, _, key, said in on_the_shelf(series.engine)
    }


def landed(series: Series) -> list[Path]:
    folder = series.configuration.home / "landing"
    return [each for each in folder.rglob("*") if each.is_file()]


def test_a_window_is_loaded_and_again_changes_nothing(series: Series) -> None:
    first = series.collect()
    assert (first.pages, first.records, first.total, first.is_new) == (3, 7, 7, True)
    assert first.came_to["became"] == {"sales_events": {"updated": 7, "unchanged": 0}}
    before = on_the_shelf(series.engine)
    again = series.collect()
    assert (again.is_new, again.upload_id, again.records) == (False, first.upload_id, 7)
    assert on_the_shelf(series.engine) == before
    assert len(landed(series)) == 1
    assert table(series, "SELECT status, source, domain, type FROM uploads") == [
        ("loaded", "api", "intake", "kiosk/sales")
    ]


def test_what_becomes_as_it_was_once_is_as_it_was(series: Series, api: Api) -> None:
    """The bytes of a file that was loaded before: they are what is true now, all the same."""
    day = DAY.isoformat()
    for amount in ("1.00", "2.00", "1.00", "2.00"):
        api.days[day] = [{"id": "a", "paid": amount}]
        assert series.collect().is_new
        assert paid(series) == {"a": Decimal(amount)}
    assert len(table(series, "SELECT 1 FROM uploads")) == 4


def test_an_empty_answer_takes_nothing_away(series: Series, api: Api) -> None:
    series.collect()
    before, kept = on_the_shelf(series.engine), api.days[DAY.isoformat()]
    api.days[DAY.isoformat()] = []
    emptied = series.collect()
    assert (emptied.records, emptied.most_records, emptied.is_new) == (0, 7, False)
    assert on_the_shelf(series.engine) == before
    api.days[DAY.isoformat()] = kept
    assert not series.collect().is_new
    assert on_the_shelf(series.engine) == before


def test_a_window_without_records_is_read_and_has_no_file(series: Series) -> None:
    found = series.collect(DAY + timedelta(days=1))
    assert (found.records, found.upload_id, found.came_to) == (0, None, {})
    assert landed(series) == []
    assert table(series, "SELECT period, records FROM series_windows") == [("2026-03-02", 0)]


def test_a_list_that_ends_before_its_total_is_not_read(series: Series, api: Api) -> None:
    api.promises = 1
    with pytest.raises(ContractError, match="8 records, and 7 came"):
        series.collect()
    assert on_the_shelf(series.engine) == []
    assert landed(series) == []
    assert table(series, "SELECT 1 FROM uploads") == table(series, "SELECT 1 FROM series_windows")


def test_what_is_read_of_an_api_takes_room_as_files_do(series: Series, api: Api) -> None:
    """A tenant's limit held for files that were sent, and an API could fill the disk."""
    first = series.collect()
    with series.engine.begin() as connection:
        tenant_id = tenants.find(connection, "acme")
        room = quota.room_of(connection, tenant_id, default=10**9)
        quota.set_limit(connection, tenant_id, room.used)
    assert room.used == landed(series)[0].stat().st_size
    assert series.collect().upload_id == first.upload_id  # what is there takes no more
    api.days["2026-03-02"] = rows("x")
    with pytest.raises(QuotaError, match="no room for this one"):
        series.collect(DAY + timedelta(days=1))
    assert len(landed(series)) == 1
    assert table(series, "SELECT period FROM series_windows") == [(DAY.isoformat(),)]
    with series.engine.begin() as connection:
        quota.set_limit(connection, tenant_id, None)
    assert series.collect(DAY + timedelta(days=1)).is_new


def test_records_that_the_mapping_refuses_cost_themselves(series: Series, api: Api) -> None:
    api.days[DAY.isoformat()][2]["paid"] = "much"
    found = series.collect()
    assert (found.records, found.came_to["rejected"]) == (7, 1)
    assert len(on_the_shelf(series.engine)) == 6
    [(line, reasons)] = table(series, "SELECT line_number, reasons::text FROM rejected_rows")
    assert line == 3
    assert "amount" in reasons


def test_a_mapping_that_is_mended_loads_what_it_could_not(series: Series) -> None:
    series.mapping = MAPPING.replace("paid", "piad")
    with pytest.raises(MappingError, match="piad"):
        series.collect()
    assert table(series, "SELECT status FROM uploads") == [("failed",)]
    with pytest.raises(MappingError, match="piad"):
        series.collect()
    series.mapping = MAPPING
    assert series.collect().came_to["became"]["sales_events"]["updated"] == 7
    assert table(series, "SELECT status FROM uploads") == [("loaded",)]


def test_a_mapping_that_says_something_else_reads_the_same_list_anew(series: Series) -> None:
    series.collect()
    series.mapping = MAPPING.replace("EUR", "USD")
    found = series.collect()
    assert found.is_new
    assert {json.loads(said)["currency"] for *_, said in on_the_shelf(series.engine)} == {"USD"}


def test_what_was_recorded_and_not_loaded_is_loaded_next(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it were killed between the two."""
    from ingestion_pipeline.foundation.collecting.windows import Collecting

    with monkeypatch.context() as killed:
        killed.setattr(Collecting, "_load", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            series.collect()
    assert table(series, "SELECT status FROM uploads") == [("recorded",)]
    found = series.collect()
    assert (found.is_new, found.came_to["lines"]) == (False, 7)
    assert len(on_the_shelf(series.engine)) == 7
    assert len(table(series, "SELECT 1 FROM uploads")) == 1


def test_kill_9_at_random_loses_nothing_and_doubles_nothing(
    series: Series, api: Api, database_url: str
) -> None:
    days = 3
    for number in range(days):
        day = DAY + timedelta(days=number)
        api.days[day.isoformat()] = rows(day, 10)
    api.slow = 0.03
    command = [
        sys.executable, "-m", "ingestion_pipeline_tests.foundation.collecting.running",
        str(series.configuration.home), series.url, str(days),
    ]  # fmt: skip
    environment = {**os.environ, "SERIES_DATABASE": database_url}
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for _ in range(KILLS):
        seeded = [*command, str(chance.randrange(10**6))]
        process = subprocess.Popen(seeded, cwd=ROOT, env=environment)
        time.sleep(chance.uniform(1.0, 3.5))
        process.kill()
        process.wait()
    subprocess.run([*command, "0"], cwd=ROOT, env=environment, check=True, timeout=300)
    wanted = {each["id"]: Decimal(each["paid"]) for some in api.days.values() for each in some}
    assert paid(series) == wanted, seed
    assert table(series, "SELECT DISTINCT status FROM uploads") == [("loaded",)], seed
    assert table(series, "SELECT records FROM series_windows") == [(10,)] * days, seed
    locations = {where for (where,) in table(series, "SELECT location FROM uploads")}
    store = Landing(series.configuration.landing)
    assert all(store.exists(each) for each in locations), seed
