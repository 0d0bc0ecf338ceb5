"""A file → staging and rejected rows, whole or not at all, every line accounted for."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.land.fields import Reason
from ingestion_pipeline.domains.commerce.land.rows import Rejection
from ingestion_pipeline.domains.commerce.land.stage import Reading, land_file
from ingestion_pipeline.domains.commerce.sources.reading import numbered_lines
from ingestion_pipeline.domains.commerce.tables import ARRIVED
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline_tests.domains.commerce.builders import (
    BOUNDS,
    GOOD,
    all_counts,
    customer,
    line,
    lines,
    order,
    rejections,
    stage_file,
    staged_rows,
    write_files,
)


def _stage(engine: sa.Engine, tenant_id: int, folder: Path, name: str, content: bytes) -> Counts:
    write_files(folder, {name: content})
    upload = stage_file(engine, tenant_id, folder / name)
    assert upload.status == "staged"
    return all_counts(engine)[upload.upload_id]


def test_rows_rejections_and_blanks_are_counted_and_kept_apart(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    content = b"\n".join(
        [line(customer(1)), b"", b"no json", line(customer(2)), line(customer(3), name="5")]
    )
    counts = _stage(engine, tenant_id, tmp_path, "customers_1.ndjson", content)
    assert counts == Counts(lines=5, blank=1, rejected=2, staged=2)
    assert rejections(engine) == {
        3: ("no json", [("line", "must be one JSON object")]),
        5: (line(customer(3), name="5").decode(), [("name", "must be a text")]),
    }
    table = ARRIVED["customers"]
    with engine.connect() as connection:
        numbers = connection.scalars(sa.select(table.c.line_number).order_by(table.c.line_number))
        assert list(numbers) == [1, 4]


def test_a_failure_at_the_last_line_leaves_nothing_of_the_file(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TheDiskFailedError(OSError):
        pass

    write_files(tmp_path, {"customers_1.ndjson": b"bad\n" + lines(map(customer, range(20_000)))})

    def fail_in_the_end(*arguments: Any, **limits: Any) -> object:
        yield from numbered_lines(*arguments, **limits)
        raise TheDiskFailedError

    monkeypatch.setattr(
        "ingestion_pipeline.domains.commerce.land.stage.numbered_lines", fail_in_the_end
    )
    with pytest.raises(TheDiskFailedError):
        stage_file(engine, tenant_id, tmp_path / "customers_1.ndjson")
    assert staged_rows(engine) == 0
    assert rejections(engine) == {}
    assert all_counts(engine) == {}


def test_what_only_the_database_refuses_is_rejected_at_its_line(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    rows = [
        line(customer(1)),
        line(customer(2), metadata='{"bigger": 1e300000}'),
        line(customer(3), metadata='{"big": 1e200000}'),
        line(customer(4), created_at='"9999-12-31T12:00:00Z"'),  # "for ever" is a good time
        line(customer(5)),
    ]
    counts = _stage(engine, tenant_id, tmp_path, "customers_1.ndjson", b"\n".join(rows))
    assert counts == Counts(lines=5, rejected=2, staged=3)
    found = rejections(engine)
    assert set(found) == {2, 3}
    for raw, [(field, rule)] in found.values():
        assert json.loads(raw)["customer_id"]
        assert field == "line"
        assert rule.startswith("must suit the database: ")


def test_a_database_that_refuses_and_a_reader_that_rejects_do_not_disturb_each_other(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    rows = []
    for n in range(9_000):
        if n % 3000 == 1000:
            rows.append(line(customer(n), metadata='{"big": 1e200000}'))
        elif n % 1000 == 7:
            rows.append(b"no json")
        else:
            rows.append(line(customer(n)))
    counts = _stage(engine, tenant_id, tmp_path, "customers_1.ndjson", b"\n".join(rows))
    assert counts == Counts(lines=9_000, rejected=12, staged=8_988)
    assert staged_rows(engine) == 8_988
    assert len(rejections(engine)) == 12


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_line_numbers_of_csv_files_count_the_header(
    engine: sa.Engine, tenant_id: int, tmp_path: Path, newline: bytes
) -> None:
    header = b"customer_id,name,email,created_at"
    good = b"%s,Anna,a@example.org,2024-01-01" % GOOD["customers"]["customer_id"].encode()
    content = newline.join([header, good, b"x,Anna,a@example.org,2024-01-01", good])
    counts = _stage(engine, tenant_id, tmp_path, "customers_1.csv", content)
    assert counts == Counts(lines=4, preamble=1, rejected=1, staged=2)
    assert list(rejections(engine)) == [3]


def test_csv_in_the_middle_of_a_name_does_not_make_a_csv_file(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    """`customers_from.csv.ndjson` was read as CSV, and refused for its header."""
    content = line(customer(1))
    counts = _stage(engine, tenant_id, tmp_path, "customers_from.csv.ndjson", content)
    assert counts == Counts(lines=1, staged=1)


def test_a_csv_file_without_the_columns_is_refused_as_a_whole(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    with pytest.raises(ContractError, match="header: orders needs the columns"):
        _stage(engine, tenant_id, tmp_path, "orders_1.csv", b"a,b\n1,2\n")
    assert all_counts(engine) == {}


def test_progress_tells_every_line_once(engine: sa.Engine, tenant_id: int, tmp_path: Path) -> None:
    write_files(tmp_path, {"orders_1.ndjson": (order(n, n) for n in range(8_000))})
    seen: list[int] = []
    with (tmp_path / "orders_1.ndjson").open("rb") as file, engine.begin() as connection:
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain="commerce", type_="orders",
            file_name="orders_1.ndjson", source="test", location="here",
        )  # fmt: skip
        assert upload_id is not None
        [upload] = uploads.find(connection, [upload_id])
        land_file(connection, upload, file, bounds=BOUNDS, progress=seen.append)
    assert sum(seen) == 8_000
    assert len(seen) > 1


def test_reasons_that_name_their_line_are_counted_in_bounded_memory() -> None:
    reading = Reading()
    reading.reject(
        [
            Rejection(n, "", [Reason(field="line", rule=f"quote opened in line {n}", value="")])
            for n in range(5_000)
        ]
    )
    assert reading.rejected == sum(reading.rejected_by_reason.values()) == 5_000
    assert len(reading.rejected_by_reason) == 1_001
    assert reading.rejected_by_reason["line: for other reasons"] == 4_000
