"""What reading a file takes does not grow with the file."""

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.intake.sinks import Keeping
from ingestion_pipeline.foundation.mapping import batch, identities, occurrences
from ingestion_pipeline_tests.foundation.intake.running import understood

MAPPING = understood("""
source: x
group: {by: order}
emit:
  sales_events:
    key: [order, sku]
    fields: {event_type: {is: sale}, occurred_at: day, title: title, quantity: {is: "1"},
             amount: price, currency: {is: EUR}}
  order_items:
    fields:
      order_item_id: {id: [line, order, sku], occurrence: true}
      order_id: {id: [order, order]}
      product_id: {id: [product, sku]}
      quantity: {is: "1"}
      unit_price: price
      line_total: price
""")


class Endless(io.RawIOBase):
    """A file of so many different rows, which is made while it is read."""

    def __init__(self, rows: int) -> None:
        self._parts = self._made(rows)
        self._rest = b""

    def _made(self, rows: int) -> Iterator[bytes]:
        yield b"order,sku,day,title,price\n"
        for row in range(rows):
            yield b"o%d,s%d,2026-01-01,A title %d,%d.50\n" % (row // 2, row, row, row % 90_000)

    def readable(self) -> bool:
        """A file is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes."""
        wanted = size if size and size > 0 else 65_536
        while len(self._rest) < wanted and (part := next(self._parts, b"")):
            self._rest += part
        taken, self._rest = self._rest[:wanted], self._rest[wanted:]
        return taken


def peak_of(rows: int, folder: Path) -> int:
    """The most bytes of Python's objects while a file is read and its records are written."""
    keeping = {each.label: Keeping(folder, each, at) for at, each in enumerate(MAPPING.emits)}
    tracemalloc.start()
    try:
        run = Run(MAPPING, Endless(rows), file_name="f.csv", tenant="acme")  # type: ignore[arg-type]
        for part in run.parts():
            for made in part.made:
                keeping[made.emit.label].add(made)
        assert run.counts.made == {"sales_events": rows, "order_items": rows}
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_six_times_the_rows_take_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hundredth of the sizes that hold, so that a small file is a large one.
    monkeypatch.setattr(batch, "_REMEMBERED", 500)
    monkeypatch.setattr(identities, "_REMEMBERED", 500)
    monkeypatch.setattr(identities, "_AT_ONCE", 100)
    monkeypatch.setattr(occurrences, "_SPILLED", 2_000)
    monkeypatch.setattr("ingestion_pipeline.foundation.intake.grouping.ROWS", 200)
    peak_of(1_000, tmp_path)  # what is worked out once
    few, many = (peak_of(rows, tmp_path) for rows in (2_000, 12_000))
    assert many < 1.3 * few
