"""Times that Python reads otherwise than they say, in every domain that is told one."""

from collections.abc import Callable
from typing import Any

import pytest

from ingestion_pipeline.domains.book_sales.contract.events import RowError
from ingestion_pipeline.domains.book_sales.land.orders import parse_order
from ingestion_pipeline.domains.book_sales.sources.gumroad.fields import instant
from ingestion_pipeline.domains.buildings.contract.instants import read_instant
from ingestion_pipeline.domains.kpis.contract import instants as kpis
from ingestion_pipeline.domains.markets.contract import days
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.instants import is_iso_8601

MISREAD = [
    "2026-01-31T12.5", "2026-01-31X12:00:00", "2026-01-31_12:00:00", "20260131112",
    "2026-01-31T12:00:00+05:60", "2026-01-31T12:00:00+05:30:15", "２026-01-31T12:00:00",
]  # fmt: skip
READERS: dict[str, Callable[[str], Any]] = {
    "buildings": read_instant,
    "kpis": kpis.parse_instant,
    "markets": days.parse_instant,
    "market days": days.parse_day,
    "gumroad": lambda text: instant("created_at", text),
    "orders": lambda text: parse_order(
        {"platform": "amazon_kdp", "payload": {}, "scheduled_for": text}
    ),
}


@pytest.mark.parametrize("text", MISREAD)
@pytest.mark.parametrize("who", READERS)
def test_a_time_that_python_reads_as_another_is_refused(who: str, text: str) -> None:
    with pytest.raises((ValueError, RowError, ContractError)):
        READERS[who](text)
    assert not is_iso_8601(text)


@pytest.mark.parametrize("who", READERS)
def test_what_is_written_plainly_is_read(who: str) -> None:
    assert READERS[who]("2026-01-31T12:30:00+05:30")
