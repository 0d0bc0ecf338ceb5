"""What a sample comes to does not depend on how a file is written: ends of lines, marks, encodings,
signs between cells, the order of its columns, and that of its rows where these may stand anywhere.
"""

import csv
import io
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline_tests.foundation.intake.running import Came
from ingestion_pipeline_tests.mappings.expected import EXPECTED
from ingestion_pipeline_tests.mappings.samples import came_of, sample, shipped

TEXTS = [each.file for each in EXPECTED if not each.file.endswith(".json")]


def mapping_of(file: str) -> str:
    return file.partition(".")[0]


def text_of(file: str) -> str:
    content = sample(file)
    if content.startswith(b"\xff\xfe"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def rows_of(file: str, mapped: Mapped) -> tuple[list[str], list[list[str]], list[str]]:
    """Lines above the header, the rows from it on, and lines of the footer."""
    text = text_of(file)
    plain = mapped.read.quote is None
    sign = next(
        each for each in ("\t", "|", ";", ",")
        if all(any(name in line.replace('""', '"') for name in mapped.header) and each in line
               for line in text.splitlines() if mapped.header[0] in line)
        and any(mapped.header[0] in line for line in text.splitlines())
    ) if mapped.header[0] in text else ";"  # fmt: skip
    lines = text.splitlines()
    known = {name: {name, *mapped.names.get(name, ())} for name in mapped.header}
    at = next(
        number for number, line in enumerate(lines)
        if all(any(each in line.replace('""', '"') for each in names) for names in known.values())
    )  # fmt: skip
    end = next((number for number, line in enumerate(lines)
                if number > at and (line.startswith("Total_") or "record(s)" in line)),
               len(lines))  # fmt: skip
    body = lines[at:end]
    rows = (
        [line.split(sign) for line in body]
        if plain else list(csv.reader(io.StringIO("\n".join(body)), delimiter=sign))
    )  # fmt: skip
    return lines[:at], rows, lines[end:]


def written(above: list[str], rows: list[list[str]], below: list[str], sign: str | None) -> bytes:
    """A file; with a `sign`, cells are quoted where they need it."""
    out = io.StringIO(newline="")
    if sign is None:
        out.write("".join("\t".join(row) + "\n" for row in rows))
    else:
        csv.writer(out, delimiter=sign, lineterminator="\n").writerows(rows)
    around = ["".join(f"{line}\n" for line in lines) for lines in (above, below)]
    return f"{around[0]}{out.getvalue()}{around[1]}".encode("utf-8-sig")


def shape(came: Came) -> Any:
    """Ids of all records, and sums: rows on the side may be told first by another row."""
    ids = {name: sorted(records) for name, records in came.made.items()}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for name, amount in (("orders", "total_amount"), ("sales_events", "amount")):
        for each in came.made.get(name, {}).values():
            if each[amount] is not None:
                sums[f"{name} {each['currency']}"] += Decimal(each[amount])
    return ids, sums, came.rules, len(came.warnings)


@pytest.mark.parametrize("file", TEXTS)
def test_ends_of_lines_and_marks(file: str) -> None:
    name, text = mapping_of(file), text_of(file)
    expected = came_of(name, sample(file)).made
    unix = text.replace("\r\n", "\n")
    for written_so in (
        unix.encode("utf-8-sig"), unix.replace("\n", "\r\n").encode("utf-8-sig"),
        unix.encode("utf-16"), unix.removesuffix("\n").encode("utf-8-sig"),
        f"{unix}\n\n".encode("utf-8-sig"),
    ):  # fmt: skip
        assert came_of(name, written_so).made == expected


@pytest.mark.parametrize("file", TEXTS)
def test_columns_in_another_order_and_one_more(file: str) -> None:
    mapped = shipped(mapping_of(file))
    above, rows, below = rows_of(file, mapped)
    width = len(rows[0])
    order = list(range(width))
    random.Random(file).shuffle(order)
    full = [row for row in rows if len(row) == width]  # summary lines are short
    turned = [[*(row[at] for at in order), "new" if any(row) else ""] for row in full]
    sign = None if mapped.read.quote is None else mapped.read.delimiter
    came = came_of(mapping_of(file), written(above, turned, below, sign))
    assert came.rules == []
    assert came.made == came_of(mapping_of(file), sample(file)).made


@pytest.mark.parametrize("file", TEXTS)
def test_each_sign_that_the_mapping_allows(file: str) -> None:
    mapped = shipped(mapping_of(file))
    above, rows, below = rows_of(file, mapped)
    expected = came_of(mapping_of(file), sample(file)).made
    for sign in mapped.read.delimiters[1:]:
        text = written(above, rows, below, sign)
        assert came_of(mapping_of(file), text).made == expected, repr(sign)


def rows_may_stand_anywhere(mapped: Mapped) -> bool:
    return mapped.fill is None and (mapped.group is None or not mapped.group.adjacent)


def has_a_footer(mapped: Mapped) -> bool:
    return bool(mapped.read.stop_first or mapped.read.stop_line or mapped.fill)


@pytest.mark.parametrize(
    "file", [each for each in TEXTS if rows_may_stand_anywhere(shipped(mapping_of(each)))]
)
def test_rows_in_another_order_where_they_may_stand_anywhere(file: str) -> None:
    mapped = shipped(mapping_of(file))
    above, rows, below = rows_of(file, mapped)
    sign = None if mapped.read.quote is None else mapped.read.delimiter
    expected = shape(came_of(mapping_of(file), written(above, rows, below, sign)))
    for seed in range(3):
        turned = rows[1:]
        random.Random(seed).shuffle(turned)
        text = written(above, [rows[0], *turned], below, sign)
        assert shape(came_of(mapping_of(file), text)) == expected


@pytest.mark.parametrize(
    "file", [each for each in TEXTS if not has_a_footer(shipped(mapping_of(each)))]
)
def test_a_file_that_was_put_behind_itself_doubles_nothing(file: str) -> None:
    """Records whose rows have no ids of their own can't be told from equal ones: those are refused,
    or (as equal rows are lines of their own where rows may stand anywhere) left to whoever does it.
    """
    mapped = shipped(mapping_of(file))
    above, rows, below = rows_of(file, mapped)
    sign = None if mapped.read.quote is None else mapped.read.delimiter
    once = came_of(mapping_of(file), written(above, rows, below, sign))
    twice = came_of(mapping_of(file), written(above, [*rows, *rows], below, sign))
    numbered = any(each.key for each in mapped.emits) or mapped.name in EQUAL_ROWS
    for name, records in twice.made.items():
        if not numbered:
            assert set(records) <= set(once.made[name])
            for key, record in records.items():
                assert record == once.made[name][key]


EQUAL_ROWS = {"items", "online_retail"}  # of Square and UCI: equal rows are lines of their own
