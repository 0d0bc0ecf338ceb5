"""The way of docs/mappings.md from a file to the tables, as it is written there."""

import re
from pathlib import Path

import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "mappings.md"
FILE = """\
Order ID,Date,Email,Item,SKU,Qty,Price,Total,Currency
1001,2026-03-14,ann@example.com,Mug,MUG-1,2,4.50,21.00,EUR
1001,2026-03-14,ann@example.com,Pot,POT-1,1,12.00,21.00,EUR
1002,2026-03-15,bo@example.com,Mug,MUG-1,1,4.50,4.50,EUR
"""


def test_a_shops_file_goes_from_the_till_to_the_tables_as_the_docs_say(
    engine: sa.Engine, configured: Settings, tmp_path: Path
) -> None:
    file, mapping = tmp_path / "till.csv", tmp_path / "till.yaml"
    file.write_text(FILE)

    def intake(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["intake", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    mapping.write_text(intake("new", str(file), "--target", "shop"))
    intake("check", str(mapping), str(file))
    said = " ".join(intake("load", str(mapping), str(file), "--tenant", "acme").split())
    assert "orders: 2 staged, 2 inserted" in said
    [block] = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    with engine.connect() as connection:
        orders, items, days = (
            connection.exec_driver_sql(query).all() for query in block.split(";")[:3]
        )
    assert [row.external_order_id for row in orders] == ["1001", "1002"]
    assert sorted((row.name, row.quantity, str(row.line_total)) for row in items) == [
        ("Mug", 1, "4.50"), ("Mug", 2, "9.00"), ("Pot", 1, "12.00"),
    ]  # fmt: skip
    assert [(row.orders, str(row.total)) for row in days] == [(1, "21.00"), (1, "4.50")]
