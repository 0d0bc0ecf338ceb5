"""Lines below the rows become checks of a proposed mapping, where the rows come to them."""

import json
from pathlib import Path

import pytest

from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.commerce.contract.flat_exports import propose_shop
from ingestion_pipeline.foundation.intake import sampling
from ingestion_pipeline.foundation.intake.drafting import draft_of
from ingestion_pipeline.foundation.intake.looking import look_at
from ingestion_pipeline.foundation.intake.proposing import propose
from ingestion_pipeline.foundation.mapping.parsing import read_mapping

EVENTS = """\
Date\tTitle\tUnits\tShare\tCurrency
2026-01-02\tA\t1\t3.50\tUSD
2026-01-13\tB\t2\t7.00\tUSD
{below}"""
TILL = """\
Beleg;Datum;Artikel;Menge;Einzelpreis;Betrag;Versand
B-1;13.04.2026;W1;6;9,90;59,40;4,90
B-1;13.04.2026;W2;1;12,00;12,00;4,90
;;;;;;
B-2;05.04.2026;W1;120;9,90;1.188,00;0,00
B-3;06.04.2026;W3;2;7,50;15,00;4,90
{below}"""


def events(tmp_path: Path, *below: str) -> str:
    file = tmp_path / "events.txt"
    file.write_text(EVENTS.format(below="".join(f"{each}\n" for each in below)))
    return propose(draft_of(file), file, registry.targets()["sales_events"])


def till(tmp_path: Path, below: str) -> str:
    file = tmp_path / "till.csv"
    file.write_bytes(TILL.format(below=below).encode("cp1252"))
    return propose_shop(draft_of(file), file)


def checks(mapping: str) -> list[str]:
    """The checks of a proposed mapping that are of the whole file."""
    said = [each.partition("equal: ")[2] for each in mapping.splitlines() if "of: file" in each]
    return [each.partition("}   # confirm")[0] for each in said]


def test_numbers_below_are_checks_of_the_columns_that_come_to_them(tmp_path: Path) -> None:
    mapping = events(tmp_path, "Total_Rows\t2", "Total_Amount\t10.50", "Total_Units\t3")
    assert checks(mapping) == [
        '[{total: {is: "1"}}, {footer: "Total_Rows"}]',
        '[{total: "Share"}, {footer: "Total_Amount"}]',
        '[{total: "Units"}, {footer: "Total_Units"}]',
    ]


@pytest.mark.parametrize(
    ("line", "stop"),
    [
        ("Total\t\t3\t10.50\t", "^Total"), ("Grand Total:\t\t3\t10.50\t", "^Grand\\ Total"),
        ("\tSumme\t3\t10.50\t", None), ("Razem\t\t3\t10.50\t", "^Razem"),
        ("TOTALS\t\t3\t10.50\tUSD", "^TOTALS"), ("Zwischensumme\t\t3\t10.50\t", "^Zwischensumme"),
    ],
)  # fmt: skip
def test_a_line_of_totals_is_known_by_its_word_and_asked_by_its_columns(
    tmp_path: Path, line: str, stop: str | None
) -> None:
    mapping = events(tmp_path, line)
    assert checks(mapping) == [
        '[{total: "Units"}, {footer: "Units"}]', '[{total: "Share"}, {footer: "Share"}]',
    ]  # fmt: skip
    assert stop is None or f"stop: {{first: {json.dumps(stop)}}}" in mapping


@pytest.mark.parametrize("line", ["Total rows: 2", "2 rows", "Records: 2", "Number of rows 2"])
def test_how_many_rows_there_are_is_asked_also_of_a_line_of_one_cell(
    tmp_path: Path, line: str
) -> None:
    [check] = checks(events(tmp_path, line))
    assert check.startswith('[{total: {is: "1"}}, {footer: "')


def test_what_a_title_of_a_row_says_is_no_footer(tmp_path: Path) -> None:
    mapping = events(tmp_path, "2026-01-14\tTotal Recall\t1\t2.00\tUSD")
    assert "stop:" not in mapping
    assert checks(mapping) == []


def test_a_number_that_nothing_comes_to_is_told_and_no_check_is_proposed(tmp_path: Path) -> None:
    mapping = events(tmp_path, "Total\t\t3\t12.00\t")
    assert checks(mapping) == ['[{total: "Units"}, {footer: "Units"}]']
    assert "# Share says 12.00, and the rows come to 10.50: no check is proposed" in mapping


def test_numbers_of_a_file_of_which_not_all_was_looked_at_are_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LOOKED_AT", 2)
    mapping = events(tmp_path, "Total\t\t3\t10.50\t")
    assert checks(mapping) == []
    assert "# Share says 10.50: what it is the sum of was not looked up" in mapping


def test_what_an_order_has_once_is_summed_once_and_blank_rows_are_none(tmp_path: Path) -> None:
    """7 orders in 8 rows were told of a file that had a blank one."""
    mapping = till(tmp_path, "Summe;;;129;;1.274,40;9,80\nAnzahl Belege: 3\n")
    assert "3 orders in 4 rows" in mapping
    assert checks(mapping) == [
        '[{first: {is: "1"}}, {footer: "Anzahl Belege"}]', '[{total: "Menge"}, {footer: "Menge"}]',
        '[{total: "Betrag"}, {footer: "Betrag"}]', '["Versand", {footer: "Versand"}]',
    ]  # fmt: skip


def test_what_is_proposed_holds_of_the_file_and_fails_of_one_that_was_cut(tmp_path: Path) -> None:
    below = "Summe;;;129;;1.274,40;9,80\nAnzahl Belege: 3\n"
    mapping = till(tmp_path, below).replace('currency: "?"', "currency: {is: EUR}")
    mapped = read_mapping(tmp_path / "till.yaml", mapping, registry.targets())
    found = look_at(mapped, tmp_path / "till.csv", most=9)
    assert [(each.failed, each.asked) for each in found.checked] == [(0, 1)] * 4
    cut = TILL.format(below=below).replace("B-3;06.04.2026;W3;2;7,50;15,00;4,90\n", "")
    (tmp_path / "till.csv").write_bytes(cut.encode("cp1252"))
    found = look_at(mapped, tmp_path / "till.csv", most=9)
    assert [(each.failed, each.asked) for each in found.checked] == [(1, 1)] * 4


def test_what_is_open_is_told_at_the_top(tmp_path: Path) -> None:
    shown = events(tmp_path)
    assert shown.splitlines()[1].startswith("# Open: key, event_type; ")
    assert "# Nothing is open" not in shown


def test_the_column_of_a_fields_own_name_is_that_fields(tmp_path: Path) -> None:
    """`Currency` was taken for `list_currency`, and `currency` stayed empty."""
    shown = events(tmp_path)
    assert '      currency: "Currency"' in shown
    assert "# list_currency:" in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a;b,c\n1;2,3\n4;5,6\n", "it might be semicolon"),
        ("name\nAda\nBo\n", "no line has one; there is one column"),
    ],
)
def test_a_sign_between_cells_that_is_not_sure_is_told(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(text)
    assert told in " ".join(draft_of(file).sample.read)


def test_rows_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    file = tmp_path / "broken.csv"
    file.write_text("Date,Title,Units\n2026-01-02,A,1\n2026-01-03,B,1,9,9\n2026-01-04,C,1\n")
    shown = propose(draft_of(file), file, registry.targets()["sales_events"])
    assert "# 1 rows were left out; line 3 has 5 cells, and the header has 3" in shown
