"""Samples of reports loaded into the database: the money is there to the cent, twice is unchanged.

Those of shops are loaded in domains/commerce/test_mapped_exports.py.
"""

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.intake.sinks import Delivery, Taken
from ingestion_pipeline_tests.domains.commerce import mapping_files
from ingestion_pipeline_tests.mappings.expected import EXPECTED
from ingestion_pipeline_tests.mappings.samples import sample, shipped

FIRST = [each for each in EXPECTED if ".1." in each.file or each.file == "google_play.2.csv"]
REPORTS = [each for each in FIRST if any("sales_events" in label for label in each.made)]
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)


def mapping_of(file: str) -> str:
    return file.partition(".")[0]


def changed(taken: Taken) -> dict[str, int]:
    """How many records were inserted, updated or wait, by type."""
    return {
        f"{name} {became}": number
        for name, counts in taken.by_target.items()
        for became, number in counts.items()
        if number and became not in ("unchanged", "kept", "superseded")
    }


def load_report(engine: sa.Engine, tenant_id: int, file: str, number: int) -> Taken:
    mapped = shipped(mapping_of(file))
    delivery = Delivery(
        tenant_id=tenant_id, tenant="acme", upload_id=number, source=mapped.source,
        mapping=mapped.name, settings=mapped.settings, file_name=file, location=file,
        received_at=RECEIVED,
    )  # fmt: skip
    sink = registry.sinks()["sales_events"]
    records, refused = mapping_files.made(mapped, sample(file), "acme")
    assert refused == 0
    with engine.begin() as connection:
        landed = sink.land(connection, delivery, records)
    sink.settle(engine, delivery)
    return landed


def test_reports_of_every_platform_are_loaded_once(engine: sa.Engine, tenant_id: int) -> None:
    for number, expected in enumerate(REPORTS, start=1):
        assert load_report(engine, tenant_id, expected.file, number).rejected == [], expected.file
    with engine.connect() as connection:
        found = {
            " ".join(row[:2]): row[2]
            for row in connection.execute(
                sa.text("SELECT event_type, currency, sum(amount) FROM sales_events "
                        "WHERE amount IS NOT NULL GROUP BY 1, 2")
            )
        }  # fmt: skip
    wanted: dict[str, Decimal] = {}
    for expected in REPORTS:
        for name, amount in expected.sums.items():
            key = " ".join(name.split()[-2:])
            wanted[key] = wanted.get(key, Decimal(0)) + Decimal(amount)
    assert found == wanted
    for number, expected in enumerate(REPORTS, start=len(REPORTS) + 1):
        assert changed(load_report(engine, tenant_id, expected.file, number)) == {}, expected.file
