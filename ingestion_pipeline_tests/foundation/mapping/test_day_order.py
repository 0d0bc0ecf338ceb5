"""A file whose days and months are the other way round is refused, and never read as other days."""

import pytest

from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.foundation.intake.running import Came, came_of

_MAPPING = """\
source: till
dates: {dates}
{more}emit:
  sales_events:
    fields:
      external_id: Id
      event_type: {{is: sale}}
      occurred_at: {day}
      quantity: {{is: "1"}}
"""


def came(
    *days: str, dates: str = '["%d/%m/%Y"]', day: str = "Day", more: str = "", zone: str = ""
) -> Came:
    rows = "".join(f"{n},{each},{zone}\n" for n, each in enumerate(days))
    return came_of(_MAPPING.format(dates=dates, day=day, more=more), f"Id,Day,Zone\n{rows}")


@pytest.mark.parametrize(
    ("dates", "days", "said"),
    [
        ('["%d/%m/%Y"]', ("05/06/2022", "05/18/2022"), "only as %m/%d/%Y"),
        ('["%d/%m/%Y"]', ("05/18/2022",), "only as %m/%d/%Y"),
        ('["%m/%d/%y"]', ("5/6/22", "18/5/22"), "only as %d/%m/%y"),
        ('["%d.%m.%Y %H:%M"]', ("05.06.2022 10:00", "05.18.2022 10:00"), "only as %m.%d.%Y %H:%M"),
        ('["%Y-%m-%d", "%d-%m-%Y"]', ("2022-05-18", "05-18-2022"), "only as %m-%d-%Y"),
    ],
)
def test_a_file_of_the_other_order_is_refused_as_a_whole(
    dates: str, days: tuple[str, ...], said: str
) -> None:
    """Days up to the 12th were loaded as other days, and the rest refused row by row."""
    with pytest.raises(WrongFileError, match=said) as refused:
        came(*days, dates=dates)
    assert "column 'Day': " in str(refused.value)


@pytest.mark.parametrize(
    "day",
    ["{of: Day, date: '%d/%m/%Y'}", "{of: Day, date: '%d/%m/%Y', zone: Europe/Oslo}",
     "{of: Day, date: '%d/%m/%Y', zone: {of: Zone, lookup: {oslo: Europe/Oslo}}}"],
)  # fmt: skip
def test_so_is_one_whose_field_says_how_dates_are_written(day: str) -> None:
    with pytest.raises(WrongFileError, match="only as %m/%d/%Y"):
        came("05/06/2022", "05/18/2022", day=day, dates='["%Y-%m-%d"]', zone="oslo")


def test_a_column_by_itself_and_not_with_others() -> None:
    """A second column of the right order decides nothing of the first."""
    mapping = _MAPPING.format(dates='["%d/%m/%Y"]', day="Day", more="").replace(
        "  sales_events:", "  sales_events/other:\n    fields:\n      external_id: Id\n"
        "      event_type: {is: refund}\n      occurred_at: Paid\n      quantity: {is: '1'}\n"
        "  sales_events:"
    )  # fmt: skip
    with pytest.raises(WrongFileError, match="column 'Day': '05/18/2022'"):
        came_of(mapping, "Id,Day,Paid\n1,05/06/2022,18/05/2022\n2,05/18/2022,19/05/2022\n")


def test_one_bad_date_costs_its_row_where_another_one_tells_the_order() -> None:
    found = came("18/05/2022", "05/18/2022", "31/02/2022")
    assert [each.line for each in found.rejected] == [3, 4]
    assert found.counts.used == 1


@pytest.mark.parametrize("day", ["May-18-22", "no date", "2022-13-01", "40/40/2022", ""])
def test_what_is_a_date_in_neither_way_refuses_its_row_only(day: str) -> None:
    found = came("05/06/2022", day)
    assert (found.counts.used, found.counts.rejected) == (1, 1)


def test_a_file_that_does_not_tell_is_warned_of_where_the_mapping_is_not_certain() -> None:
    assert came("05/06/2022", "07/08/2022").warnings == []
    [warning] = came("05/05/2022", "05/06/2022", more="confirm: dates\n").warnings
    assert str(warning) == (
        "the whole file: check column 'Day': no date tells whether the day or the month comes "
        "first, as '05/06/2022': read as %d/%m/%Y"
    )
    for days in (("18/05/2022", "05/06/2022"), ("05/05/2022",), ("2022-05-06",)):
        formats = '["%d/%m/%Y", "%Y-%m-%d"]'
        assert came(*days, more="confirm: dates\n", dates=formats).warnings == []


def test_two_formats_that_nobody_can_tell_apart_are_a_fault() -> None:
    """The first read what it could, and the second the rest: a mixture of both."""
    with pytest.raises(MappingError, match=r"yaml:2:\d+: dates\[1\] is '%m/%d/%Y' beside %d/%m/%Y"):
        came("05/06/2022", dates='["%d/%m/%Y", "%m/%d/%Y"]')
