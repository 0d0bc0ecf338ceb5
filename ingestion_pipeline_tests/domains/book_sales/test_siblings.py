"""Reports packed in other ways, broken in any way, and refused by the thousand."""

import gzip
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.book_sales.contract.events import Parsed, RejectedRow
from ingestion_pipeline.domains.book_sales.merge.events import Origin, first_kept, merge_events
from ingestion_pipeline.domains.book_sales.sources import draft2digital
from ingestion_pipeline.domains.book_sales.sources.formats.delimited import read_text
from ingestion_pipeline.domains.book_sales.sources.kdp import report as kdp
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline_tests.domains.book_sales.builders import (
    D2D,
    EBOOK,
    KEEPS,
    d2d,
    ebook,
    text,
    workbook,
)

_LINE = st.text(st.sampled_from('ab1,;"\t é'), max_size=12)


def test_a_report_packed_with_zstd_was_no_text() -> None:
    plain = text(D2D, [d2d(), d2d(title="Other")])
    for packed in (zstd.compress(plain), gzip.compress(zstd.compress(plain))):
        assert len(draft2digital.parse(packed, file_name="d2d.csv").events) == 2


def test_a_workbook_packed_with_zstd_was_no_workbook() -> None:
    packed = zstd.compress(workbook({"eBook Royalty": [EBOOK, ebook()]}))
    assert len(kdp.parse(packed, file_name="kdp.xlsx").events) == 1


def test_a_zstd_that_is_cut_or_a_bomb_is_refused() -> None:
    with pytest.raises(ContractError, match="zstd is damaged"):
        read_text(zstd.compress(text(D2D, [d2d()]))[:-9])
    with pytest.raises(ContractError, match="unpacks to more than"):
        read_text(zstd.compress(b"a" * 10_000_000))


@settings(max_examples=200, deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=12), st.sampled_from(["\n", "\r", "\r\n"]))
def test_every_physical_line_of_a_text_is_in_one_row(lines: list[str], end: str) -> None:
    lines = ["a,b", *lines, "z"]
    read = read_text(end.join(lines).encode())
    assert read.lines == sum(row.lines for row in read.rows) == len(lines)
    starts = [row.number for row in read.rows]
    assert starts == [1 + sum(row.lines for row in read.rows[:n]) for n in range(len(starts))]


def test_a_name_of_two_byte_characters_is_measured_in_bytes() -> None:
    assert file_name_problem("é" * 100) is None
    assert "200 bytes" in str(file_name_problem("é" * 190))


def test_the_first_refused_rows_are_kept_within_their_bytes() -> None:
    rows = [RejectedRow(n, "éa", ({"field": "row", "rule": "bad"},)) for n in range(10)]
    assert first_kept(rows, most_bytes=7) == (rows[:2], 6)
    assert first_kept(rows, most_bytes=100) == (rows, 30)


def test_refused_rows_of_a_report_were_kept_without_end(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_KEPT", 3)
    rows = [RejectedRow(n, "raw", ({"field": "row", "rule": "bad"},)) for n in range(1, 6)]
    with engine.begin() as connection:
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain="book_sales", type_="amazon_kdp",
            file_name="a.csv", source="import-report", location="file:///a.csv", size=1,
        )  # fmt: skip
        origin = Origin(tenant_id, "amazon_kdp", "a.csv", datetime.now(UTC), upload_id)
        assert merge_events(connection, origin, Parsed([], rows), keeps=KEEPS).rejected == 5
        merge_events(connection, origin, Parsed([], rows), keeps=KEEPS)
        told = connection.execute(
            sa.text("SELECT rejected, rejected_kept, rejected_bytes FROM uploads")
        ).one()
        kept = connection.scalar(sa.text("SELECT count(*) FROM rejected_rows"))
    assert (*told, kept) == (5, 3, 9, 3)
