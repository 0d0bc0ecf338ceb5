"""Intake: a file through a mapping, beside our own NDJSON and pandas doing the same, in one run.

    python -m benchmarks.intake [--rows 1000000] [--only events,shop,shopify,native,pandas]

Every contender runs in a process of its own; what is measured is its processor time, which a busy
machine disturbs less than the clock, and its peak memory. Records are written as lines of JSON, as
they are for the domains; no database takes part. A row is a line of the file that is read.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.exports import write_narrow, write_wide
from benchmarks.memory import peak_megabytes
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land.rows import RowParser
from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.intake.sinks import Keeping
from ingestion_pipeline.foundation.mapping.parsing import read_mapping

SHOP = """
source: shop
dates: ["%Y-%m-%d %H:%M:%S"]
group: {by: order_no}
emit:
  customers:
    each: group
    only_new: true
    fields:
      customer_id: {id: [customer, email], lower: true}
      name: email
      email: email
  products:
    only_new: true
    fields:
      product_id: {id: [product, sku]}
      sku: sku
      name: product
      price: unit_price
      active: {is: "true"}
  orders:
    each: group
    fields:
      order_id: {id: [order, order_no]}
      external_order_id: order_no
      customer_id: {id: [customer, email], lower: true}
      customer_name_snapshot: email
      customer_email_snapshot: email
      total_amount: {total: line_total}
      currency: currency
      order_status: {is: paid}
      order_date: ordered_at
      created_at: ordered_at
  order_items:
    fields:
      order_item_id: {id: [line, order_no, line_no]}
      order_id: {id: [order, order_no]}
      product_id: {id: [product, sku]}
      quantity: quantity
      unit_price: unit_price
      line_total: line_total
"""
EVENTS = """
source: platform
dates: ["%Y-%m-%d %H:%M:%S"]
emit:
  sales_events:
    key: [order_no, line_no]
    fields:
      event_type: {is: sale}
      occurred_at: ordered_at
      title: product
      isbn: sku
      quantity: quantity
      list_price: unit_price
      amount: line_total
      currency: currency
"""
_SHOPIFY = Path("ingestion_pipeline/mappings/shopify_orders.yaml")


@dataclass(frozen=True)
class Measurement:
    """What reading came to: rows, seconds of processor time, the process's peak memory in MB."""

    rows: int
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        """Rows a second of processor time."""
        return self.rows / self.cpu


def mapped(mapping: str, file: Path, folder: Path) -> int:
    """Ours: a file through a mapping, records written as lines of JSON."""
    understood = read_mapping(Path("mapping.yaml"), mapping, registry.targets())
    keeping = {
        emit.label: Keeping(folder, emit, number) for number, emit in enumerate(understood.emits)
    }
    with file.open("rb") as stream:
        run = Run(understood, stream, file_name=file.name, tenant="benchmark")
        for part in run.parts():
            for made in part.made:
                keeping[made.emit.label].add(made)
    if run.counts.rejected or not run.counts.used:
        raise RuntimeError(f"that is not a reading of the file: {run.counts}")
    return run.counts.used


def native(_mapping: str, folder: Path, _scratch: Path) -> int:
    """Ours without a mapping: the same records as our own NDJSON, read and checked."""
    number = 0
    for entity in ENTITIES.values():
        [path] = folder.glob(f"*-{entity.name}.ndjson")
        parser = RowParser(entity)
        with path.open("rb") as file:
            while lines := file.readlines(1_000_000):
                parsed = parser.parse([line.rstrip(b"\n") for line in lines], 1)
                if len(parsed.rows) != len(lines):
                    raise RuntimeError("that is not a reading of the file")
        number = max(number, sum(1 for _ in path.open("rb")))
    return number


def pandas_events(_mapping: str, file: Path, folder: Path) -> int:
    """pandas: the mapping to sales events; floats, and nobody says which row is at fault."""
    import pandas as pd

    number = 0
    with pd.read_csv(file, dtype=str, chunksize=50_000) as chunks:
        for frame in chunks:
            made = pd.DataFrame({
                "external_id": frame["order_no"] + ":" + frame["line_no"],
                "event_type": "sale",
                "occurred_at": pd.to_datetime(frame["ordered_at"], format="%Y-%m-%d %H:%M:%S"),
                "title": frame["product"],
                "isbn": frame["sku"],
                "quantity": pd.to_numeric(frame["quantity"]),
                "list_price": pd.to_numeric(frame["unit_price"]),
                "amount": pd.to_numeric(frame["line_total"]),
                "currency": frame["currency"],
            })  # fmt: skip
            _write(made, folder / "events.ndjson")
            number += len(frame)
    return number


