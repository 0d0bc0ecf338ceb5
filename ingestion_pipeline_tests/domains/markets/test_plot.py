"""Series of FRED in one small picture."""

import base64
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY
from ingestion_pipeline.domains.markets.publish.plot import plot_series
from ingestion_pipeline.domains.markets.tables import observations


def test_what_is_known_now_is_drawn_by_date(engine: sa.Engine) -> None:
    def row(series_id: str, month: int, value: int | None, until: date = LAST_DAY) -> None:
        day = date(2025, month, 1)
        connection.execute(
            sa.insert(observations).values(
                series_id=series_id, date=day, value=None if value is None else Decimal(value),
                realtime_start=day if until == LAST_DAY else date(2024, 1, 1), realtime_end=until,
            )
        )  # fmt: skip

    with engine.begin() as connection:
        assert plot_series(connection, ["GDP"]) is None
        row("GDP", 1, 1)
        assert plot_series(connection, ["GDP"]) is None  # one value is no line
        row("GDP", 2, None)  # taken back
        row("GDP", 3, 3)
        row("GDP", 3, 500, until=date(2025, 1, 31))  # what was known once
        for name in "ABCD":
            for month in range(1, 13):
                row(name, month, 10**12 + month)
        plot = plot_series(connection, ["NEW", "GDP"])
        assert len(plot_series(connection, ["GDP", *"ABCD"]) or "") < 1000
    assert plot is not None
    assert plot.startswith("![GDP]")
    svg = base64.b64decode(plot.split("base64,")[1][:-1]).decode()
    assert 'points="0,23 120,1"' in svg
