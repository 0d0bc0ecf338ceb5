"""Tables in a shell of 80 columns."""

import pytest

from ingestion_pipeline.cli import console


def test_a_name_stays_whole_where_the_table_is_too_wide(capsys: pytest.CaptureFixture[str]) -> None:
    """Names of mappings were broken in the middle, and could not be copied."""
    name = "shop_of_oslo/orders_export_of_the_evening"
    more = ["customers, products, orders, order_items", *["1,000"] * 5, "2026-01-01T10:00"]
    columns = ("mapping", "makes", "files", "waiting", "failed", "used", "rejected", "last came")
    console.show_table(*columns, rows=[[name, *more]], whole=("mapping",))
    assert name in capsys.readouterr().out
