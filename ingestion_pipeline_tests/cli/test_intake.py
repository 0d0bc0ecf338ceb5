"""`ingestion-pipeline intake check`: whoever writes a mapping sees what a file would come to."""

import json
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
    assert "rejected line 5: event_type is none of S, R [?]" in told


def test_a_program_gets_the_same_as_json(files: tuple[Path, Path]) -> None:
    code, shown, _ = run("check", *files, "--json", "--rows", 1)
    found = json.loads(shown)
    assert code == 3
    assert found["sums"][0] == {"of": ["sales_events", "sale", "USD"], "amount": "10.4700"}
    assert (found["lines"], found["rejectedRows"], found["footer"]["Total_Rows"]) == (7, 1, "4")
    assert found["counts"]["used"] == 3
    assert len(found["examples"]["sales_events"]) == 1


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


SHOP = (
    "Shop report;;;\n\nSale Date;Title;Quantity;Price;Buyer\n"
    "03/04/2026;First;1;2,50;Ada\n05/04/2026;Second;2;1.234,00;Bo\n"
)


def test_a_mapping_is_proposed_in_which_what_is_open_is_not_guessed(tmp_path: Path) -> None:
    sample = tmp_path / "shop.csv"
    sample.write_text(SHOP)
    code, shown, _ = run("new", sample, "--target", "sales_events")
    assert code == 0
    for line in (
        'delimiter: ";"', 'header: {find: ["Sale Date", "Title", "Quantity"]}   # 2 lines stand',
        'numbers: {decimal: ",", group: "."}',
        "# dates:   confirm: Sale Date is %d/%m/%Y or %m/%d/%Y",
        'quantity: "Quantity"   # confirm', "# amount:   (decimal)", "#   Buyer: Ada, Bo",
    ):  # fmt: skip
        assert line in shown
    assert "\ndates:" not in shown


def test_a_date_that_can_be_read_in_one_way_is_proposed(tmp_path: Path) -> None:
    sample = tmp_path / "shop.csv"
    sample.write_text(SHOP.replace("05/04", "25/04"))
    assert 'dates: ["%d/%m/%Y"]' in run("new", sample)[1]


def test_a_proposal_is_finished_and_runs(tmp_path: Path) -> None:
    sample, mapping = tmp_path / "shop.csv", tmp_path / "shop.yaml"
    sample.write_text(SHOP.replace("05/04", "25/04"))
    proposed = run("new", sample, "--target", "sales_events")[1]
    finished = (
        proposed.replace('event_type: "?"', "event_type: {is: sale}")
        .replace('external_id: "?"', "external_id: Title")
        .replace('occurred_at: "?"', "occurred_at: Sale Date")
    )
    mapping.write_text(finished)
    code, shown, told = run("check", mapping, sample)
    assert (code, told) == (0, "")
    assert "sales_events 2" in " ".join(shown.split())


@pytest.mark.parametrize("content", [b"", b"1,2\n3,4\n", b'{"a": 1}', b"%PDF-1.4"])
def test_what_is_no_table_is_not_proposed_for(tmp_path: Path, content: bytes) -> None:
    sample = tmp_path / "sample"
    sample.write_bytes(content)
    assert run("new", sample)[0] == 1
