"""What a file of history holds, whatever form it has: each place by itself, nothing guessed."""

import gzip
import io
import json
from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.contract.values import storable_faults
from ingestion_pipeline.domains.kpis.sources.history_files import entries_of
from ingestion_pipeline.domains.kpis.sources.history_lines import Lines
from ingestion_pipeline.domains.kpis.sources.history_storable import Storable
from ingestion_pipeline.foundation.errors import ContractError

A, B = {"kpiId": "a", "n": 1}, {"kpiId": "b", "n": {"m": [1, {"x": None}]}}
_CSV = b"timestamp,value,kpiId\n2026-01-01T00:00Z,1,a\n"


def _found(content: bytes) -> list[tuple[str, Any]]:
    """Each place with its value, or with the beginning of what is wrong with it."""
    return [(e.place, e.fault or e.value) for e in entries_of(io.BytesIO(content))]


def _values(content: bytes) -> list[Any]:
    return [value for _, value in _found(content)]


def _refusal(content: bytes) -> str:
    with pytest.raises(ContractError) as refused:
        list(entries_of(io.BytesIO(content)))
    return str(refused.value)


@pytest.mark.parametrize(
    "pack",
    [lambda c: c, gzip.compress, zstd.compress, lambda c: gzip.compress(gzip.compress(c)),
     lambda c: gzip.compress(c[:9]) + gzip.compress(c[9:]), lambda c: b"\xef\xbb\xbf" + c,
     lambda c: c.decode().encode("utf-16"), lambda c: c.replace(b"\n", b"\r"),
     lambda c: c.replace(b"\n", b"\r\n")],
    ids=["plain", "gzip", "zstd", "gzip twice", "members", "mark", "UTF-16", "CR", "CRLF"],
)  # fmt: skip
@pytest.mark.parametrize(
    "content",
    [json.dumps([A, B]).encode(), json.dumps([A, B], indent=1).encode(),
     json.dumps(A).encode() + b"\n" + json.dumps(B).encode() + b"\n",
     json.dumps(A, indent=1).encode() + b"\n" + json.dumps(B, indent=1).encode()],
    ids=["array", "laid out", "NDJSON", "objects laid out"],
)  # fmt: skip
def test_the_first_bytes_say_what_a_file_is(content: bytes, pack: Any) -> None:
    assert _values(pack(content)) == [A, B]


@pytest.mark.parametrize(
    "content",
    [b'{"a":1,"a":2}\n{"b":1}\n', b'[{"a":1,"a":2},{"b":1}]', b'{"b":1}\n{"x":{"a":1,"a":2}}\n',
     b'[{"b":1},{"x":[{"a":1,"a":2}]}]', b'{"b":1}\n\n{\n"a":1,\n"a":2}',
     b'{"b":1}\n{"key":"package:t:k","value":"{\\"a\\":1,\\"a\\":2}"}'],
)  # fmt: skip
def test_a_key_that_is_there_twice_costs_its_reading(content: bytes) -> None:
    values = _values(content)
    assert {"b": 1} in values
    others = [value for value in values if value != {"b": 1}]
    assert others
    assert any("a: is there twice" in str(other) or "must be one JSON" in other for other in others)


def test_a_document_that_a_dump_has_twice_is_no_document() -> None:
    found = _found(b'{"timeseries:a":{"kpiId":"a"},"timeseries:a":{"kpiId":"b"}}')
    assert found[1] == ("timeseries:a", "timeseries:a: is there twice in one JSON object")


def test_a_damaged_first_line_costs_only_itself() -> None:
    [damaged, whole] = _found(b'{"kpiId": "a", "n"\n' + json.dumps(B).encode())
    assert damaged[0] == "line 1"
    assert damaged[1].startswith("must be one JSON object")
    assert whole == ("line 2", B)


def test_marks_in_the_middle_cost_nothing() -> None:
    one = json.dumps(A).encode() + b"\n"
    assert _values(b"\xef\xbb\xbf" + one + b"\xef\xbb\xbf" + one + b"\x1e" + one) == [A, A, A]
    assert len(_values(_CSV + b"\xef\xbb\xbf" + _CSV)) == 2


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
def test_the_delimiter_is_the_one_under_which_the_header_names_columns(delimiter: bytes) -> None:
    header = b"timestamp,value,kpiId".replace(b",", delimiter) + delimiter + b'"x, y; z| a"'
    row = b"2026-01-01T00:00Z,1,a,z".replace(b",", delimiter)
    [reading] = _values(header + b"\n" + row)
    assert reading == {
        "timestamp": "2026-01-01T00:00Z", "kpiId": "a", "data": {"value": "1", "x, y; z| a": "z"}
    }  # fmt: skip


def test_a_header_that_comes_again_holds_from_there_on() -> None:
    again = b"value;kpiId;timestamp\n2;b;2026-01-02T00:00Z\n"
    first, second = _values(_CSV + again)
    assert (first["kpiId"], first["data"]) == ("a", {"value": "1"})
    assert (second["kpiId"], second["timestamp"]) == ("b", "2026-01-02T00:00Z")
    assert second["data"] == {"value": "2"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (b"2026-01-01T00:00Z,1", "must have 3 values, got 2"),
        (b"2026-01-01T00:00Z,1,a,b", "must have at most 3 values, got 4"),
        (b'2026-01-01T00:00Z,"1,a', "must be a CSV record in UTF-8: unexpected end of data"),
        (b"2026-01-01T00:00Z,\xfc,a", "must be a CSV record in UTF-8: 'utf-8' codec"),
    ],
)
def test_a_row_that_is_none_costs_only_itself(row: bytes, fault: str) -> None:
    before, refused, after = _found(_CSV + row + b"\n" + _CSV.splitlines()[1])
    assert before[1] == after[1]
    assert refused[0] == "line 3"
    assert refused[1].startswith(fault)


