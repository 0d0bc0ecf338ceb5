"""What lines below the rows say, and what is told of columns that a file lacks."""

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline_tests.foundation.intake.running import came_of, understood

MAPPING = """
source: hut
read: {delimiter: semicolon, stop: {first: "^Summe"}}
numbers: {decimal: ",", group: "."}
check: [{name: rows are the sum, of: file, equal: [{total: Brutto}, {footer: Brutto}]}]
emit:
  sales_events:
    key: [Beleg]
    fields:
      event_type: {is: sale}
      occurred_at: {is: "2026-01-01"}
      quantity: {is: "1"}
      amount: Brutto
      currency: {is: EUR}
"""
FILE = "Beleg;Art;Brutto;Ort\n1;a;1.000,50;x\n2;b;2,00;y\nSumme;;1.002,50;\n"


def warned(mapping: str, file: str) -> list[str]:
    return [each.rule for each in came_of(mapping, file).warnings]


def test_a_sum_that_stands_under_its_column_is_the_control() -> None:
    assert warned(MAPPING, FILE) == []
    assert warned(MAPPING, FILE.replace(";2,00", ";3,00")) == [
        "rows are the sum: 1003.50 is not 1002.50"
    ]


def test_what_a_line_itself_says_goes_before_what_stands_under_a_column() -> None:
    assert warned(MAPPING, f"{FILE}Brutto;1.002,50\n".replace("Summe;;1.002,50", "Summe;;7")) == []


def test_two_sums_under_one_column_are_none() -> None:
    [told] = warned(MAPPING, f"{FILE}Summe MwSt;;190,00;\n")
    assert "the file says no 'Brutto' below its rows" in told


def test_texts_under_columns_are_not_kept() -> None:
    [told] = warned(MAPPING, FILE.replace("1.002,50;", "Ada Lovelace;"))
    assert told == "rows are the sum: the file says no 'Brutto' below its rows"


def test_a_name_that_no_line_below_the_rows_says_did_not_count_0() -> None:
    [told] = warned(MAPPING, FILE.replace("Summe;;1.002,50;", "Summe;1.002,50"))
    assert told == (
        "rows are the sum: the file says no 'Brutto' below its rows; it says 'Summe'"
    )  # fmt: skip
    either = MAPPING.replace("{footer: Brutto}]", "{footer: Netto}, {footer: Brutto}]")
    assert warned(either, FILE) == []
    with_default = MAPPING.replace("{footer: Brutto}", '{footer: Netto, default: "1002.50"}')
    assert "says no" not in "".join(warned(with_default, FILE))


@pytest.mark.parametrize(
    ("columns", "header", "said"),
    [
        ("", "Beleg;Nachlass;Gesamt", "; was it renamed? then columns: {Brutto: [Brutto, …]}"),
        ("", "Beleg;Gesamt", "then columns: {Brutto: [Brutto, Gesamt]}"),
        ("columns: {Brutto: [Gesamt]}\n", "Beleg;Art;Brutto",
         "it has 'Brutto': add that to them, as in columns: {Brutto: [Gesamt, Brutto]}"),
    ],
)  # fmt: skip
def test_columns_that_a_file_has_were_called_allowed(columns: str, header: str, said: str) -> None:
    with pytest.raises(MappingError) as found:
        came_of(MAPPING + columns, f"{header}\n")
    assert said in str(found.value)
    assert "allowed" not in str(found.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("amount: Brutto", "amount: {when: {Art: a}, then: Brutto}",
         "amount.then is unknown, did you mean 'of'?"),
        ("check:", "group: {by: Beleg, carry: Brutto}\ncheck:",
         "take it out of `carry` and use {first: Brutto}"),
    ],
)  # fmt: skip
def test_what_a_mapping_says_wrongly_is_told_with_the_way_out(
    before: str, after: str, said: str
) -> None:
    with pytest.raises(MappingError) as found:
        understood(MAPPING.replace(before, after, 1))
    assert said in str(found.value)