def pandas_shop(_mapping: str, file: Path, folder: Path) -> int:
    """pandas: the mapping to four types; an order that two chunks share would be wrong."""
    import pandas as pd

    number = 0
    with pd.read_csv(file, dtype=str, chunksize=50_000) as chunks:
        for frame in chunks:
            for column in ("unit_price", "line_total", "quantity"):
                frame[column] = pd.to_numeric(frame[column])
            frame["at"] = pd.to_datetime(frame["ordered_at"], format="%Y-%m-%d %H:%M:%S")
            for kind, column in (("customer", "email"), ("product", "sku"), ("order", "order_no")):
                frame[f"{kind}_id"] = _ids(kind, frame[column])
            frame["order_item_id"] = _ids("line", frame["order_no"] + "|" + frame["line_no"])
            frame["total"] = frame.groupby("order_no")["line_total"].transform("sum")
            heads = frame.drop_duplicates("order_no")
            customers = heads[["customer_id", "email"]].assign(name=heads["email"])
            _write(customers, folder / "customers.ndjson")
            products = frame[["product_id", "sku", "product", "unit_price"]].assign(active=True)
            _write(products, folder / "products.ndjson")
            _write(
                heads[["order_id", "order_no", "customer_id", "email", "total", "currency", "at"]],
                folder / "orders.ndjson",
            )
            _write(
                frame[["order_item_id", "order_id", "product_id", "quantity", "unit_price",
                       "line_total"]],
                folder / "order_items.ndjson",
            )  # fmt: skip
            number += len(frame)
    return number


def _ids(kind: str, values: Any) -> list[str]:
    """UUIDs of version 5; of a value that repeats, one."""
    import pandas as pd

    codes, different = pd.factorize(values)
    made = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}\x1f{value}")) for value in different]
    return [made[code] for code in codes]


def _write(frame: Any, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True, mode="a", date_format="iso")


Contender = Callable[[str, Path, Path], int]


def measure(contender: Contender, mapping: str, file: Path, folder: Path) -> Measurement:
    """Run a contender in this process and measure it."""
    before = time.process_time()
    rows = contender(mapping, file, folder)
    return Measurement(rows, time.process_time() - before, peak_megabytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the file of ten columns")
    parser.add_argument("--only", help="comma-separated: events,shop,shopify,native,pandas")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        home = Path(name)
        narrow, wide = home / "narrow.csv", home / "wide.csv"
        write_narrow(narrow, arguments.rows)
        write_wide(wide, max(1, arguments.rows // 5))
        contenders: list[tuple[str, str, Contender, str, Path]] = [
            ("events", "10 columns → events", mapped, EVENTS, narrow),
            ("pandas", "pandas, events", pandas_events, "", narrow),
            ("shop", "10 columns → 4 types", mapped, SHOP, narrow),
            ("native", "the same as our NDJSON", native, "", home / "shop"),
            ("pandas", "pandas, 4 types", pandas_shop, "", narrow),
            ("shopify", "Shopify, 79 columns", mapped, _SHOPIFY.read_text(), wide),
        ]
        only = (
            set(arguments.only.split(",")) if arguments.only else {each[0] for each in contenders}
        )
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before the start")
        print(f"{'':26}{'rows':>11}{'CPU s':>8}{'rows/CPU s':>12}{'peak MB':>9}")
        spawn = multiprocessing.get_context("spawn")
        for family, label, contender, mapping, file in contenders:
            if family in only:
                folder = home / (family if family == "shop" else label.replace(" ", "_"))
                folder.mkdir(exist_ok=True)
                with ProcessPoolExecutor(1, mp_context=spawn) as process:
                    found = process.submit(measure, contender, mapping, file, folder).result()
                print(f"{label:26}{found.rows:>11,}{found.cpu:>8.1f}{found.rate:>12,.0f}"
                      f"{found.peak:>9,.0f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
