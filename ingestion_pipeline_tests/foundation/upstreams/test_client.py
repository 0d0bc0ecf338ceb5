"""The client against a transport that does as it is told."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import (
    CircuitOpenError,
    ConfigurationError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.upstreams.client import Patience, Upstream
from ingestion_pipeline.foundation.upstreams.limits import RateLimit
from ingestion_pipeline_tests.foundation.upstreams.aging import time_passes

SECRET = "s3cr3t-of-the-upstream"
PATIENCE = Patience(
    backoff=timedelta(milliseconds=5),
    retry_after_cap=timedelta(seconds=2),
    breaker_failures=100,
    breaker_cooldown=timedelta(minutes=1),
)
Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in turn; the last one for ever."""

    def __init__(self, *answers: int | httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, text="ok") if isinstance(answer, int) else answer


def upstream(engine: sa.Engine, handler: Handler, **options: Any) -> Upstream:
    return Upstream(
        engine,
        **{
            "name": "ace",
            "base_url": "http://there/api",
            "headers": {"Authorization": f"Bearer {SECRET}"},
            "requests_per_minute": 60_000,
            "transport": httpx.MockTransport(handler),
            "timeout": timedelta(seconds=30),
            "patience": PATIENCE,
            **options,
        },
    )


def test_a_path_is_under_the_base_url_and_the_headers_go_along(engine: sa.Engine) -> None:
    script = Script(200)
    with upstream(engine, script) as ace:
        answer = ace.get("/sites/a", params={"page": 1, "start_time": "2026-01-01T00:00:00Z"})
    (request,) = script.requests
    assert str(request.url) == (
        "http://there/api/sites/a?page=1&start_time=2026-01-01T00%3A00%3A00Z"
    )
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert (answer.status, answer.content) == (200, b"ok")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 301, 304])
def test_a_refusal_is_not_tried_again(engine: sa.Engine, status: int) -> None:
    script = Script(httpx.Response(status, json={"errors": {"page_size": "no"}}))
    with upstream(engine, script) as ace, pytest.raises(UpstreamRefusedError) as refused:
        ace.get("/sites")
    assert refused.value.status == status
    assert "page_size" in refused.value.body
    assert str(refused.value).startswith(f"ace: GET /api/sites: HTTP {status}: ")
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_a_status_that_the_caller_accepts_is_an_answer(engine: sa.Engine, status: int) -> None:
    with upstream(engine, Script(status)) as ace:
        assert ace.get("/sites", accept=frozenset({status})).status == status


@pytest.mark.parametrize(
    "fault",
    [408, 425, 429, 500, 502, 503, 504, httpx.ConnectError("x"), httpx.ReadTimeout("x"),
     httpx.RemoteProtocolError("peer closed"), httpx.DecodingError("x")],
    ids=str,
)  # fmt: skip
def test_what_may_pass_is_tried_again(engine: sa.Engine, fault: int | Exception) -> None:
    script = Script(fault, fault, 200)
    with upstream(engine, script) as ace:
        assert ace.get("/sites").status == 200
        assert (ace.counts.requests, ace.counts.retries) == (3, 2)
    script = Script(fault)
    with upstream(engine, script) as ace, pytest.raises(UpstreamUnavailableError) as failed:
        ace.get("/sites")
    assert failed.value.status == (fault if isinstance(fault, int) else None)
    assert len(script.requests) == 3


def test_counts_tell_what_was_done(engine: sa.Engine) -> None:
    with upstream(engine, Script(503, httpx.ReadTimeout("x"), 200, 404, 200)) as ace:
        ace.get("/a")
        with pytest.raises(UpstreamRefusedError):
            ace.get("/b")
        ace.get("/c")
        counts = ace.counts
    assert (counts.requests, counts.retries) == (5, 2)
    assert counts.by_status == {200: 2, 404: 1, 503: 1}
    assert counts.received_bytes == 8
    assert counts.seconds > 0


def test_retry_after_is_waited_for_and_capped(engine: sa.Engine) -> None:
    for asked, waited in (("1", 1.0), ("3600", 2.0)):
        limited = httpx.Response(429, headers={"Retry-After": asked})
        with upstream(engine, Script(limited, 200)) as ace:
            started = time.monotonic()
            ace.get("/sites")
        assert waited <= time.monotonic() - started < waited + 0.9


def test_retry_after_keeps_everybody_else_away_too(engine: sa.Engine) -> None:
    limited = httpx.Response(429, headers={"Retry-After": "2"})
    with (
        upstream(engine, Script(limited), attempts=1) as ace,
        pytest.raises(UpstreamUnavailableError) as refused,
    ):
        ace.get("/sites")
    assert refused.value.retry_after == timedelta(seconds=2)
    assert 1 < RateLimit(engine, "ace", 60_000).enter() <= 2


