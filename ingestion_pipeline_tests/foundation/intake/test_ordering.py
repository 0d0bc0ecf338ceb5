"""Records in order of a key: who stops before the end leaves no cursor open."""

from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge import mapped as sales
from ingestion_pipeline.domains.kpis.land import mapped as kpis
from ingestion_pipeline.domains.markets.merge import mapped as macro
from ingestion_pipeline.foundation.intake import ordering
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries

MACRO = """
source: ecb
mapping: rates
emit: {macro_observations: {fields: {series: key, date: period, value: rate}}}
"""
SALES = """
source: kobo
mapping: writing_life
emit:
  sales_events:
    key: [period, key]
    fields:
      event_type: {is: sale}
      occurred_at: period
      isbn: key
      quantity: {is: 1}
      amount: rate
      currency: {is: EUR}
"""
KPIS = """
source: till
mapping: takings
emit: {kpi_points: {fields: {kpi_id: key, timestamp: period, value: rate}}}
"""
FILE = "key,period,rate\n" + "".join(f"978{n},2026-01-{n:02}T00:00:00Z,1\n" for n in range(1, 21))


@pytest.mark.parametrize(
    ("wing", "merges", "mapping"),
    [(macro, "_merge_some", MACRO), (sales, "merge_events", SALES), (kpis, "land_readings", KPIS)],
    ids=["macro observations", "sales events", "KPI points"],
)
def test_a_merge_that_failed_midway_left_its_cursor_open(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch,
    wing: Any, merges: str, mapping: str,
) -> None:  # fmt: skip
    """And who closed it later, the collector in another thread or nobody, was left to chance."""
    given: list[Any] = []
    real = ordering.InOrder.__iter__

    def remembered(self: ordering.InOrder) -> Any:
        given.append(real(self))
        return given[-1]

    def fails(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ordering.InOrder, "__iter__", remembered)
    monkeypatch.setattr(wing, merges, fails)
    monkeypatch.setattr(wing, "_AT_ONCE", 2)
    with pytest.raises(KeyboardInterrupt):
        Deliveries(engine, tenant_id).bring(mapping, FILE)
    [in_order] = given
    assert in_order.gi_frame is None  # it is closed, and its cursor with it
