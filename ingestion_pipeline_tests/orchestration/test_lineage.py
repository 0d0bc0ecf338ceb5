"""Where columns come from: nothing is left to be guessed."""

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.orchestration.lineage import Origin

_metadata = sa.MetaData()
POINTS = sa.Table(
    "points", _metadata, sa.Column("kpi", sa.Text), sa.Column("value", sa.Double),
    sa.Column("at", sa.DateTime), sa.Column("updated_at", sa.DateTime),
)  # fmt: skip
DAYS = sa.Table(
    "days", _metadata, sa.Column("kpi", sa.Text), sa.Column("mean", sa.Double),
    sa.Column("updated_at", sa.DateTime),
)  # fmt: skip
KEY = dg.AssetKey(["kpis", "points"])


def test_a_column_comes_from_its_namesake_or_from_what_it_is_made_of() -> None:
    origin = Origin(KEY, POINTS, made={"mean": ("value", "at")}, own=("updated_at",))
    assert origin.of(DAYS) == {"kpi": ("kpi",), "mean": ("value", "at")}
    assert origin.said(DAYS)["mean"] == "from kpis/points.value, at"
    assert origin.lineage(DAYS).deps_by_column["kpi"] == [dg.TableColumnDep(KEY, "kpi")]


@pytest.mark.parametrize(
    ("origin", "fault"),
    [
        (Origin(KEY, POINTS, own=("updated_at",)), "days.mean comes from nowhere"),
        (Origin(KEY, POINTS, made={"mean": ("vlaue",)}), "points has no column vlaue"),
        (Origin(KEY, POINTS, made={"maen": ("value",)}, own=("mean",)), "days has no column maen"),
        (Origin(KEY, POINTS, made={"mean": ("value",)}, own=("mean",)), "mean is made and own"),
    ],
)
def test_a_column_that_nobody_accounts_for_and_a_name_that_is_none_are_refused(
    origin: Origin, fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        origin.of(DAYS)
