"""Rows as the domains and marts leave them, for pages to show."""

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

SCRIPT = "<script>alert(1)</script>"
RTL = "‮كتاب‬ عربي"
LONG = "a-very-long-name-of-a-kpi-" * 4


def fill(engine: sa.Engine, tenant_id: int, *, site: str = "demo-site-1") -> None:
    """Give a tenant rows in every domain."""
    values = {"t": tenant_id, "site": site, "long": LONG, "script": SCRIPT, "rtl": RTL}
    execute(engine, "rows.sql", values)


def execute(engine: sa.Engine, file: str, values: Mapping[str, object]) -> None:
    """Execute the statements of a file beside this one, with parameters, in one transaction."""
    with engine.begin() as connection:
        for text in filter(str.strip, Path(__file__).with_name(file).read_text().split(";\n")):
            statement = sa.text(text)
            given = {name: values[name] for name in statement.compile().params}
            connection.execute(statement, given)
