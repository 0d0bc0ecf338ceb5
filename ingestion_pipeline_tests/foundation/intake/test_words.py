"""Words that the shipped mappings brought: settings, quotients, months, filling, delimiters."""

from decimal import Decimal

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.foundation.intake.running import came_of, understood

EVENTS = """
source: x
{extra}
emit:
  sales_events:
    key: [d]
    fields:
      event_type: {kind}
      occurred_at: d
      quantity: q
      amount: {amount}
      currency: {currency}
"""


def events(
    extra: str = "", *, amount: str = "a", currency: str = "{is: USD}", kind: str = "{is: sale}"
) -> str:
    return EVENTS.format(extra=extra, amount=amount, currency=currency, kind=kind)


def faults(text: str) -> str:
    with pytest.raises(MappingError) as found:
        understood(text)
    return str(found.value)


def test_a_setting_stands_for_its_text() -> None:
    mapping = events("settings: {currency: NOK}", currency="{setting: currency}")
    came = came_of(mapping, "d,q,a\n2026-01-01,1,2.00\n")
    assert came.by_currency("sales_events", "amount") == {"NOK": Decimal(2)}
    wrong = faults(events("settings: {currency: NOK}", currency="{setting: curency}"))
    assert "currency.setting is 'curency', did you mean 'currency'? (settings)" in wrong


def test_a_quotient_is_rounded_as_the_mapping_says() -> None:
    mapping = events(amount="{quotient: [a, q], round: 2}")
    came = came_of(mapping, "d,q,a\n2026-01-01,3,10.00\n2026-01-02,0,1.00\n2026-01-03,2,\n")
    assert [each["amount"] for each in came.of("sales_events")] == ["3.3300", None]
    assert came.rules == ["3: amount is divided by 0"]


@pytest.mark.parametrize("value", ["{quotient: [a, q]}", "{quotient: [a], round: 2}"])
def test_a_quotient_says_of_what_and_how_many_decimals(value: str) -> None:
    assert "must be [A, B], and stand beside round" in faults(events(amount=value))


def test_a_number_that_equals_another_however_it_is_written() -> None:
    kind = "{when: {a: {equals: 0}}, of: {is: free}, else: {is: sale}}"
    rows = "d,q,a\n2026-01-01,1,0.00\n2026-01-02,1,0\n2026-01-03,1,\n2026-01-04,1,0.01\n"
    came = came_of(events(kind=kind), rows)
    kinds = [each["event_type"] for each in came.of("sales_events")]
    assert kinds == ["free", "free", "sale", "sale"]


def test_months_in_the_languages_that_the_mapping_names() -> None:
    mapping = events('dates: ["%d-%b-%y"]\nmonths: [de, fr]')
    came = came_of(
        mapping, "d,q,a\n05-Dez-25,1,1.00\n05-oct.-26,1,1.00\n05-Oct-26,1,1\n05-gen-26,1,1\n"
    )
    days = [each["occurred_at"][:10] for each in came.of("sales_events")]
    assert days == ["2025-12-05", "2026-10-05", "2026-10-05"]
    assert came.rules == ["5: occurred_at is not a date written like %d-%b-%y"]
    assert "months is 'dk'; allowed are en, de, fr, it, es, nl, pt" in faults(events("months: dk"))


def test_a_currency_that_only_the_first_row_of_a_settlement_has() -> None:
    extra = "fill: {columns: [c], within: [s]}"
    came = came_of(
        events(extra, currency="c"),
        "s,d,q,a,c\n1,2026-01-01,1,1.00,GBP\n1,2026-01-02,1,2.00,\n2,2026-01-03,1,4.00,\n"
        "2,2026-01-04,1,8.00,EUR\n",
    )
    found = [(each["amount"], each["currency"]) for each in came.of("sales_events")]
    assert found == [("1.0000", "GBP"), ("2.0000", "GBP"), ("4.0000", None), ("8.0000", "EUR")]
    assert "fill lacks within" in faults(events("fill: {columns: c}", currency="c"))


def test_cells_are_filled_across_batches() -> None:
    rows = "".join(f"1,2026-01-01,1,1.00,{'GBP' if not number else ''}\n" for number in range(9000))
    came = came_of(events("fill: {columns: [c], within: [s]}", currency="c"), f"s,d,q,a,c\n{rows}")
    assert came.by_currency("sales_events", "amount") == {"GBP": Decimal(9000)}


