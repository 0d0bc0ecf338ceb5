"""What all assets of a domain have in common, however they are made."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("weather")
RAIN = sa.Table("rain", sa.MetaData(), sa.Column("millimeters", sa.Double))
RAW = WING.spec("raw", table=RAIN, kinds={"postgres"})
DAYS = dg.DailyPartitionsDefinition("2026-01-01")


@WING.asset("daily", deps=[RAW], table=RAIN, origin=Origin(RAW.key, RAIN), partitions_def=DAYS,
            backfill_policy=dg.BackfillPolicy.multi_run(30))  # fmt: skip
def daily() -> None: ...


@WING.asset("report", deps=[daily], description="A page.")
def report() -> None: ...


@WING.multi_asset(specs=[WING.spec("hail", table=RAIN), WING.spec("snow", table=RAIN)])
def frozen() -> Iterator[dg.MaterializeResult[None]]:
    yield from ()


SPECS = {
    spec.key.to_user_string(): spec
    for spec in (RAW, *(each for made in (daily, report, frozen) for each in made.specs))
}


def test_every_asset_is_of_the_group_and_has_an_owner() -> None:
    assert sorted(SPECS) == [
        f"weather/{name}" for name in ("daily", "hail", "raw", "report", "snow")
    ]
    for spec in SPECS.values():
        assert (spec.group_name, spec.owners, spec.code_version) == ("weather", ["team:data"], "1")


def test_what_is_made_is_tried_again() -> None:
    for made in (daily, report, frozen):
        assert made.op.retry_policy is not None
        assert made.op.retry_policy.max_retries == 2


def test_a_table_shows_its_columns_and_where_they_come_from() -> None:
    lineage = SPECS["weather/daily"].metadata["dagster/column_lineage"]
    assert [each.asset_key for each in lineage.deps_by_column["millimeters"]] == [RAW.key]
    assert SPECS["weather/raw"].metadata["dagster/table_name"] == "public.rain"
    assert "dagster/column_lineage" not in SPECS["weather/raw"].metadata
    assert "dagster/table_name" not in SPECS["weather/report"].metadata


def test_the_other_arguments_are_those_of_dagster() -> None:
    assert daily.partitions_def == DAYS
    assert SPECS["weather/report"].description == "A page."
    assert [each.asset_key for each in SPECS["weather/report"].deps] == [daily.key]


def test_what_comes_from_outside_says_where_it_is_declared() -> None:
    [reference] = SPECS["weather/raw"].metadata["dagster/code_references"].code_references
    line = Path(reference.file_path).read_text().splitlines()[reference.line_number - 1]
    assert line.startswith("RAW = ")
