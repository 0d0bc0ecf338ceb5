"""`ingestion-pipeline intake check`: whoever writes a mapping sees what a file would come to."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app

MAPPING = """
source: apple_books
read: {delimiter: tab, quote: none, stop: {first: "^Total_"}}
dates: ["%m/%d/%Y"]
check: [{name: rows are the total, of: file, equal: [{total: Share}, {footer: Total_Amount}]}]
emit:
  sales_events:
    key: [Start, Id]
    fields:
      event_type: {of: Kind, lookup: {S: sale, R: refund}}
      occurred_at: Start
      quantity: Quantity
      amount: Share
      currency: Currency
"""
REPORT = (
    "Start\tId\tKind\tQuantity\tShare\tCurrency\tCountry\n"
    "10/01/2017\tB1\tS\t3\t10.47\tUSD\tUS\n10/01/2017\tB1\tR\t-1\t-3.49\tUSD\tUS\n"
    "10/01/2017\tB2\tS\t1\t1.40\tEUR\tDE\n10/01/2017\tB3\t?\t1\t0.00\tEUR\tDE\n"
    "Total_Rows\t4\nTotal_Amount\t8.38\n"
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A mapping and a report."""
    mapping, report = tmp_path / "apple.yaml", tmp_path / "report.txt"
    mapping.write_text(MAPPING)
    report.write_text(REPORT)
    return mapping, report


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["intake", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_report_is_looked_at_before_anything_is_loaded(files: tuple[Path, Path]) -> None:
    code, shown, told = run("check", *files)
    assert code == 3
    assert "columns not read: Country" in shown
    said = " ".join(shown.split())
    for sums in ("sale USD 10.4700", "refund USD -3.4900", "sale EUR 1.4000"):
        assert f"sales_events {sums}" in said
    assert "Total_Amount 8.38" in said
    assert "rejected line 5: event_type (column 'Kind') is none of S, R [?]" in told


def test_a_program_gets_the_same_as_json(files: tuple[Path, Path]) -> None:
    code, shown, _ = run("check", *files, "--json", "--rows", 1)
    found = json.loads(shown)
    assert code == 3
    assert found["sums"][0] == {"of": ["sales_events", "sale", "USD"], "amount": "10.4700"}
    assert (found["lines"], found["rejectedRows"], found["footer"]["Total_Rows"]) == (7, 1, "4")
    assert found["counts"]["used"] == 3
    assert len(found["examples"]["sales_events"]) == 1


def test_what_the_mappings_checks_came_to_stands_beside_what_the_file_says(
    files: tuple[Path, Path],
) -> None:
    found = json.loads(run("check", *files, "--json")[1])
    assert found["checks"] == [
        {"name": "rows are the total", "asked": 1, "failed": 0, "amounts": ["8.38", "8.38"]}
    ]
    assert "rows are the total 8.38 is 8.38" in " ".join(run("check", *files)[1].split())


def test_two_checks_of_a_file_that_are_called_alike_have_each_its_sums(
    files: tuple[Path, Path],
) -> None:
    mapping, _ = files
    one = "{of: file, equal: [{total: Share}, {footer: Total_Amount}]}"
    two = "{of: file, equal: [{total: Quantity}, {is: '4'}]}"
    mapping.write_text(re.sub(r"check: .*", f"check: [{one}, {two}]", MAPPING))
    found = json.loads(run("check", *files, "--json")[1])
    assert [each["amounts"] for each in found["checks"]] == [["8.38", "8.38"], ["4", "4"]]


def test_reasons_are_counted_and_days_and_what_is_never_filled_are_shown(
    files: tuple[Path, Path],
) -> None:
    mapping, report = files
    mapping.write_text(MAPPING + "      title: Title\n")
    report.write_text(
        REPORT.replace("Country", "Title").replace("\tUS", "\t").replace("\tDE", "\t")
    )
    code, shown, _ = run("check", *files)
    said = " ".join(shown.split())
    assert (code, "event_type (column 'Kind') is none of S, R 1" in said) == (3, True)
    assert "occurred_at from 2017-10-01T00:00:00Z to 2017-10-01T00:00:00Z" in said
    assert "never filled: title" in said


def test_keys_that_come_twice_are_told_where_one_of_them_would_be_lost(tmp_path: Path) -> None:
    mapping, file = tmp_path / "m.yaml", tmp_path / "f.csv"
    mapping.write_text(
        "source: x\nemit:\n  sales_events:\n    fields: {external_id: Id, event_type: {is: sale},"
        " occurred_at: Day, quantity: {is: '1'}, amount: A, currency: {is: EUR}}\n"
    )
    file.write_text("Id,Day,A\n1,2026-01-01,5\n2,2026-01-01,5\n1,2026-01-01,7\n")
    _, _, told = run("check", mapping, file)
    assert "1 sales_events have a key that came before in the file" in " ".join(told.split())


def test_an_optional_column_that_is_called_otherwise_now_is_told(files: tuple[Path, Path]) -> None:
    mapping, report = files
    mapping.write_text(MAPPING + "      marketplace: Country\noptional: [Country]\n")
    report.write_text(REPORT.replace("Country", "country "))
    _, _, told = run("check", *files)
    assert "lacks the column 'Country'" in " ".join(told.split())
    assert "is it 'country' now?" in " ".join(told.split())


def test_a_mapping_at_fault_is_told_by_file_line_and_column(files: tuple[Path, Path]) -> None:
    mapping, report = files
    mapping.write_text(MAPPING.replace("amount: Share", "amont: Shaer"))
    code, _, told = run("check", mapping, report)
    assert code == 1
    assert (
        "apple.yaml:13:7: emit.sales_events.fields.amont is no field of sales_events, did you"
        in (" ".join(told.split()))
    )


def test_a_file_without_the_columns_is_told_what_was_probably_meant(
    files: tuple[Path, Path],
) -> None:
    mapping, report = files
    report.write_text(REPORT.replace("Share", "Partner Share"))
    code, _, told = run("check", mapping, report)
    assert (code, "'Share', which report.txt has not" in " ".join(told.split())) == (1, True)


def test_fields_of_a_type_are_listed_and_an_unknown_type_is_told_the_known() -> None:
    code, shown, _ = run("fields", "orders")
    assert (code, "total_amount" in shown, "list_price" in shown) == (0, True, False)
    code, _, told = run("fields", "order")
    assert (code, "customers, products, orders" in " ".join(told.split())) == (1, True)
