"""A refused row names the column of the file, as the file calls it, and not only our field."""

from typing import Any

import pytest

from ingestion_pipeline.foundation.mapping.refusals import sentence
from ingestion_pipeline.foundation.mapping.telling import is_impersonal
from ingestion_pipeline_tests.foundation.intake.running import came_of

_MAPPING = """\
source: till
numbers: {{decimal: "."}}
dates: ["%Y-%m-%d"]
emit:
  sales_events:
    fields:
      external_id: Id
      event_type: {{is: sale}}
      occurred_at: Day
      quantity: {{is: "1"}}
      amount: {amount}
      currency: {{is: EUR}}
{more}"""


def blamed(
    row: str, *, amount: Any = "Net", more: str = "", header: str = "Id,Day,Net,Tax,Kind"
) -> list[tuple[str, tuple[str, ...]]]:
    mapping = _MAPPING.format(amount=amount, more=more)
    came = came_of(mapping, f"{header}\n{row}\nok,2026-01-01,1,1,x\n")
    return [(each.field, each.columns) for row in came.rejected for each in row.reasons]


@pytest.mark.parametrize(
    ("amount", "row", "columns"),
    [
        ("Net", "1,2026-01-01,many,1,x", ("Net",)),
        ("{of: Net, negate: true}", "1,2026-01-01,many,1,x", ("Net",)),
        ("{sum: [Net, Tax]}", "1,2026-01-01,1,many,x", ("Tax",)),
        ("{sum: [Net, -Tax]}", "1,2026-01-01,many,1,x", ("Net",)),
        ("{product: [Net, Tax]}", "1,2026-01-01,1,many,x", ("Tax",)),
        ("[Net, Tax]", "1,2026-01-01,,many,x", ("Tax",)),
        ("[Net, Tax]", "1,2026-01-01,many,many,x", ("Net",)),
        ("{when: {Kind: x}, of: Net, else: Tax}", "1,2026-01-01,1,many,y", ("Tax",)),
        ("{when: {Kind: x}, of: Net, else: Tax}", "1,2026-01-01,many,many,x", ("Net",)),
        ("{when: {Tax: {above: 0}}, of: Net, else: Net}", "1,2026-01-01,1,many,x", ("Tax",)),
        ("{of: Kind, lookup: {x: '1'}, else: {of: Tax}}", "1,2026-01-01,1,many,y", ("Tax",)),
        ("{of: Net, negate: {Tax: {below: 0}}}", "1,2026-01-01,1,many,x", ("Tax",)),
        ("{quotient: [Net, Tax], round: 2}", "1,2026-01-01,1,0,x", ("Net", "Tax")),
    ],
)
def test_the_column_that_is_at_fault_is_named_and_not_its_neighbours(
    amount: str, row: str, columns: tuple[str, ...]
) -> None:
    [(field, named)] = blamed(row, amount=amount)
    assert (field, named) == ("amount", columns)


def test_what_no_column_says_names_all_that_could_have() -> None:
    more = "      refunded_units: [Net, Tax]\n"
    assert blamed("1,,,,x", amount="{is: '1'}", more=more) == [("occurred_at", ("Day",))]
    mapping = _MAPPING.format(amount="{is: '1'}", more="").replace("Day\n", "[Day, Kind]\n")
    [rejected] = came_of(mapping, "Id,Day,Kind\n1,,\n").rejected
    assert rejected.reasons[0].columns == ("Day", "Kind")


def test_the_column_is_called_as_the_file_calls_it() -> None:
    """The mapping's own name of it stands in no file of that generation."""
    more = "columns: {Net: [Netto, Amount net]}\n"
    header = "Id,Day,Amount net,Tax,Kind"
    assert blamed("1,2026-01-01,many,1,x", more=more, header=header) == [
        ("amount", ("Amount net",))
    ]


def test_of_json_the_way_to_the_member_is_named() -> None:
    mapping = _MAPPING.format(
        amount="Net", more="read: {format: ndjson}\ncolumns: {Net: [price.net]}\n"
    )
    row = '{"Id": "1", "Day": "2026-01-01", "price": {"net": "many"}}\n'
    [rejected] = came_of(mapping, row).rejected
    assert rejected.reasons[0].columns == ("price.net",)


def test_rows_that_are_passed_over_and_conditions_name_their_column() -> None:
    more = "skip: {small: {Tax: {below: 0}}}\n"
    assert blamed("1,2026-01-01,1,many,x", more=more) == [("skip", ("Tax",))]
    where = "    where: {Tax: {above: 0}}\n"
    assert blamed("1,2026-01-01,1,many,x", more=where) == [("where", ("Tax",))]


def test_checks_name_what_they_could_not_read_or_all_that_they_compare() -> None:
    more = "check: [{name: net, equal: [Net, Tax], else: reject}]\n"
    assert blamed("1,2026-01-01,1,many,x", amount="{is: '1'}", more=more) == [("check", ("Tax",))]
    assert blamed("1,2026-01-01,1,2,x", amount="{is: '1'}", more=more) == [
        ("check", ("Net", "Tax"))
    ]


def test_rows_made_of_others_name_the_columns_that_the_file_has() -> None:
    more = "unpivot: [{as: {Net: Shop}}, {as: {Net: Web}}]\n"
    header = "Id,Day,Shop,Web,Kind"
    found = blamed("1,2026-01-01,many,,x", more=more, header=header)
    assert found == [("amount", ("Shop", "Web"))]


def test_many_refused_rows_of_one_record_cost_no_more_than_as_many_records() -> None:
    """Each asks only its own row which column it was."""
    rows = "".join(f"{n},2026-01-01,many,many,x\n" for n in range(20_000))
    mapping = _MAPPING.format(amount="{sum: [Net, Tax]}", more="group: {by: [Kind]}\n")
    came = came_of(mapping, f"Id,Day,Net,Tax,Kind\n{rows}")
    assert len(came.rejected) == 20_000


def test_a_sentence_says_the_column_once() -> None:
    assert sentence("amount", ("amount",), "is no number") == "amount is no number"
    assert sentence("amount", ("Net",), "is no number") == "amount (column 'Net') is no number"
    assert sentence("id", tuple("abcdefg"), "is odd") == (
        "id (columns 'a', 'b', 'c', 'd', 'e', …) is odd"
    )


@pytest.mark.parametrize(
    "value",
    ["12,x"[:2], "-1,234.56", "1.234.567,89", "$8.00", "EUR 90,00", "(3.10)", "12%", "31.02.2026",
     "13/25/2024", "2026-02-30T12:00:00Z", "2026-02-30 12:61", "9:75 PM", "-", "0.001"],
)  # fmt: skip
def test_amounts_and_dates_are_told(value: str) -> None:
    assert is_impersonal(value) is (value != "-")


@pytest.mark.parametrize(
    "value",
    ["Jane Doe", "jane@example.com", "+47 912 34 567", "91234567", "123-45-6789", "JANE 12",
     "4111111111111111", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "12 Elm St",
     "Doe", "", "555-867-5309", "0151 23456789"],
)  # fmt: skip
def test_what_may_be_a_person_is_not(value: str) -> None:
    """A comma too many puts a name into the column of amounts."""
    assert not is_impersonal(value)
