"""The client against faults on a real connection: the sandbox's."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import (
    CircuitOpenError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.upstreams.client import Patience, Upstream
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.foundation.upstreams.aging import time_passes

PAGE = "/sites/demo-site-1/timeseries/paginated"
PARAMS: dict[str, str | int] = {
    "start_time": "2026-03-02T09:00:00Z", "end_time": "2026-03-02T10:00:00Z", "page_size": 1000,
    "raw_data": "true",
}  # fmt: skip
PATIENCE = Patience(
    backoff=timedelta(milliseconds=10),
    retry_after_cap=timedelta(seconds=5),
    breaker_failures=5,
    breaker_cooldown=timedelta(minutes=1),
)


def upstream(engine: sa.Engine, sandbox: RunningSandbox, **options: Any) -> Upstream:
    return Upstream(
        engine,
        **{
            "name": "ace",
            "base_url": sandbox.live_url,
            "headers": sandbox.headers,
            "requests_per_minute": 60_000,
            "timeout": timedelta(seconds=30),
            "patience": PATIENCE,
            **options,
        },
    )


@pytest.fixture
def ace(engine: sa.Engine, sandbox: RunningSandbox) -> Iterator[Upstream]:
    with upstream(engine, sandbox) as made:
        yield made


@pytest.mark.parametrize(
    ("fault", "argument", "seconds"),
    [
        ("rate_limited", "1", 1.0),
        ("rate_limited", "date", 0.0),
        ("rate_limited_without_header", None, 0.0),
        ("server_error", "503", 0.0),
        ("server_error", "500", 0.0),
        ("broken_body", None, 0.0),
    ],
)
def test_what_passes_is_got_over(
    ace: Upstream, sandbox: RunningSandbox, fault: str, argument: str | None, seconds: float
) -> None:
    right = ace.get(PAGE, params=PARAMS)
    with sandbox.fault(fault, argument, times=1):
        answer = ace.get(PAGE, params=PARAMS)
    assert answer.content == right.content
    assert (ace.counts.requests, ace.counts.retries) == (3, 1)
    assert ace.counts.seconds + ace.counts.waited_seconds < 5
    assert sandbox.counts() == {f"/ace/live/api{PAGE}": 3}


def test_silence_ends_by_timeout_and_is_got_over(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    with (
        upstream(engine, sandbox, timeout=timedelta(seconds=0.3)) as ace,
        sandbox.fault("slow", "3", times=1),
    ):
        assert ace.get(PAGE, params=PARAMS).status == 200
        assert ace.counts.retries == 1


def test_bodies_that_always_break_off_are_no_answer(ace: Upstream, sandbox: RunningSandbox) -> None:
    with (
        sandbox.fault("broken_body"),
        pytest.raises(UpstreamUnavailableError, match="no complete answer"),
    ):
        ace.get(PAGE, params=PARAMS)
    assert ace.counts.by_status == {}


def test_a_wrong_key_fails_at_the_first_request(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    headers = {"Authorization": "Bearer not-the-key"}
    with (
        upstream(engine, sandbox, headers=headers) as ace,
        pytest.raises(UpstreamRefusedError, match="wrong key") as refused,
    ):
        ace.probe("/sites")
    assert refused.value.status == 500
    with (
        upstream(engine, sandbox, headers=headers, base_url=sandbox.documented_url) as ace,
        pytest.raises(UpstreamRefusedError) as refused,
    ):
        ace.get(PAGE, params=PARAMS)
    assert refused.value.status == 401
    assert sum(sandbox.counts().values()) == 2


def test_no_secret_is_logged_on_a_real_connection(
    engine: sa.Engine, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer a-wr0ng-key"}
    with upstream(engine, sandbox, headers=headers) as ace, sandbox.fault("broken_body", times=1):
        for path in (PAGE, "/nowhere"):
            with pytest.raises((UpstreamRefusedError, UpstreamUnavailableError)):
                ace.get(path, params={**PARAMS, "token": "t0ken-in-the-query"})
    logged = "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "httpcore" in logged
    assert "page_size=1000" in logged
    assert "a-wr0ng-key" not in logged
    assert "t0ken-in-the-query" not in logged


def test_many_callers_probe_an_upstream_that_was_down_once(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    """While the probe is under way nobody else gets through, and then everybody does."""
    callers = 8
    with upstream(engine, sandbox, attempts=1) as ace, ThreadPoolExecutor(callers) as pool:
        sandbox.switch_on("server_error")
        for _ in range(PATIENCE.breaker_failures):
            with pytest.raises(UpstreamUnavailableError):
                ace.get(PAGE, params=PARAMS)
        sandbox.heal()
        sandbox.forget()
        sandbox.switch_on("slow", "2", times=1)
        time_passes(engine, seconds=60)

        def call(_: int) -> str:
            try:
                return str(ace.get(PAGE, params=PARAMS).status)
            except CircuitOpenError:
                return "open"

        assert sorted(pool.map(call, range(callers))) == ["200"] + ["open"] * (callers - 1)
        assert sum(sandbox.counts().values()) == 1
        assert set(pool.map(call, range(callers))) == {"200"}
