"""Day numbers in plain cells of .xls and .xlsb: counted from 1900, or 1904 where they say so."""

import io
import struct
import zipfile

import pytest

from ingestion_pipeline.domains.book_sales.sources import draft2digital
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.bounds import outline
from ingestion_pipeline.foundation.workbooks.epochs import (
    ods_counts_from_1904,
    xls_counts_from_1904,
    xlsb_counts_from_1904,
)
from ingestion_pipeline.foundation.workbooks.process import tell
from ingestion_pipeline_tests.domains.book_sales.builders import D2D, d2d


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


BOF = record(0x0809, b"\x00\x06\x05\x00" + bytes(12))
CODE_PAGE, END = record(0x42, b"\xb0\x04"), record(0x0A, b"")


def xls(*records: bytes, before: int = 512) -> bytes:
    return b"\xd0\xcf\x11\xe0".ljust(before, b"\x00") + BOF + b"".join(records)


def xlsb(flags: int) -> bytes:
    """BrtBeginBook, BrtFileVersion of 200 bytes, BrtWbProp."""
    return (
        b"\x83\x01\x00" + b"\x80\x01\xc8\x01" + bytes(200)
        + b"\x99\x01\x0c" + struct.pack("<III", flags, 0, 0)
    )  # fmt: skip


def test_day_numbers_of_an_old_macintoshs_xls_were_four_years_early() -> None:
    for before in (512, 576, 4096):
        assert xls_counts_from_1904(xls(CODE_PAGE, record(0x22, b"\x01\x00"), END, before=before))
        assert not xls_counts_from_1904(
            xls(CODE_PAGE, record(0x22, b"\x00\x00"), END, before=before)
        )


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xd0\xcf\x11\xe0", xls(), xls(b"\x22"), xls(CODE_PAGE),
        xls(CODE_PAGE, END, record(0x22, b"\x01\x00")),  # of a sheet's records, behind the globals
        xls(record(0x22, b"\x01\x00"), before=500),  # a text that looks like it
        xls(record(0x85, b"\x22\x00\x02\x00\x01\x00"), END),  # a sheet's name that looks like it
    ],
)  # fmt: skip
def test_a_workbook_that_does_not_say_counts_from_1900(content: bytes) -> None:
    assert not xls_counts_from_1904(content)


def test_day_numbers_of_an_xlsb_from_1904_were_four_years_early() -> None:
    assert xlsb_counts_from_1904(xlsb(0x00010021))
    assert not xlsb_counts_from_1904(xlsb(0x00010020))
    for part in (b"", b"\x99", b"\x99\x01", b"\x99\x01\x0c", b"\xff" * 40):
        assert not xlsb_counts_from_1904(part)


@pytest.mark.parametrize("from_1904", [True, False])
def test_the_outline_of_an_xlsb_says_its_epoch(from_1904: bool) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("xl/workbook.bin", xlsb(int(from_1904)))
    assert outline(made.getvalue()).epoch_1904 is from_1904


def test_the_reader_of_an_xls_asks_for_its_epoch() -> None:
    said: list[dict[str, object]] = []
    with pytest.raises(ContractError):  # it has no sheets
        tell(xls(record(0x22, b"\x01\x00"), END), said.append)
    assert said[0]["epoch_1904"] is True


def ods(rows: list[list[object]], *, null_date: str | None) -> bytes:
    """An OpenDocument spreadsheet of one sheet; its numbers are plain numbers."""
    name = "urn:oasis:names:tc:opendocument:xmlns"
    settings = f'<table:null-date table:date-value="{null_date}"/>' if null_date else ""
    cells = [
        "".join(
            f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
            if isinstance(cell, int)
            else '<table:table-cell office:value-type="string">'
            f"<text:p>{cell}</text:p></table:table-cell>"
            for cell in row
        )
        for row in rows
    ]
    content = (
        f'<office:document-content xmlns:office="{name}:office:1.0" xmlns:text="{name}:text:1.0" '
        f'xmlns:table="{name}:table:1.0" office:version="1.3"><office:body><office:spreadsheet>'
        f"<table:calculation-settings>{settings}</table:calculation-settings>"
        '<table:table table:name="Sheet1">'
        + "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
        + "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{name}:manifest:1.0"/>')
        archive.writestr("content.xml", content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("null_date", "number"),
    [(None, 45352), ("1899-12-30", 45352), ("1904-01-01", 45352 - 1462)],
)
def test_day_numbers_of_an_ods_from_1904_were_four_years_early(
    null_date: str | None, number: int
) -> None:
    row = [number if cell == "2024-03-01" else cell for cell in d2d()]
    content = ods([D2D, row], null_date=null_date)
    parsed = draft2digital.parse(content, file_name="d2d.ods")
    assert [each.reasons for each in parsed.rejected] == []
    assert [f"{event.occurred_at:%Y-%m-%d}" for event in parsed.events] == ["2024-03-01"]


def test_an_ods_that_counts_from_another_day_is_refused_by_that_day() -> None:
    with pytest.raises(ContractError, match="1900-01-01"):
        draft2digital.parse(ods([D2D, d2d()], null_date="1900-01-01"), file_name="d2d.ods")
    with pytest.raises(ContractError, match="declares entities"):
        ods_counts_from_1904([b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'])


def test_what_a_cell_says_of_null_dates_is_not_the_workbooks() -> None:
    table = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    content = (
        f'<a xmlns:t="{table}"><t:table/><t:null-date t:date-value="1904-01-01"/></a>'.encode()
    )
    assert not ods_counts_from_1904([content])
    assert not ods_counts_from_1904([content[n : n + 1] for n in range(len(content))])
