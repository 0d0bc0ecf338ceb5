"""Workbooks by a library, within bounds; its traps stay here."""

from decimal import Decimal

import pytest

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks import bounds
from ingestion_pipeline.foundation.workbooks.bounds import outline
from ingestion_pipeline.foundation.workbooks.sheets import read_workbook
from ingestion_pipeline_tests.domains.book_sales import builders
from ingestion_pipeline_tests.domains.book_sales.builders import (
    EBOOK,
    Dated,
    Failed,
    ebook,
    text,
    workbook,
)

KDP_HEADER = list(EBOOK)


def of(*rows: list[builders.Cell], date1904: bool = False) -> Parsed:
    content = workbook({"eBook Royalty": [KDP_HEADER, *rows]}, date1904=date1904)
    return kdp.parse(content, file_name="kdp.xlsx")


def dated(cell: builders.Cell, *, royalty: builders.Cell = "3.35") -> list[builders.Cell]:
    return [cell, *ebook(royalty)[1:]]


def test_real_dates_are_days_in_both_epochs_and_so_are_their_numbers() -> None:
    parsed = of(dated(Dated(46146)), dated(Dated(46146.5)), dated(46146))
    assert [event.occurred_at.date().isoformat() for event in parsed.events] == ["2026-05-04"] * 3
    old = of(dated(Dated(44684)), dated(44684), date1904=True)
    assert [event.occurred_at.date().isoformat() for event in old.events] == ["2026-05-04"] * 2


def test_a_cell_with_an_error_is_no_empty_cell() -> None:
    parsed = of(dated("2026-05", royalty=Failed("#DIV/0!")), dated("2026-05"))
    assert len(parsed.events) == 1
    assert parsed.rejected[0].reasons == ({"field": "Royalty", "rule": "is not a number"},)
    assert "#DIV/0!" in parsed.rejected[0].raw


def test_numbers_of_a_workbook_are_exact_whatever_its_texts_have() -> None:
    parsed = of(dated("2026-05", royalty=Decimal("2.792")), dated("2026-05", royalty=1234))
    assert [event.amount for event in parsed.events] == [Decimal("2.792"), Decimal(1234)]


def test_a_royalty_type_that_a_spreadsheet_made_a_fraction_is_the_same_sale() -> None:
    row = ebook()
    row[5] = 0.7
    assert of(row).events[0].external_id == of(ebook()).events[0].external_id


def test_real_dates_beside_texts_of_an_order_are_refused() -> None:
    with pytest.raises(ContractError, match="a spreadsheet has read some of them"):
        of(dated(Dated(46085)), dated("13/04/2026"))


def test_a_far_cell_costs_a_sentence_not_gigabytes() -> None:
    rows = "".join(f'<row r="{n}"><c r="ZZZ{n}"><v>1</v></c></row>' for n in range(1, 2000))
    content = with_sheet(rows)
    with pytest.raises(ContractError, match="at most 256 columns"):
        read_workbook(content)
    with pytest.raises(ContractError, match="more than 4000000 cells"):
        read_workbook(with_sheet('<row r="1048576"><c r="P1048576"><v>1</v></c></row>'))


def test_forty_sheets_of_one_part_are_refused() -> None:
    book, part = "xl/workbook.xml", '<sheet name="eBook Royalty" r:id="rId1" sheetId="1"/>'
    files = unzipped(workbook({"eBook Royalty": [KDP_HEADER, ebook()]}))
    again = "".join(part.replace("Royalty", f"Royalty {n}") for n in range(40))
    files[book] = files[book].replace(part, again)
    with pytest.raises(ContractError, match="one and the same part"):
        read_workbook(builders.zipped(files))


def test_what_unpacks_to_far_more_than_it_takes_is_refused() -> None:
    files = unzipped(workbook({"eBook Royalty": [KDP_HEADER, ebook()]}))
    files["xl/sharedStrings.xml"] = "<sst>" + "a" * (8 * 1024 * 1024) + "</sst>"
    with pytest.raises(ContractError, match="more than 200 times"):
        outline(builders.zipped(files))


def test_entities_are_refused() -> None:
    files = unzipped(workbook({"eBook Royalty": [KDP_HEADER, ebook()]}))
    sheet = "xl/worksheets/sheet1.xml"
    files[sheet] = files[sheet].replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>', 1)
    with pytest.raises(ContractError, match="declares entities"):
        outline(builders.zipped(files))


def test_more_text_than_a_report_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_BYTES", 100)
    with pytest.raises(ContractError, match="at most 100 are read"):
        outline(workbook({"eBook Royalty": [KDP_HEADER]}))


def test_a_workbook_named_csv_is_a_workbook_and_text_named_xls_is_text() -> None:
    content = workbook({"eBook Royalty": [KDP_HEADER, ebook()]})
    assert len(kdp.parse(content, file_name="kdp.csv").events) == 1
    assert len(kdp.parse(text(EBOOK, [ebook()]), file_name="kdp.xls").events) == 1
    utf16 = text(EBOOK, [ebook()], delimiter="\t").decode().encode("utf-16")
    assert len(kdp.parse(utf16, file_name="kdp.csv").events) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page .HTML."),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x1f\x8b\x08damaged", "gzip is damaged"),
        (b"\xff\xfea", "begins as UTF-16"),
    ],
)
def test_a_wrong_file_gets_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        kdp.parse(content, file_name="kdp.csv")


def with_sheet(rows: str) -> bytes:
    files = unzipped(workbook({"eBook Royalty": []}))
    sheet = "xl/worksheets/sheet1.xml"
    files[sheet] = files[sheet].replace("<sheetData></sheetData>", f"<sheetData>{rows}</sheetData>")
    return builders.zipped(files)


def unzipped(content: bytes) -> dict[str, str]:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}
