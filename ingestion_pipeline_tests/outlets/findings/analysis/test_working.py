"""Analyses of packages, from readings in a real database, reworded by a server that listens."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.announcements import Analysis
from ingestion_pipeline.domains.kpis.land.analyses import land_analysis
from ingestion_pipeline.domains.kpis.publish.packages import read_package
from ingestion_pipeline.domains.kpis.tables import analyses, updates
from ingestion_pipeline.foundation.upstreams.client import Patience
from ingestion_pipeline.outlets.findings.analysis.chat import Chat
from ingestion_pipeline.outlets.findings.analysis.packages import any_wanted
from ingestion_pipeline.outlets.findings.analysis.tables import analysis_tokens
from ingestion_pipeline.outlets.findings.analysis.working import ASKED, Done, analyse
from ingestion_pipeline_tests.domains.kpis.builders import LATE, send, update
from ingestion_pipeline_tests.outlets.findings.analysis.serving import (
    Answering,
    Handler,
    serving,
)

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
KPI = "secret-project-revenue"
_CALM = sa.text("""
    INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                            trace_id, in_order)
    SELECT :tenant_id, :kpi, :hour - n * interval '1 hour',
           80 + 5 * sin(n * pi() / 12) + (n * 7919 % 13) / 10.0, '', 'price', 'before', true
    FROM generate_series(1, 24 * 7 * 9) AS n
