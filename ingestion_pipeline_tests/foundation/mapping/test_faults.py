"""Wrong mappings: each fault names file, line, column, what was found and what is allowed."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.book_sales.contract.mapped import TARGETS
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.words import Mapped

SOUND = """\
source: kobo
dates: ["%d/%m/%Y"]
numbers: {decimal: ".", group: ","}
emit:
  sales_events:
    key: [Date, eISBN]
    fields:
      event_type: {when: {Total Qty: {below: 0}}, of: {is: refund}, else: {is: sale}}
      occurred_at: Date
      isbn: eISBN
      quantity: Total Qty
      currency: {is: NOK}
"""


def understood(text: str) -> Mapped:
    return read_mapping(Path("kobo.yaml"), text, TARGETS)


def faults(text: str) -> list[str]:
    with pytest.raises(MappingError) as found:
        understood(text)
    return [str(each) for each in found.value.faults]


def fault(before: str, after: str) -> str:
    assert before in SOUND
    [found] = faults(SOUND.replace(before, after, 1))
    return found


def test_what_yaml_takes_for_something_else_is_the_text_that_was_written() -> None:
    text = SOUND.replace(
        "{is: NOK}", '{of: C, lookup: {NO: NOK, 0123: SEK, 1.10: EUR, yes: "USD"}}'
    )
    [value] = [each for field, each in understood(text).emits[0].fields if field.name == "currency"]
    assert value.lookup == {"NO": "NOK", "0123": "SEK", "1.10": "EUR", "yes": "USD"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("numbers:", "number:", "3:1: number is unknown, did you mean 'numbers'?"),
        (
            "      quantity: Total Qty", "      quantity: Total Qty\n      quantities: Total Qty",
            "12:7: emit.sales_events.fields.quantities is no field of sales_events, did you mean "
            "'quantity'?",
        ),
        (
            "isbn: eISBN", "isbn: {off: eISBN}",
            "10:14: emit.sales_events.fields.isbn.off is unknown, did you mean 'of'?",
        ),
        ("      occurred_at: Date\n", "", "5:3: emit.sales_events lacks occurred_at"),
        ("dates:", "source: x\ndates:", "2:1: source is there twice"),
        ("source: kobo\n", "", "1:1: lacks 'source'"),
        (
            "  sales_events:", "  sale_events:",
            "5:3: emit.sale_events is no type of records, did you mean 'sales_events'?",
        ),
        (
            '"%d/%m/%Y"', '"%d/%q/%Y"',
            "2:9: dates[0] has the directive %q, and may have %Y, %y, %m, %d, %H, %I, %M, %S, %f, "
            "%p, %z, %Z, %b, %B",
        ),
        ('"%d/%m/%Y"', '"%d/%m"', "2:9: dates[0] is '%d/%m', and must say year and month, as"),
        (
            'group: ","', 'group: "."',
            "3:25: numbers.group is '.', as the decimal sign is",
        ),
        (
            'decimal: "."', 'decimal: point',
            "3:11: numbers.decimal is 'point'; allowed are ., ,",
        ),
        ("source: kobo", "source: [kobo]", "1:1: source must be a text, and is a list"),
        (
            "{is: NOK}", "{is: NOK, of: C}",
            "12:7: emit.sales_events.fields.currency must say where its text is from, by one of "
            "of, is, setting, text, id, sum, product, quotient, first, total, footer; "
            "it has of and is",
        ),
        (
            "{is: refund}", "{is: refunded}",
            "8:7: emit.sales_events.fields.event_type is 'refunded', did you mean 'refund'?",
        ),
        (
            "{below: 0}", "{below: none}",
            "8:39: emit.sales_events.fields.event_type.when.Total Qty.below must be a number such "
            "as 0.05, and is the text 'none'",
        ),
        (
            "{below: 0}", "{beneath: 0}",
            "8:39: emit.sales_events.fields.event_type.when.Total Qty.beneath is unknown; allowed "
            "are not, like, below, above, equals, same",
        ),
        (
            "isbn: eISBN", 'isbn: {of: eISBN, match: "(["}',
            "10:25: emit.sales_events.fields.isbn.match is no regular expression",
        ),
        (
            "isbn: eISBN", "isbn: {of: eISBN, lookup: {a: b}, round: two}",
            "10:41: emit.sales_events.fields.isbn.round must be a whole number from 0 to 8, and is "
            "the text 'two'",
        ),
        (
            "isbn: eISBN", "isbn: {of: eISBN, else: x}",
            "10:25: emit.sales_events.fields.isbn.else stands only beside when or lookup",
        ),
        (
            "isbn: eISBN", 'isbn: {text: "978"}',
            "10:14: emit.sales_events.fields.isbn.text names no column, as {Column} would",
        ),
        ("isbn: eISBN", "isbn:", "10:7: emit.sales_events.fields.isbn must not be empty"),
        (
            "emit:", "zone: Oslo\nemit:",
            "4:1: zone is 'Oslo', and must be a time zone such as Europe/London",
        ),
        (
            "emit:", "read: {delimiter: tabs}\nemit:",
            "4:8: read.delimiter must be one sign or tab, comma, semicolon, pipe, and is the text "
            "'tabs'",
        ),
        (
            "emit:", "read: {encoding: utf8x}\nemit:",
            "4:8: read.encoding is 'utf8x', which is no encoding",
        ),
        ("emit:", "skip: {a: Title}\nemit:", "4:8: skip.a must be a mapping, and is the text"),
        ("emit:", "group: {adjacent: 1, by: A}\nemit:", "4:9: group.adjacent must be true or"),
        (
            "key: [Date, eISBN]", "key: [Date]\n    only_new: no",
            "7:5: emit.sales_events.only_new must be true or false, and is the text 'no'",
        ),
        (
            "isbn: eISBN", "external_id: eISBN",
            "6:5: emit.sales_events.key stands beside external_id, which is made of it",
        ),
        ("emit:", "emit: [", "is not YAML"),
        ("source: kobo", "source: &a kobo\nmapping: {<<: *a}", "2:11: mapping must have texts as"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place_and_what_is_allowed(before: str, after: str, said: str) -> None:
    found = fault(before, after)
    assert found.startswith("kobo.yaml:")
    assert said in found


def test_all_faults_of_a_file_are_told_at_once_and_in_order() -> None:
    text = SOUND.replace("numbers:", "number:").replace("isbn:", "isbm:").replace("%Y", "%Q")
    assert [each.split(" ")[0] for each in faults(text)] == [
        "kobo.yaml:2:9:", "kobo.yaml:3:1:", "kobo.yaml:10:7:",
    ]  # fmt: skip


def test_a_mapping_that_holds_itself_ends() -> None:
    [found] = faults("source: &a [*a]\nemit: {}\n")[:1]
    assert "stands within itself" in found


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with pytest.raises(MappingError):
        understood(text)


@given(st.integers(0, len(SOUND) - 1), st.sampled_from("{}[]:,#&*!|>'\"%@` \n\t-x0"))
def test_a_slip_of_the_finger_is_understood_or_refused(at: int, key: str) -> None:
    with suppress(MappingError):
        assert understood(SOUND[:at] + key + SOUND[at + 1 :]).emits
