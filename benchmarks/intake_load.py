"""Intake: a flat file through a mapping into tables, beside our NDJSON of the same records.

    python -m benchmarks.intake_load [--rows 100000] [--only native,shop,events,points,…]

The whole way, as `ingestion-pipeline intake load` goes it: landed, recorded, claimed, mapped, into
the domain, settled. *native* is what the same mapping makes of the file, written as our four NDJSON
files and loaded as `ingestion-pipeline ingest` does. Each contender has a process and a database of
its own on one embedded server; processor time is the process's and the server's together. A row is
a line of the flat file, which makes 2.8 records for commerce and one for each of the others.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.commerce import Load, Measurement, Step, Task, run
from benchmarks.exports import write_narrow
from benchmarks.intake import EVENTS, SHOP, mapped
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.buildings.tables import tenant_sites
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land.stage import Bounds
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.loading.directly import load_file
from ingestion_pipeline.foundation.loading.known import known_of
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

_TENANT, _SITE, _FILE = "benchmark", "site", "narrow.csv"
_DATES = 'source: shop\ndates: ["%Y-%m-%d %H:%M:%S"]\nemit:\n'
_POINTS = f"""{_DATES}  kpi_points:
    fields: {{kpi_id: sku, timestamp: ordered_at, value: line_total}}
"""
_SAMPLES = f"""{_DATES}  building_samples:
    fields: {{site: {{is: {_SITE}}}, point: sku, timestamp: ordered_at, value: line_total}}
"""
_OBSERVATIONS = f"""{_DATES}  macro_observations:
    fields: {{series: sku, date: {{of: ordered_at, match: "^[^ ]+", date: "%Y-%m-%d"}},
             value: line_total}}
"""


def loaded(mapping: str, task: Task) -> Load:
    """Ours: the flat file by a mapping."""
    engine = database.engine(task.url)
    schema.upgrade(engine)
    configuration = settings().model_copy(
        update={"landing_url": (task.scratch / "landing").as_uri()}
    )
    understood = read_mapping(Path("mapping.yaml"), mapping, registry.targets())
    known = known_of(understood, registry.sinks())
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, _TENANT)
        connection.execute(tenant_sites.insert().values(tenant_id=tenant_id, site_name=_SITE))

    def load() -> int:
        direct = load_file(
            engine, configuration, known, task.files / _FILE, tenant_id=tenant_id, tenant=_TENANT
        )  # fmt: skip
        last = direct.attempts[-1].loaded
        if last is None or last.taken is None or last.taken.rejected:
            raise RuntimeError(f"that is not a load of the file: {direct.status} {direct.error}")
        return _rows(task)

    return load


def native(task: Task) -> Load:
    """Ours: the same records as our own NDJSON."""
    engine = database.engine(task.url)
    schema.upgrade(engine)
    files, _ = data_files(task.files)
    bounds = Bounds.configured(Settings())

    def load() -> int:
        totals = merge_folder(engine, files, tenant=_TENANT, bounds=bounds).totals
        if not totals.add_up or totals.waiting or totals.rejected:
            raise RuntimeError(f"that is not a load of the file: {totals}")
        return _rows(task)

    return load


def _rows(task: Task) -> int:
    with (task.files / _FILE).open("rb") as file:
        return sum(1 for _ in file) - 1


def _prepare(folder: Path, rows: int) -> None:
    """The flat file, and what the shop's mapping makes of it."""
    folder.mkdir(parents=True)
    write_narrow(folder / _FILE, rows)
    mapped(SHOP, folder / _FILE, folder)
    for entity in ENTITIES.values():
        [made] = folder.glob(f"*-{entity.name}.ndjson")
        made.rename(folder / f"{entity.name}_sample.ndjson")
    for path in folder.glob("*.lines"):
        path.unlink()


def _steps() -> list[Step]:
    mappings = {
        "shop": ("ten columns → commerce", SHOP),
        "events": ("→ sales_events", EVENTS),
        "points": ("→ kpi_points", _POINTS),
        "samples": ("→ building_samples", _SAMPLES),
        "observations": ("→ macro_observations", _OBSERVATIONS),
    }
    return [Step("the same as our NDJSON", "native", native, "native", "flat")] + [
        Step(label, family, partial(loaded, mapping), family, "flat")
        for family, (label, mapping) in mappings.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the flat file")
    parser.add_argument("--only", help="comma-separated: native,shop,events,points,samples,…")
    arguments = parser.parse_args()
    steps = _steps()
    only = set(arguments.only.split(",")) if arguments.only else {each.family for each in steps}
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        _prepare(home / "data" / "flat", arguments.rows)
        server = EmbeddedServer(home)
        try:
            _measure([each for each in steps if each.family in only], server, home)
        finally:
            server.stop()


def _measure(steps: list[Step], server: EmbeddedServer, home: Path) -> None:
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before the start")
    print(f"{'':26}{'rows':>11}{'seconds':>9}{'CPU s':>8}{'rows/CPU s':>12}{'peak MB':>9}")
    first: Measurement | None = None
    for step in steps:
        found = run(step, server, home / "data", home / "scratch")
        first = first or found
        print(
            f"{step.label:26}{found.rows:>11,}{found.seconds:>9.1f}{found.cpu:>8.1f}"
            f"{found.cpu_rate:>12,.0f}{found.peak:>9,.0f}  {found.cpu / first.cpu:.2f} × the first",
            flush=True,
        )


if __name__ == "__main__":
    main()
