"""Names and cells of strangers in logs and terminals: they forged lines, terminals obeyed them."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.cli import console
from ingestion_pipeline.foundation.printable import log_plainly, printable
from ingestion_pipeline.gateway.logs import JsonFormatter

FORGED = "orders.csv\n2026-01-01 ERROR all is lost \x1b[2J\x9b31m\u202e\u2028\ud800 end"


@pytest.fixture
def plain_logs() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    log_plainly()
    yield
    logging.setLogRecordFactory(before)


@given(st.text(st.characters()))
def test_what_is_printable_stays_and_nothing_else_passes(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & {"\x1b", "\x9b", "\u202e"}
    shown.encode()  # half a surrogate pair would fail
    assert text.isprintable() <= (shown == text)


def test_spaces_of_other_scripts_are_no_controls() -> None:
    assert printable("売上\u3000報告\u00a01") == "売上\u3000報告\u00a01"
    assert printable("a\nb\tc\r") == "a\\nb\\tc\\r"
    assert printable("a\nb\tc\r", lines=True) == "a\nb\tc\\r"


def test_a_name_forged_a_line_of_a_log(plain_logs: None, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("ingestion_pipeline.domains.commerce.merge.claimed").warning(
        "upload 1 (%s)", FORGED
    )
    [record] = caplog.records
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()
    caplog.clear()
    logging.getLogger("dagster").warning("upload 1 (%s)", FORGED)
    assert "\x1b" not in caplog.text  # lines are Dagster's own matter


def test_a_line_of_the_gateways_log_was_lost_to_half_a_surrogate_pair(plain_logs: None) -> None:
    record = logging.makeLogRecord({"name": "x", "msg": FORGED, "method": FORGED})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["method"] == FORGED


def test_a_terminal_obeyed_the_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    sample = FORGED.replace("\ud800", "") + "[bold red]x[/bold red]"
    for tell in (console.say, console.warn, console.complain):
        tell(sample)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)
        assert "[bold red]x[/bold red]" in text.replace("\n", "")
    assert sys.stdout is not None
