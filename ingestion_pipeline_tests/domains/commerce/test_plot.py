"""The newest files of a type in one small picture."""

import base64

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN
from ingestion_pipeline.domains.commerce.publish.plot import plot_files
from ingestion_pipeline.foundation.ledger import uploads


def test_files_are_drawn_oldest_first_and_those_of_other_types_are_not(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:

        def load(type_: str, lines: int, rejected: int, status: str = "loaded") -> None:
            upload_id = uploads.record(
                connection, tenant_id=tenant_id, domain=DOMAIN, type_=type_, file_name="f.csv",
                source="http", location="acme/f.csv",
            )  # fmt: skip
            assert upload_id is not None
            uploads.update(connection, upload_id, status=status, lines=lines, rejected=rejected)

        load("orders", 10, 0)
        assert plot_files(connection, "orders") is None  # one file is no line
        load("customers", 1000, 0)
        load("orders", 99, 99, status="failed")
        load("orders", 20, 5)
        plot = plot_files(connection, "orders")
        for _ in range(30):
            load("orders", 10**9, 10**9 - 1)
        assert len(plot_files(connection, "orders") or "") < 1000
    assert plot is not None
    svg = base64.b64decode(plot.split("base64,")[1][:-1]).decode()
    assert 'points="0,23 120,1"' in svg
    assert svg.count("<polyline") == 2
