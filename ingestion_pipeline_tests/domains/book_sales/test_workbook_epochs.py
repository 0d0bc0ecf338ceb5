"""Day numbers in plain cells of .xls and .xlsb: counted from 1900, or 1904 where they say so."""

import io
import struct
import zipfile

import pytest

from ingestion_pipeline.domains.book_sales.sources.formats.workbook_bounds import outline
from ingestion_pipeline.domains.book_sales.sources.formats.workbook_epochs import (
    xls_counts_from_1904,
    xlsb_counts_from_1904,
)
from ingestion_pipeline.domains.book_sales.sources.formats.workbook_reader import tell
from ingestion_pipeline.foundation.errors import ContractError


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