def test_a_wrong_key_that_is_answered_with_500_fails_at_once(engine: sa.Engine) -> None:
    script = Script(500)
    with upstream(engine, script) as ace, pytest.raises(UpstreamRefusedError, match="wrong key"):
        ace.probe("/sites")
    assert len(script.requests) == 1
    with upstream(engine, Script(503, 200)) as ace:
        assert ace.probe("/sites").status == 200


def test_an_upstream_that_fails_and_fails_is_left_alone(engine: sa.Engine) -> None:
    patience = Patience(
        backoff=PATIENCE.backoff, retry_after_cap=PATIENCE.retry_after_cap,
        breaker_failures=5, breaker_cooldown=timedelta(minutes=1),
    )  # fmt: skip
    script = Script(*[503] * 5, 200)
    with upstream(engine, script, patience=patience) as ace:
        with pytest.raises(UpstreamUnavailableError):
            ace.get("/sites")
        with pytest.raises(CircuitOpenError, match="HTTP 503"):
            ace.get("/sites")
        assert len(script.requests) == 5
        with pytest.raises(CircuitOpenError):
            ace.get("/sites")
        assert len(script.requests) == 5
        time_passes(engine, seconds=60)
        assert ace.get("/sites").status == 200
        assert ace.get("/sites").status == 200


def test_too_many_requests_do_not_open_the_circuit(engine: sa.Engine) -> None:
    patience = Patience(timedelta(0), timedelta(0), 2, timedelta(minutes=1))
    with upstream(engine, Script(*[429] * 8, 200), patience=patience, attempts=9) as ace:
        assert ace.get("/sites").status == 200


def test_a_probe_that_is_interrupted_is_handed_on(engine: sa.Engine) -> None:
    patience = Patience(timedelta(0), timedelta(0), 1, timedelta(milliseconds=1))

    def interrupted(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with (
        upstream(engine, Script(503), patience=patience, attempts=1) as ace,
        pytest.raises(UpstreamUnavailableError),
    ):
        ace.get("/sites")
    with upstream(engine, interrupted, patience=patience) as ace, pytest.raises(KeyboardInterrupt):
        ace.get("/sites")
    with upstream(engine, Script(200), patience=patience) as ace:
        assert ace.get("/sites").status == 200


def test_an_answer_that_trickles_in_is_cut_off(engine: sa.Engine) -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b"."

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle())

    with (
        upstream(engine, handler, timeout=timedelta(seconds=0.03), attempts=1) as ace,
        pytest.raises(UpstreamUnavailableError, match="does not end"),
    ):
        ace.get("/sites")


def test_a_redirect_does_not_take_the_key_elsewhere(engine: sa.Engine) -> None:
    script = Script(httpx.Response(302, headers={"Location": "http://elsewhere/"}))
    with upstream(engine, script) as ace, pytest.raises(UpstreamRefusedError):
        ace.get("/sites")
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(403, text="x" * 490 + f"no such key: {SECRET}"),
        httpx.Response(500, text=SECRET),
        httpx.ConnectError(f"cannot connect with {SECRET}"),
        200,
    ],
    ids=["refused", "failed", "no-answer", "well"],
)
def test_no_secret_is_logged_raised_or_shown(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture, fault: int | httpx.Response | Exception
) -> None:
    caplog.set_level(logging.DEBUG)
    params = {"api_key": "k3y-in-the-query", "series": "GDP"}
    shown = ""
    with upstream(engine, Script(fault), attempts=2) as ace:
        try:
            shown += repr(ace.get("/sites", params=params))
        except (UpstreamRefusedError, UpstreamUnavailableError) as error:
            shown += f"{error!r} {error} {getattr(error, 'body', '')} {error.__cause__}"
        shown += f"{ace!r} {ace.counts}"
    with engine.connect() as connection:
        shown += str(connection.execute(sa.text("SELECT * FROM circuit_breakers")).all())
    for record in caplog.records:
        shown += f"{record.getMessage()} {vars(record)}"
    assert SECRET[:8] not in shown
    assert "k3y-in-the-query" not in shown
    assert fault == 200 or "series=GDP" in shown


@pytest.mark.parametrize("key", [f"{SECRET}\n", f"{SECRET}\x00", "ключ-который-не-ascii", " x"])
def test_a_key_that_is_no_header_is_refused_without_repeating_it(
    engine: sa.Engine, key: str
) -> None:
    with pytest.raises(ConfigurationError, match="Authorization") as refused:
        upstream(engine, Script(200), headers={"Authorization": key})
    assert key.strip() not in str(refused.value)


@pytest.mark.parametrize("base_url", ["there/api", "ftp://there", "http://", "", "https://a b"])
def test_a_base_url_that_is_none_is_refused(engine: sa.Engine, base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL"):
        upstream(engine, Script(200), base_url=base_url)