def test_columns_without_a_name_may_be_empty_only() -> None:
    header = b"timestamp,value,,\n"
    row, fault = _values(header + b"2026-01-01T00:00Z,1,,\n2026-01-01T00:00Z,1,,x\n")
    assert row == {"timestamp": "2026-01-01T00:00Z", "data": {"value": "1"}}
    assert fault == "must have no value in a column without a name"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xef\xbb\xbf", "empty"), (gzip.compress(b"", mtime=0), "holds nothing"),
        (b"%PDF-1.7", "a PDF"), (b"<!DOCTYPE html>", "a web page"), (b"{\x00\x22\x00", "UTF-16"),
        (b"PK\x03\x04 xl/workbook.xml", "an Excel workbook"), (b"time;note\n", "the columns value"),
        (json.dumps([A, B]).encode()[:-3], "breaks off"), (b'{"a": 1} x', "no JSON from some"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_them_gets_one_sentence(content: bytes, words: str) -> None:
    refusal = _refusal(content)
    assert words in refusal
    assert len(refusal) < 300


def test_a_number_of_five_thousand_digits_is_no_traceback() -> None:
    assert "more than 4,300 digits" in _refusal(b'[{"n":' + b"9" * 5_000 + b"}]")


def test_what_precedes_the_damage_of_an_archive_is_read() -> None:
    lines = b"".join(json.dumps({"kpiId": "a", "n": n}).encode() + b"\n" for n in range(50_000))
    read: list[Any] = []
    entries = entries_of(io.BytesIO(gzip.compress(lines)[:-20]))
    with pytest.raises(ContractError, match="damaged, or breaks off"):
        read.extend(entry.value for entry in entries)
    assert len(read) > 40_000
    assert read == [{"kpiId": "a", "n": n} for n in range(len(read))]


@pytest.mark.parametrize("form", [b'[{"n":%s}]', b'{"n":%s}\n', b'{"n":%s}\n{"n":1}\n'])
@pytest.mark.parametrize(
    ("text", "number"),
    [(b"9007199254740993.0", 2**53 + 1), (b"9007199254740993", 2**53 + 1), (b"12.50", 12.5),
     (b"1e23", 1e23), (b"9007199254740992.000", 2**53), (b"9.007199254740993e15", 2**53 + 1)],
)  # fmt: skip
def test_a_whole_number_stays_whole(form: bytes, text: bytes, number: float) -> None:
    assert _values(form % text)[0] == {"n": number}


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b" ", b"\xef\xbb\xbf"]), max_size=30),
       st.integers(1, 5))  # fmt: skip
def test_lines_are_the_same_however_the_stream_is_cut(parts: list[bytes], size: int) -> None:
    content = b"".join(parts)

    class Cut(io.BytesIO):
        def read1(self, _: int | None = -1, /) -> bytes:
            return super().read1(size)

    expected = [
        (number, line.lstrip(b"\xef\xbb\xbf"))
        for number, line in enumerate(content.splitlines(), 1)
        if line.lstrip(b"\xef\xbb\xbf").strip()
    ]
    assert list(Lines(Cut(content)).numbered()) == expected  # type: ignore[arg-type]


HALF_AND_NO_UTF_8 = [
    rb"\ud800",
    rb"\udc00x",
    rb"\ud800\u0041",
    rb"\\\ud83d",
    b"caf\xe9",
    b"\xed\xa0\x80",
]
WHOLE = [rb"\ud83d\ude00", rb"\\ud800", rb"\\", rb"\"\\", "é😀".encode()]


@pytest.mark.parametrize("text", HALF_AND_NO_UTF_8)
def test_half_a_surrogate_pair_in_an_array_became_a_question_mark(text: bytes) -> None:
    content = b'[{"a":"%s"},{"%s":1},{"b":1}]' % (text, text)
    first, second, third = _values(content)
    assert [bool(storable_faults(each, "data")) for each in (first, second)] == [True, True]
    assert third == {"b": 1}
    lines = content[1:-1].replace(b"},", b"}\n")
    assert [bool(each.fault) for each in entries_of(io.BytesIO(lines))] == [True, True, False]


@given(
    st.lists(st.sampled_from([*HALF_AND_NO_UTF_8, *WHOLE, b"x" * 13]), max_size=9),
    st.integers(1, 20),
)
def test_what_no_text_can_hold_is_told_however_the_stream_is_cut(
    parts: list[bytes], size: int
) -> None:
    stream = io.BytesIO(b'"' + b" ".join(parts) + b'"')

    class Cut(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            return stream.read(size)

    pieces = iter(Storable(Cut()).read, b"")
    text = json.loads(b"".join(pieces))
    assert ("\0" in text) == any(part in HALF_AND_NO_UTF_8 for part in parts)
    if "\0" not in text:
        assert text == json.loads(stream.getvalue())


def test_a_document_whose_text_is_no_json_was_said_to_be_no_object() -> None:
    line = json.dumps({"key": "package:t:k", "value": r'{"a":"\ud800"}'}).encode()
    [(place, fault)] = _found(b"[" + line + b"]")
    assert place == "entry 0, package:t:k"
    assert "half a surrogate pair" in fault
