"""What the UI shows of a table's rows: few, and nobody's name."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.domains.commerce.tables import FINAL, STAGING
from ingestion_pipeline.foundation.storage.metadata import PERSONAL
from ingestion_pipeline.orchestration.metadata import preview

PEOPLE = sa.Table(
    "previewed_people", sa.MetaData(),
    sa.Column("number", sa.Integer), sa.Column("email", sa.Text, info=PERSONAL),
    sa.Column("said", JSONB), sa.Column("secret", sa.LargeBinary), sa.Column("remark", sa.Text),
)  # fmt: skip

_CREATE = sa.text("""
    CREATE TEMPORARY TABLE previewed_people (number integer, email text, said jsonb, secret bytea,
                                             remark text)
""")
_FILL = sa.text("""
    INSERT INTO previewed_people
    SELECT n, 'me@example.com', '{}', '', repeat('x', 200) FROM generate_series(1, :rows) AS n
""")


def _preview(engine: sa.Engine, rows: int) -> list[dict[str, str]]:
    with engine.connect() as connection:
        connection.execute(_CREATE)
        connection.execute(_FILL, {"rows": rows})
        found = preview(connection, PEOPLE, newest_first=PEOPLE.c.number)
        connection.rollback()
    return [dict(record.data) for record in found["preview"].records] if found else []


def test_a_preview_shows_few_rows_cut_short_and_no_personal_data(engine: sa.Engine) -> None:
    found = _preview(engine, 9)
    assert [row["number"] for row in found] == ["9", "8", "7", "6", "5"]
    assert {*found[0]} == {"number", "remark"}
    assert found[0]["remark"] == "x" * 80


def test_of_an_empty_table_there_is_no_preview(engine: sa.Engine) -> None:
    assert _preview(engine, 0) == []


def test_names_and_addresses_of_customers_are_personal_in_every_table_of_commerce() -> None:
    for tables in (FINAL, STAGING):
        personal = {
            f"{name}.{column.name}"
            for name, table in tables.items()
            for column in table.columns
            if PERSONAL.items() <= column.info.items()
        }
        assert personal == {
            "customers.name",
            "customers.email",
            "orders.customer_name_snapshot",
            "orders.customer_email_snapshot",
        }
