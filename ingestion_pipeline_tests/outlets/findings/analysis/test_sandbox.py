"""Analyses with the sandbox's server of the chat wire, as `make run` has it."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.sandbox.chat.api import HOSTILE
from ingestion_pipeline.outlets.findings.analysis.chat import Chat
from ingestion_pipeline.outlets.findings.analysis.narrative import draft_of
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.outlets.findings.analysis.builders import facts
from ingestion_pipeline_tests.outlets.findings.analysis.test_working import PATIENCE


def asked(engine: sa.Engine, sandbox: RunningSandbox, *, key: str = "sandbox-key") -> Any:
    chat = Chat(
        engine, url=f"{sandbox.url}/chat/v1", key=key, model="small", budget=100_000,
        patience=PATIENCE, deadline=timedelta(seconds=20),
    )  # fmt: skip
    try:
        return chat.reword(draft_of(facts()))
    finally:
        chat.close()


def test_a_harmless_rewording_of_the_sandbox_is_taken(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    got = asked(engine, sandbox)
    assert got.note is None
    assert got.analysis.headline == "A deep drop, well under what is usual"
    assert got.tokens == 250


@pytest.mark.parametrize("way", HOSTILE)
def test_a_hostile_answer_of_the_sandbox_is_not_taken(
    engine: sa.Engine, sandbox: RunningSandbox, way: str
) -> None:
    with sandbox.fault("hostile_note", way):
        got = asked(engine, sandbox)
    assert got.analysis is None
    assert "sandbox-key" not in got.note


@pytest.mark.parametrize(
    ("fault", "argument", "note"),
    [("wrong_json", None, "the server's answer is none of the chat wire"),
     ("web_page", None, "the server's answer is none of the chat wire"),
     ("unknown_envelope", None, "the server's answer is none of the chat wire"),
     ("server_error", "503", "the server answered HTTP 503"),
     ("rate_limited", "3600", "the server answered HTTP 429"),
     ("broken_body", None, "no answer: UpstreamUnavailableError")],
)  # fmt: skip
def test_a_fault_of_the_sandbox_leaves_the_template(
    engine: sa.Engine, sandbox: RunningSandbox, fault: str, argument: str | None, note: str
) -> None:
    with sandbox.fault(fault, argument, path="/chat"):
        assert asked(engine, sandbox).note == note


def test_a_wrong_key_is_told_without_it(engine: sa.Engine, sandbox: RunningSandbox) -> None:
    assert asked(engine, sandbox, key="wrong").note == "the server answered HTTP 401"


def test_an_answer_that_trickles_ends_at_the_deadline(
    engine: sa.Engine, sandbox: RunningSandbox
) -> None:
    chat = Chat(
        engine, url=f"{sandbox.url}/chat/v1", key="sandbox-key", model="small", budget=100_000,
        patience=PATIENCE, deadline=timedelta(seconds=0.5),
    )  # fmt: skip
    with sandbox.fault("hostile_note", "trickling"):
        got = chat.reword(draft_of(facts()))
    chat.close()
    assert got.note == "the server gave no whole answer in 0.5 s"