SEVERAL = (
    "read: {delimiter: [comma, semicolon, tab], header: {find: [d, q]}}\ncolumns: {d: [d, Datum]}"
)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["d", "Datum"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_sign_between_cells_is_that_under_which_the_header_is_found(
    sign: str, name: str, encoding: str
) -> None:
    rows = [["a, title; with signs"], [name, "q", "a"], ["2026-01-01", "1", "2.50"]]
    text = "\n".join(sign.join(row) for row in rows)
    came = came_of(events(SEVERAL), text, encoding=encoding)
    assert came.total("sales_events", "amount") == Decimal("2.50")


def test_several_signs_need_a_header_to_be_found() -> None:
    assert "read.header.find must say which" in faults(events("read: {delimiter: [tab, comma]}"))
    with pytest.raises(WrongFileError, match="holds the columns 'd', 'q'"):
        came_of(events(SEVERAL), "d|q|a\n2026-01-01|1|2.50\n")


def test_several_signs_between_thousands() -> None:
    extra = 'read: {delimiter: ";"}\nnumbers: {decimal: ",", group: [".", " "], symbols: true}'
    came = came_of(
        events(extra),
        "d;q;a\n2026-01-01;1;1 234,50 €\n2026-01-02;1;EUR 1.234,50\n2026-01-03;1;1.234 567,00\n",
    )
    assert [each["amount"] for each in came.of("sales_events")] == ["1234.5000", "1234.5000"]
    assert came.rules == ["4: amount is not a number written like 1.234,50"]
    assert "is ',', as the decimal sign is" in faults(
        events('numbers: {decimal: ",", group: [",", " "]}')
    )


def test_a_check_over_all_rows_counts_those_that_are_passed_over() -> None:
    extra = """
skip: {totals: {t: filled}, fees: {q: "0"}}
check: [{name: rows are the total, of: rows, equal: [a, t]}]
"""
    rows = "d,q,a,t\n2026-01-01,,,7.00\n2026-01-01,1,8.00,\n2026-01-02,0,-1.00,\n"
    came = came_of(events(extra), rows)
    assert (came.warnings, came.counts.skipped) == ([], {"totals": 1, "fees": 1})
    [warning] = came_of(events(extra), rows.replace("8.00", "8.01")).warnings
    assert "rows are the total: 7.01 is not 7.00" in str(warning)


def test_a_time_of_which_each_row_says_the_zone() -> None:
    mapping = events('dates: ["%Y-%m-%d %H:%M"]').replace(
        "occurred_at: d",
        "occurred_at: {of: d, zone: {of: z, lookup: {East: America/New_York, UK: Europe/London}}}",
    )
    rows = (
        "d,z,q,a\n2026-07-01 10:00,East,1,1\n2026-07-01 10:00,UK,1,1\n2026-07-01 10:00,West,1,1\n"
    )
    came = came_of(mapping, rows)
    times = [each["occurred_at"][11:16] for each in came.of("sales_events")]
    assert (times, came.rules) == (["14:00", "09:00"], ["4: occurred_at is none of East, UK"])
    assert "is 'Europe/Londn', and must be a time zone" in faults(
        mapping.replace("Europe/London", "Europe/Londn")
    )
    named = mapping.replace(
        "{of: z, lookup: {East: America/New_York, UK: Europe/London}}", "{of: z}"
    )
    came = came_of(named, rows.replace("East", "Asia/Tokyo").replace("UK", "nowhere"))
    assert [each["occurred_at"][11:16] for each in came.of("sales_events")] == ["01:00"]
    assert "3: occurred_at is of a time zone that is not known" in came.rules


def test_a_column_that_is_called_as_ours_is_and_never_was_ours_is_another() -> None:
    """The file's own Amount was taken for the earnings; or the first of two was."""
    mapping = events("columns: {Amount: [Earnings]}", amount="Amount")
    came = came_of(mapping, "d,q,Amount,Earnings\n2026-01-01,1,9.99,3.19\n")
    assert [each["amount"] for each in came.of("sales_events")] == ["3.1900"]
    with pytest.raises(MappingError, match="names the column 'Amount', which file1"):
        came_of(mapping, "d,q,Amount\n2026-01-01,1,9.99\n")
    listed = events("columns: {Amount: [Earnings, Amount]}", amount="Amount")
    came = came_of(listed, "d,q,Amount\n2026-01-01,1,9.99\n")
    assert [each["amount"] for each in came.of("sales_events")] == ["9.9900"]


def test_an_object_that_has_a_value_under_two_names_is_refused() -> None:
    mapping = events("read: {format: ndjson}\ncolumns: {a: [old, new]}")
    rows = (
        '{"d": "2026-01-01", "q": 1, "old": "1.00", "new": null}\n'
        '{"d": "2026-01-02", "q": 1, "old": "1.00", "new": "2.00"}\n'
        '{"d": "2026-01-03", "q": 1, "new": "4.00", "a": "8.00"}\n'
    )
    came = came_of(mapping, rows)
    assert [each["amount"] for each in came.of("sales_events")] == ["1.0000", "4.0000"]
    assert came.rules == ["2: line has two values of columns.a"]
