"""Rows as the domains and marts leave them, for pages to show."""

from pathlib import Path

import sqlalchemy as sa

SCRIPT = "<script>alert(1)</script>"
RTL = "‮كتاب‬ عربي"
LONG = "a-very-long-name-of-a-kpi-" * 4
_STATEMENTS = Path(__file__).with_suffix(".sql").read_text().split(";\n")


def fill(engine: sa.Engine, tenant_id: int, *, site: str = "demo-site-1") -> None:
    """Give a tenant rows in every domain."""
    values = {"t": tenant_id, "site": site, "long": LONG, "script": SCRIPT, "rtl": RTL}
    with engine.begin() as connection:
        for text in filter(str.strip, _STATEMENTS):
            statement = sa.text(text)
            given = {name: values[name] for name in statement.compile().params}
            connection.execute(statement, given)
