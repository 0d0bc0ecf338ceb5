"""`/api/macro` while FRED is well, slow, down, busy, and wrong: the last good value is served."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox
from ingestion_pipeline_tests.foundation.upstreams.aging import time_passes
from ingestion_pipeline_tests.gateway.running import RunningGateway, ServingGateway, serving

OBSERVATIONS = "/fred/series/observations"
_COLD = sa.text("DELETE FROM key_value")
_OLD = sa.text("""
    UPDATE macro_series SET fetched_at = fetched_at - CAST(:age AS interval),
                            checked_at = checked_at - CAST(:age AS interval)
""")


class Macro:
    """A gateway whose FRED is the sandbox."""

    def __init__(self, gateway: RunningGateway | ServingGateway, sandbox: RunningSandbox) -> None:
        self.gateway, self.sandbox = gateway, sandbox
        with gateway.engine.begin() as connection:
            key = tenants.issue_key(connection, tenants.ensure(connection, "acme"))
        self.headers = {"X-API-Key": key}
        self.http = httpx.Client(base_url=gateway.url, headers=self.headers, timeout=60)

    def get(self, **params: str) -> dict[str, Any]:
        # None is kept, nor shared: the pool of a client closes what was idle, and a gateway, too,
        # maybe just when another thread takes it.
        answered = httpx.get(
            f"{self.gateway.url}/api/macro", params=params, headers=self.headers, timeout=60,
            verify=False,
        )  # fmt: skip
        assert answered.status_code == 200, answered.text
        document: dict[str, Any] = answered.json()
        return document

    def age(self, *, hours: float = 1, cold: bool = True) -> None:
        """Let time pass for what was fetched, and forget what is cached."""
        with self.gateway.engine.begin() as connection:
            connection.execute(_OLD, {"age": timedelta(hours=hours)})
            if cold:
                connection.execute(_COLD)
        self.sandbox.forget()

    def asked(self) -> int:
        return self.sandbox.counts().get(OBSERVATIONS, 0)

    def breaker(self) -> str | None:
        query = sa.text("SELECT state FROM circuit_breakers WHERE name = 'fred'")
        with self.gateway.engine.connect() as connection:
            state: str | None = connection.scalar(query)
        return state


@pytest.fixture(scope="module")
def reading(
    shared_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_process: RunningSandbox,
) -> Iterator[Macro]:
    environment = {
        "FRED_API_BASE_URL": f"{sandbox_process.url}/fred", "FRED_API_KEY": KEY,
        "HTTP_BACKOFF": "0.01", "FRED_SERIES": "GDP,UNRATE", "FRED_REQUESTS_PER_MINUTE": "60000",
    }  # fmt: skip
    running = RunningGateway(shared_database_url, tmp_path_factory.mktemp("macro"), environment)
    made = Macro(running, sandbox_process)
    try:
        yield made
    finally:
        made.http.close()
        running.stop()
        running.engine.dispose()


@pytest.fixture
def macro(reading: Macro, sandbox: RunningSandbox) -> Macro:
    """A gateway that knows nothing yet, and a FRED that is well."""
    with reading.gateway.engine.begin() as connection:
        tables = "macro_series, macro_observations, key_value, circuit_breakers"
        connection.execute(sa.text(f"TRUNCATE {tables}"))
    return reading


def test_a_thousand_reads_of_a_cold_key_ask_once(macro: Macro) -> None:
    with macro.sandbox.fault("slow", "0.5"), ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda _: macro.get(), range(1000)))
    assert macro.asked() == 2  # once a series
    assert {each["series"]["GDP"]["value"] for each in found} == {29349.924}
    assert not any(each["stale"] for each in found)
    assert macro.get()["cached"] is True
    # What was known on a day, from the same vintages.
    then = macro.get(as_of="2020-04-29")["series"]["GDP"]["observations"]
    assert then[-1] == {"date": "2020-01-01", "value": 21537.94, "released": "2020-04-29"}
    assert macro.get(as_of="2020-04-28")["series"]["GDP"]["observations"][-1]["date"] < "2020"
    assert macro.http.get("/api/macro", params={"as_of": "yesterday"}).status_code == 422


def test_fred_down_or_slow_or_busy_serves_the_last_good_value(macro: Macro) -> None:
    good = macro.get()["series"]["GDP"]["value"]
    # Busy: tried again, then given up; somebody is there, so the breaker stays closed.
    with macro.sandbox.fault("rate_limited_without_header"):
        macro.age()
        found = macro.get()
        assert (found["series"]["GDP"]["value"], found["stale"]) == (good, True)
        assert "429" in found["series"]["GDP"]["error"]
        assert macro.breaker() in (None, "closed")
    # Slow: nobody waits for it.
    with macro.sandbox.fault("slow", "6", times=1):
        macro.age()
        started = time.monotonic()
        found = macro.get()
        assert time.monotonic() - started < 5
        assert (found["series"]["GDP"]["value"], found["stale"]) == (good, True)
    deadline = time.monotonic() + 15  # it recovers by itself, in the background
    while macro.get()["stale"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert macro.get()["stale"] is False
    # Down: the breaker opens, and FRED is left alone.
    with macro.sandbox.fault("server_error", "503"):
        macro.age()
        found = macro.get()
        assert (found["series"]["GDP"]["value"], found["stale"]) == (good, True)
        assert macro.breaker() == "open"
        macro.age()
        started = time.monotonic()
        assert macro.get()["stale"] is True
        assert time.monotonic() - started < 1
        assert macro.asked() == 0
    # Well again: one probe, and everything is as it was.
    time_passes(macro.gateway.engine, seconds=120)
    macro.age()
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: macro.get(), range(50)))[-1]
    assert (found["stale"], macro.breaker(), macro.asked()) == (False, "closed", 2)


def test_a_revision_is_served_and_one_to_missing_leaves_the_last_good_value(macro: Macro) -> None:
    good = macro.get()["series"]["GDP"]["value"]
    with macro.sandbox.fault("revised_to_missing", "GDP"):
        macro.age()
        found = macro.get()
        assert (found["series"]["GDP"]["value"], found["stale"]) == (good, True)
        assert found["series"]["GDP"]["taken_back"] is True
        assert found["series"]["UNRATE"]["stale"] is False
        [row] = macro.gateway.rows(
            "SELECT value, date FROM macro_observations WHERE series_id = 'GDP' "
            "AND realtime_start = current_date"
        )
        assert tuple(row) == (None, date(2024, 7, 1))
    with macro.sandbox.fault("revised", "GDP"):
        macro.age()
        found = macro.get()
        assert found["series"]["GDP"]["value"] == pytest.approx(good + 1)
        assert found["stale"] is False


def test_an_outdated_document_is_served_while_it_is_renewed(macro: Macro) -> None:
    macro.get()
    with macro.gateway.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE key_value SET value = jsonb_set(value, '{stored_at}', "
                "to_jsonb((value->>'stored_at')::float - 1000))"
            )
        )
    macro.age(cold=False)
    with macro.sandbox.fault("slow", "2"):
        found = [macro.get() for _ in range(3)]
        assert all(each["stale"] and each["cached"] for each in found)
    deadline = time.monotonic() + 15
    while macro.get()["stale"] and time.monotonic() < deadline:
        time.sleep(0.1)
    found = [macro.get()]
    assert (found[0]["stale"], macro.asked()) == (False, 2)


@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        ({"FRED_API_KEY": "a-wr0ng-key"}, 503, "FRED does not answer"),
        ({"FRED_API_KEY": KEY, "FRED_SERIES": "GDP,NOPE"}, 200, "newest"),
    ],
)
def test_a_wrong_key_and_an_unknown_series(
    database_url: str, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture,
    environment: dict[str, str], status: int, said: str,
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    with serving(database_url, FRED_API_BASE_URL=f"{sandbox.url}/fred", **environment) as running:
        macro = Macro(running, sandbox)
        answered = macro.http.get("/api/macro")
        assert answered.status_code == status, answered.text
        document = answered.json()
        assert said in document["message"]
        if status == 200:
            assert document["unavailable"] == ["NOPE"]
            assert (document["stale"], document["series"]["GDP"]["stale"]) == (True, False)
        asked = macro.asked()
        macro.http.get("/api/macro")
        assert macro.asked() == asked  # it is not asked again at once
        macro.http.close()
    assert "not refreshed" in caplog.text
    assert "a-wr0ng-key" not in caplog.text


def test_nothing_known_and_fred_away_is_503_and_soon(macro: Macro) -> None:
    with macro.sandbox.fault("slow", "6", times=1):
        started = time.monotonic()
        answered = macro.http.get("/api/macro")
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "2")
        assert time.monotonic() - started < 5