""")
PATIENCE = Patience(
    backoff=timedelta(milliseconds=1),
    retry_after_cap=timedelta(seconds=1),
    breaker_failures=5,
    breaker_cooldown=timedelta(minutes=1),
)


@pytest.fixture
def calm(engine: sa.Engine, tenant_id: int) -> int:
    """A tenant with nine calm weeks of a KPI."""
    with engine.begin() as connection:
        connection.execute(_CALM, {"tenant_id": tenant_id, "kpi": KPI, "hour": HOUR})
    return tenant_id


def _reading(
    engine: sa.Engine, tenant_id: int, value: float = 29.2, *, trace: str = "t", **more: Any
) -> None:
    metadata = {"source": "hidden-metadata", "unit": "EUR"}
    more = {"kpi": KPI, "at": HOUR, "metadata": metadata, **more}
    send(engine, update(tenant_id, trace=trace, value=value, **more))


def _published(engine: sa.Engine, tenant_id: int, trace: str = "t", kpi: str = KPI) -> Any:
    with engine.connect() as connection:
        package = read_package(
            connection, tenant_id=tenant_id, trace_id=trace, kpi_id=kpi, late=LATE
        )
    assert package is not None
    return package["analysis"]


def _row(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(analyses)).one()


def _tokens(engine: sa.Engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(sa.select(analysis_tokens.c.tokens))


def _asked(
    engine: sa.Engine, answering: Answering, *, budget: int = 100_000, seconds: float = 20
) -> tuple[Done, list[tuple[str, dict[str, str], str]]]:
    """Analyse with a server that answers so; what it came to, and what the server was asked."""
    with serving(answering) as server:
        chat = Chat(
            engine, url=server.url, key="key-of-the-server", model="small", budget=budget,
            patience=PATIENCE, deadline=timedelta(seconds=seconds),
        )  # fmt: skip
        done = analyse(engine, chat=chat)
        chat.close()
    return done, server.asked


def _reworded(draft: dict[str, Any]) -> dict[str, Any]:
    return {**draft, "headline": "A deep drop, well under what is usual"}


def test_a_reading_that_stands_out_has_an_analysis_in_its_package_at_once(
    engine: sa.Engine, calm: int
) -> None:
    _reading(engine, calm)
    done = analyse(engine, chat=None)
    assert (done.packages, done.worth_watching, done.reworded) == (1, 1, 0)
    analysis = _published(engine, calm)
    assert analysis["verdict"] == "act"
    assert analysis["sentences"][0].startswith("Fell to 29.2 at ")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(updates.c.pending))  # it is published again
        assert not any_wanted(connection)
    assert analyse(engine, chat=None).packages == 0


def test_a_usual_reading_is_normal_and_no_server_is_asked(engine: sa.Engine, calm: int) -> None:
    _reading(engine, calm, 80.5)
    _, asked = _asked(engine, lambda handler, draft: handler.say("{}"))
    assert _published(engine, calm)["verdict"] == "normal"
    assert asked == []


def test_of_a_new_series_it_is_not_claimed_what_is_usual(engine: sa.Engine, tenant_id: int) -> None:
    _reading(engine, tenant_id)
    analyse(engine, chat=None)
    assert _published(engine, tenant_id)["verdict"] == "unknown"


def test_a_value_beyond_all_reckoning_is_unknown_and_stops_nobody(
    engine: sa.Engine, calm: int
) -> None:
    _reading(engine, calm, 1e300)
    analyse(engine, chat=None)
    assert _published(engine, calm)["verdict"] == "unknown"


def test_an_analysis_of_the_sender_is_never_overwritten(engine: sa.Engine, calm: int) -> None:
    _reading(engine, calm)
    own = Analysis(calm, "t", KPI, {"summary": "mine"})
    with engine.begin() as connection:
        land_analysis(connection, own)
    assert analyse(engine, chat=None).packages == 0
    assert _published(engine, calm) == {"summary": "mine"}


def test_a_sender_may_take_the_place_of_ours(engine: sa.Engine, calm: int) -> None:
    _reading(engine, calm)
    analyse(engine, chat=None)
    with engine.begin() as connection:
        land_analysis(connection, Analysis(calm, "t", KPI, "mine"))
    assert _published(engine, calm) == "mine"
    assert analyse(engine, chat=None).packages == 0
    assert _row(engine).source == "sender"


def test_a_value_that_was_corrected_takes_its_analysis_away_until_there_is_another(
    engine: sa.Engine, calm: int
) -> None:
    _reading(engine, calm)
    analyse(engine, chat=None)
    with engine.begin() as connection:
        connection.execute(sa.update(updates).values(value=81.0))
        connection.execute(sa.text("UPDATE kpi_points SET value = 81 WHERE trace_id = 't'"))
    assert _published(engine, calm) is None
    analyse(engine, chat=None)
    assert _published(engine, calm)["verdict"] == "normal"


def test_history_that_is_imported_wants_no_analyses(engine: sa.Engine, calm: int) -> None:
    _reading(engine, calm, at=HOUR - timedelta(days=30, minutes=7))
    assert analyse(engine, chat=None).packages == 0


def test_a_server_rewords_and_gets_nothing_but_numbers_and_our_words(
    engine: sa.Engine, calm: int
) -> None:
    _reading(engine, calm)
    done, asked = _asked(engine, lambda handler, draft: handler.say(json.dumps(_reworded(draft))))
    assert (done.reworded, done.template_kept, done.tokens) == (1, 0, 250)
    assert _published(engine, calm)["headline"] == "A deep drop, well under what is usual"
    row = _row(engine)
    assert (row.source, row.model, row.tokens, row.note) == ("model", "small", 250, None)
    assert _tokens(engine) == 250
    [(path, headers, body)] = asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer key-of-the-server"
    for secret in (KPI, "hidden-metadata", "EUR", "acme", '"t"', "price"):
        assert secret not in body
    assert analyse(engine, chat=None).packages == 0


def _invents(handler: Handler, draft: dict[str, Any]) -> None:
    handler.say(json.dumps({**draft, "headline": "It fell to 17.5"}))


def _changes_the_verdict(handler: Handler, draft: dict[str, Any]) -> None:
    handler.say(json.dumps({**draft, "verdict": "normal"}))


def _talks(handler: Handler, _: dict[str, Any]) -> None:
    handler.say("Certainly! The value fell.")


def _adds_a_field(handler: Handler, draft: dict[str, Any]) -> None:
    handler.say(json.dumps({**draft, "cause": "weather"}))


def _breaks(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b"sorry", status=500)


def _refuses(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b"key-of-the-server is wrong", status=401)


def _says_something_else(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b'{"choices": []}')


def _floods(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b" " * 300_000)


def _hangs(handler: Handler, _: dict[str, Any]) -> None:
    handler.server.over.wait(30)


def _drips(handler: Handler, _: dict[str, Any]) -> None:
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        while not handler.server.over.wait(0.05):
            handler.wfile.write(b"y")
    except OSError:
        pass  # the client has gone, as it should


@pytest.mark.parametrize(
    ("answering", "note", "seconds"),
    [
        (_invents, "the server's wording is not taken: a number that is not the draft's", 20),
        (_changes_the_verdict, "the server's wording is not taken: another verdict", 20),
        (_talks, "the server's wording is not taken: no JSON object", 20),
        (_adds_a_field, "the server's wording is not taken: other fields", 20),
        (_breaks, "the server answered HTTP 500", 20),
        (_refuses, "the server answered HTTP 401", 20),
        (_says_something_else, "the server's answer is none of the chat wire", 20),
        (_floods, "no answer: TooLargeError", 20),
        (_hangs, "the server gave no whole answer in 0.4 s", 0.4),
        (_drips, "the server gave no whole answer in 0.4 s", 0.4),
    ],
)
def test_the_template_stays_and_why_is_kept(
    engine: sa.Engine, calm: int, answering: Answering, note: str, seconds: float
) -> None:
    _reading(engine, calm)
    done, _ = _asked(engine, answering, seconds=seconds)
    assert (done.reworded, done.template_kept) == (0, 1)
    row = _row(engine)
    assert row.source == "template"
    assert row.note.startswith(note)
    assert _published(engine, calm)["sentences"][0].startswith("Fell to 29.2 at ")


def test_a_budget_that_is_used_up_asks_nobody(engine: sa.Engine, calm: int) -> None:
    _reading(engine, calm)
    _, asked = _asked(engine, _talks, budget=100)
    assert asked == []
    assert _row(engine).note == "the day's tokens (ANALYSIS_BUDGET) are used up"


def test_a_run_that_was_killed_while_it_asked_leaves_the_template_and_asks_no_more(
    engine: sa.Engine, calm: int
) -> None:
    class Killed(Chat):
        def reword(self, draft: Any) -> Any:
            raise KeyboardInterrupt

    _reading(engine, calm)
    chat = Killed(
        engine, url="http://127.0.0.1:1", key="", model="small", budget=1, patience=PATIENCE
    )
    with pytest.raises(KeyboardInterrupt):
        analyse(engine, chat=chat)
    chat.close()
    assert _row(engine).note == ASKED
    assert _published(engine, calm)["verdict"] == "act"
    assert analyse(engine, chat=None).packages == 0


def test_two_tenants_are_judged_by_their_own_series(engine: sa.Engine, calm: int) -> None:
    from ingestion_pipeline.foundation.ledger import tenants

    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
    _reading(engine, calm)
    _reading(engine, other)
    analyse(engine, chat=None)
    assert _published(engine, calm)["verdict"] == "act"
    assert _published(engine, other)["verdict"] == "unknown"


def test_the_hour_is_told_by_the_tenants_clock(engine: sa.Engine, calm: int) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE tenants SET time_zone = 'Asia/Kolkata'"))
    _reading(engine, calm)
    analyse(engine, chat=None)
    local = (HOUR + timedelta(hours=5, minutes=30)).strftime("%H:%M (%A)")
    assert _published(engine, calm)["sentences"][0] == f"Fell to 29.2 at {local}."


def test_a_peak_of_a_minute_is_judged_by_itself(engine: sa.Engine, calm: int) -> None:
    for minute in range(1, 8):
        _reading(engine, calm, 80.0, trace=f"m{minute}", at=HOUR + timedelta(minutes=minute))
    _reading(engine, calm, 120.0, trace="peak", at=HOUR + timedelta(minutes=8))
    analyse(engine, chat=None)
    assert _published(engine, calm, "m3")["verdict"] == "normal"
    assert _published(engine, calm, "peak")["verdict"] == "act"
