"""The genuine workbooks, loaded whole; what they hold is summed here from their raw XML."""

import io
import re
import zipfile
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline_tests.domains.book_sales.builders import GENUINE, KEEPS

pytestmark = pytest.mark.skipif(
    not GENUINE.exists(), reason="the genuine workbooks are not on this machine"
)

_N = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
WORKBOOKS = sorted(GENUINE.glob("*.xlsx"))
Sums = dict[tuple[str, str], tuple[int, Decimal]]


def raw_rows(path: Path, sheet_number: int) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        sheet = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet_number}.xml"))
    rows = []
    for row in sheet.iter(f"{_N}row"):
        cells = {}
        for cell in row:
            column = re.sub(r"\d", "", cell.attrib["r"])
            cells[column] = "".join(
                t.text or "" for t in cell.iter() if t.tag in (_N + "t", _N + "v")
            )
        rows.append(cells)
    header = rows[0]
    return [{header[column]: value for column, value in row.items()} for row in rows[1:]]


def summed(path: Path, sheets: list[int]) -> Sums:
    """Units and royalties by currency and month, as a spreadsheet sums them."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for sheet in sheets:
        for row in raw_rows(path, sheet):
            pair = sums[row["Currency"], row["Royalty Date"][:7]]
            pair[0] += Decimal(row["Net Units Sold"])
            pair[1] += Decimal(row["Royalty"])
    return {key: (int(units), money) for key, (units, money) in sums.items()}


def stored(engine: sa.Engine) -> Sums:
    c = sales_events.c
    month = sa.func.to_char(c.occurred_at, "YYYY-MM")
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(c.currency, month, sa.func.sum(c.quantity), sa.func.sum(c.amount))
            .where(c.event_type != "borrow_pages")
            .group_by(c.currency, month)
        ).all()
    return {(row[0], row[1]): (int(row[2]), row[3]) for row in rows}


@pytest.mark.parametrize("path", WORKBOOKS, ids=lambda path: path.name[:20])
def test_units_and_royalties_are_what_a_spreadsheet_sums(engine: sa.Engine, path: Path) -> None:
    detail, combined = summed(path, [4, 5, 6]), summed(path, [3])
    assert detail == combined
    result = merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert stored(engine) == detail
    pages = sum(
        Decimal(row["Kindle Edition Normalized Page (KENP) Read"]) for row in raw_rows(path, 9)
    )
    with engine.connect() as connection:
        c = sales_events.c
        read = connection.scalar(
            sa.select(sa.func.sum(c.quantity)).where(c.event_type == "borrow_pages")
        )
        number = connection.scalar(sa.select(sa.func.count()).select_from(sales_events))
    assert read == pages
    assert result.totals["rows"] == result.totals["inserted"] == number
    assert result.totals["rejected"] == 0


def test_exact_duplicates_stay_as_many_as_they_are(engine: sa.Engine) -> None:
    path = WORKBOOKS[-1]
    rows = [row for sheet in (4, 5, 6) for row in raw_rows(path, sheet)]
    copies = sum(n - 1 for n in Counter(tuple(row.items()) for row in raw_rows(path, 3)).values())
    assert copies == 646
    merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    with engine.connect() as connection:
        number = connection.scalar(
            sa.select(sa.func.count()).where(sales_events.c.event_type != "borrow_pages")
        )
    assert number == len(rows) == 1269


def test_a_second_load_and_a_part_of_it_change_nothing(engine: sa.Engine) -> None:
    orders, royalties = WORKBOOKS
    merge_reports(engine, [royalties], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    before = stored(engine)
    again = merge_reports(engine, [royalties], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert again.totals == {
        "rows": 1504, "rejected": 0, "inserted": 0, "updated": 0, "unchanged": 1504,
        "left_alone": 0,
    }  # fmt: skip
    # The orders' workbook holds a part of the same royalties, so occurrences count differently.
    part = merge_reports(engine, [orders], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert part.totals["inserted"] <= 1  # a day of pages that the other one does not have
    assert stored(engine) == before


def test_one_changed_value_changes_one_event(engine: sa.Engine, tmp_path: Path) -> None:
    path = WORKBOOKS[-1]
    merge_reports(engine, [path], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    changed = tmp_path / "again.xlsx"
    changed.write_bytes(with_one_royalty_changed(path.read_bytes()))
    result = merge_reports(engine, [changed], platform="amazon_kdp", tenant="acme", keeps=KEEPS)
    assert (result.totals["inserted"], result.totals["updated"]) == (0, 1)
    sums = summed(changed, [4, 5, 6])
    assert stored(engine) == sums
    assert sums != summed(path, [4, 5, 6])


def with_one_royalty_changed(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name.endswith("sheet5.xml"):
                part, number = re.subn(
                    rb'(<c r="O500"[^>]*><v>)[^<]*', rb"\g<1>123.45", part, count=1
                )
                assert number == 1
            target.writestr(name, part)
    return made.getvalue()
