"""Whatever a file's form, what is damaged in it, and how it is cut: every line is accounted for."""

import gzip
import io
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingestion_pipeline.domains.commerce.contract.entities import CUSTOMERS, ORDER_ITEMS, Entity
from ingestion_pipeline.domains.commerce.land.packed import RowPacker
from ingestion_pipeline.domains.commerce.land.rows import Rejection, RowParser
from ingestion_pipeline.domains.commerce.land.stage import _packed
from ingestion_pipeline.domains.commerce.sources import documents
from ingestion_pipeline.domains.commerce.sources import lines as lines_module
from ingestion_pipeline.domains.commerce.sources.reading import numbered_lines
from ingestion_pipeline.foundation.storage.file_kinds import Limits, WrongFileError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEADER = "customer_id,name,email,metadata,created_at"
MARK = b"\xef\xbb\xbf"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-9000-{number:012d}"


def cells(number: int) -> str:
    return f"{uuid(number)},N{number},c{number}@example.org,{{}},2024-01-01T00:00:00Z"


def document(number: int) -> dict[str, Any]:
    return {
        "customer_id": uuid(number),
        "name": f"N{number}",
        "email": f"c{number}@example.org",
        "metadata": {},
        "created_at": "2024-01-01T00:00:00Z",
    }


def text(number: int) -> str:
    return json.dumps(document(number))


@dataclass
class Read:
    """What reading a file came to."""

    lines: int = 0
    blank: int = 0
    preamble: int = 0
    staged: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        return self.lines, self.blank, self.preamble, len(self.rejections), self.staged

    @property
    def rules(self) -> list[tuple[int, str]]:
        return [(each.line_number, each.reasons[0]["rule"]) for each in self.rejections]


READERS = {
    entity.name: (RowPacker(entity, 1, 1), RowParser(entity, 1, 1))
    for entity in (CUSTOMERS, ORDER_ITEMS)
}


def read(content: bytes, name: str, entity: Entity = CUSTOMERS, **limits: int) -> Read:
    """Read a file as a load does, but for the database."""
    packer, parser = READERS[entity.name]
    found = Read()
    expected = 1
    blocks = numbered_lines(io.BytesIO(content), name, entity, limits=Limits(**limits))
    for block, first in blocks:
        assert first == expected
        number = block if isinstance(block, int) else len(block)
        expected += number
        found.lines += number
        if isinstance(block, int):
            found.blank += block
            continue
        packed, blank = _packed(packer, block, first)
        found.blank += blank
        parsed = parser.parse_numbered(packed.left)
        found.blank += parsed.blank
        found.preamble += parsed.preamble
        found.rejections += parsed.rejections
        found.staged += len(block) - blank - len(packed.left) + len(parsed.rows)
    assert found.lines == (found.blank + found.preamble + len(found.rejections) + found.staged), (
        "a line is not accounted for"
    )
    return found


# --- the property ------------------------------------------------------------------------------

ENDS = ("\n", "\r\n", "\r")


class RandomFile:
    """A file of random pieces, with what must come out of it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.is_csv = self.chance.random() < 0.6
        self.physical = 0
        self.good = 0
        self.at_most_staged = 0
        self._pieces: list[str] = []
        self._end = self.chance.choice(ENDS)
        if self.is_csv:
            if self.chance.random() < 0.1:
                self._line("sep=,")
            self._line(HEADER)
        for number in range(self.chance.randint(0, 14)):
            self._add(number)
        if self._pieces and self.chance.random() < 0.3:
            self._pieces[-1] = self._pieces[-1].rstrip("\r\n")  # the last line has no end
        content = "".join(self._pieces).encode()
        self.physical = len(content.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        self.physical -= content.endswith((b"\n", b"\r")) or not content
        self.name = "customers." + ("csv" if self.is_csv else "ndjson")
        self.content = self._packed(content)

    def _line(self, line: str) -> None:
        end = self._end if self.chance.random() < 0.9 else self.chance.choice(ENDS)
        if end == "\n" and self._pieces and self._pieces[-1].endswith("\r") and not line:
            end = "\r\n"  # or the two would be one end
        self._pieces.append(line + end)

    def _add(self, number: int) -> None:
        kind = self.chance.choice(
            ["good"] * 5 + ["blank", "junk", "open", "stray", "mark", "several", "closed"]
        )
        good = cells(number) if self.is_csv else text(number)
        if kind in ("good", "mark"):
            self.good += 1
            self._line(("\ufeff" if kind == "mark" else "") + good)
        elif kind == "blank":
            self._line(self.chance.choice(["", "   "]))
        elif kind == "junk":
            self._line(self.chance.choice(["x", "{", "}", "1,2", "\x00", "]", "é" * 9]))
        elif kind == "open":  # a quote that is never closed
            self._line(good.replace("N", '"N', 1))
        elif kind == "stray":
            self._line(good.replace("N", 'N"', 1))
        elif kind == "several" and self.is_csv:  # a row of three lines
            self._line(good.replace(f"N{number}", f'"N{number}\nof two\nlines"'))
        elif kind == "closed" and self.is_csv:
            self.good += 1
            self._line(good.replace(f"N{number}", f'"N""{number}"'))

    def _packed(self, content: bytes) -> bytes:
        half = self.chance.randint(0, len(content))
        match self.chance.randint(0, 5):
            case 0 if content:
                return gzip.compress(content[:half]) + gzip.compress(content[half:])
            case 1 if content:
                return zstd.compress(content[:half]) + zstd.compress(content[half:])
            case 2 if content:
                return gzip.compress(gzip.compress(content))
            case 3:
                return MARK + content
            case 4 if content and "\x00" not in content.decode():
                return content.decode().encode("utf-16")
        return content


def test_of_ten_thousand_random_files_every_line_is_accounted_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(0)
    for seed in range(10_000):
        made = RandomFile(seed)
        monkeypatch.setattr(lines_module, "_BLOCK_BYTES", chance.choice([7, 64, 500, 2**20]))
        try:
            found = read(made.content, made.name)
        except WrongFileError:
            assert not made.physical or "\x00" in repr(made.content) or not made.good, seed
            continue
        if found.lines != made.physical:  # a document's elements stand for lines
            assert not made.is_csv, seed
        assert found.staged >= made.good, f"seed {seed}: a good row was lost"


# --- quotes ------------------------------------------------------------------------------------


def csv_of(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return end.join([header, *rows, ""]).encode()


def test_a_quote_that_is_never_closed_costs_its_line_and_not_those_behind_it() -> None:
    rows = [cells(number) for number in range(1, 41)]
    rows[9] = rows[9].replace("N10", '"N10')
    found = read(csv_of(*rows), "customers.csv")
    assert found.sums == (41, 0, 1, 1, 39)
    assert found.rules == [(11, "quote opened in line 11 is never closed")]


@pytest.mark.parametrize("places", [[0], [39], [9, 19], [9, 10], list(range(0, 40, 3))])
def test_several_quotes_that_are_never_closed_cost_a_line_each(places: list[int]) -> None:
    rows = [cells(number) for number in range(1, 41)]
    for place in places:
        rows[place] = rows[place].replace(",N", ',"N')
    found = read(csv_of(*rows), "customers.csv")
    assert [number for number, _ in found.rules] == [place + 2 for place in places]
    assert found.staged == 40 - len(places)


def test_a_quote_that_a_later_row_closes_by_chance_takes_no_rows_along() -> None:
    rows = [cells(number) for number in range(1, 21)]
    rows[4] = rows[4].replace(",N5", ',"N5')
    rows[9] = rows[9].replace(",N10", ',N10"')
    found = read(csv_of(*rows), "customers.csv")
    assert found.staged >= 18
    assert (6, "quote opened in line 6 is never closed") in found.rules


def test_a_row_of_several_lines_stays_one_row_and_its_lines_are_counted() -> None:
    rows = [cells(1), cells(2).replace("N2", '"N2\r\nof\n\nfour lines"'), cells(3)]
    found = read(csv_of(*rows), "customers.csv")
    assert found.sums == (7, 0, 4, 0, 3)


def test_an_open_quote_before_more_lines_than_a_record_may_have_is_given_up() -> None:
    rows = [cells(1).replace("N1", '"N1'), *["x"] * 3_000, cells(2)]
    found = read(csv_of(*rows), "customers.csv")
    assert found.sums == (3_003, 0, 1, 3_001, 1)
    assert found.rules[0] == (2, "quote opened in line 2 is never closed")


# --- lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(end: str) -> None:
    """With CR alone the whole file was one line, and nothing of it came in."""
    assert read(csv_of(cells(1), cells(2), end=end), "customers.csv").sums == (3, 0, 1, 0, 2)
    ndjson = end.join(map(text, range(3))).encode()
    assert read(ndjson, "customers.ndjson").sums == (3, 0, 0, 0, 3)


def test_a_mark_in_the_middle_costs_no_row() -> None:
    content = (MARK + f"{text(1)}\n{text(2)}\n".encode()) * 2
    assert read(content, "customers.ndjson").sums == (4, 0, 0, 0, 4)


def test_a_header_that_comes_again_with_the_next_file_is_no_row_and_no_mistake() -> None:
    content = csv_of(cells(1)) + MARK + csv_of(cells(2))
    assert read(content, "customers.csv").sums == (4, 0, 2, 0, 2)


def test_the_header_of_an_appended_file_holds_for_its_rows() -> None:
    """Its columns in another order: names and e-mails would have changed places without a word."""
    header = "customer_id;Email;NAME;metadata;created_at"
    row = cells(2).replace("N2,c2@example.org", "c2@example.org,N2").replace(",", ";")
    content = csv_of(cells(1)) + MARK + csv_of(row, header=header)
    assert read(content, "customers.csv").sums == (4, 0, 2, 0, 2)
    blocks = list(numbered_lines(io.BytesIO(content), "customers.csv", CUSTOMERS))
    made = [json.loads(line) for block, _ in blocks for line in block if line.startswith(b"{")]  # type: ignore[union-attr]
    assert [(each["name"], each["email"]) for each in made] == [
        ("N1", "c1@example.org"), ("N2", "c2@example.org"),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 25, 27, 45])
def test_a_row_that_was_cut_off_is_none(cut: int) -> None:
    """The beginning of a row passed for one whose last columns are empty."""
    content = csv_of(cells(1), cells(2))
    found = read(content[:-cut], "customers.csv")
    assert found.sums == ((3, 0, 1, 0, 2) if cut == 1 else (3, 0, 1, 1, 1))
    if cut > 1:
        assert found.rules[0][1].startswith("must have 5 values, got ")


def test_records_of_a_json_text_sequence_are_read() -> None:
    content = "".join(f"\x1e{text(number)}\n" for number in range(2)).encode()
    assert read(content, "customers.ndjson").sums == (2, 0, 0, 0, 2)


@pytest.mark.parametrize("sign", ["\u2028", "\x0b", "\x0c", "\x85", "\x1c"])
def test_other_signs_end_no_line(sign: str) -> None:
    row = cells(1).replace("N1", f'"a{sign}b"')
    assert read(csv_of(row), "customers.csv").sums == (2, 0, 1, 0, 1)


def test_blank_lines_by_the_million_are_only_counted() -> None:
    """200 KB of them in an archive took nine minutes."""
    content = b"\n" * 10 * 2**20 + text(1).encode() + b"\n" + b" \r\n" * 2**20
    assert read(content, "customers.ndjson").sums == (11 * 2**20 + 1, 11 * 2**20, 0, 0, 1)
    content = csv_of(cells(1)) + b"\n" * 3 * 2**20 + cells(2).encode()
    assert read(content, "customers.csv").sums == (3 * 2**20 + 3, 3 * 2**20, 1, 0, 2)


# --- columns -----------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_says_the_delimiter_and_the_case_of_columns_does_not_matter(
    delimiter: str,
) -> None:
    header = "Customer_ID,Name, E-mail,Metadata,created at".replace(" E-mail", "EMAIL")
    content = csv_of(cells(1), header=header).replace(b",", delimiter.encode())
    assert read(content, "customers.csv").sums == (2, 0, 1, 0, 1)


def test_excels_own_first_line_is_preamble() -> None:
    content = b"sep=;\n" + csv_of(cells(1)).replace(b",", b";")
    assert read(content, "customers.csv").sums == (3, 0, 2, 0, 1)


@pytest.mark.parametrize("header", ["customer_id,name,email,name,created_at",
                                    "customer_id,name,email,NAME ,created_at",
                                    "customer_id,name,email,x,created_at,x"])  # fmt: skip
def test_a_column_that_is_there_twice_refuses_the_file_and_is_named(header: str) -> None:
    with pytest.raises(WrongFileError, match=r"the column (name|x) is there twice"):
        read(csv_of(cells(1), header=header), "customers.csv")


def test_columns_without_a_name_and_rows_without_a_value_are_nothing() -> None:
    content = csv_of(cells(1) + ",", ",,,,,", header=HEADER + ",")
    assert read(content, "customers.csv").sums == (3, 1, 1, 0, 1)


def test_blanks_behind_every_delimiter_are_no_part_of_the_values() -> None:
    content = csv_of(cells(1).replace(",", ", "), header=HEADER.replace(",", ", "))
    assert read(content, "customers.csv").sums == (2, 0, 1, 0, 1)


# --- what a file is ----------------------------------------------------------------------------


def test_the_first_bytes_say_what_a_file_is_whatever_its_name() -> None:
    ndjson, csv = f"{text(1)}\n{text(2)}\n".encode(), csv_of(cells(1), cells(2))
    for name in ("customers.ndjson", "customers.ndjson.gz", "customers.csv", "customers.csv.zst"):
        for packed in (ndjson, gzip.compress(ndjson), zstd.compress(ndjson),
                       gzip.compress(gzip.compress(ndjson)), ndjson.decode().encode("utf-16"),
                       gzip.compress(ndjson.decode().encode("utf-32"))):  # fmt: skip
            assert read(packed, name).sums == (2, 0, 0, 0, 2), name
        for packed in (csv, gzip.compress(csv), csv.decode().encode("utf-16")):
            assert read(packed, name).sums == (3, 0, 1, 0, 2), name


def _arrays() -> Iterator[str]:
    three = [document(number) for number in range(3)]
    yield json.dumps(three)
    yield json.dumps(three, indent=2)
    yield "[\n" + ",\n".join(map(json.dumps, three)) + "\n]\n"
    yield "\ufeff  " + json.dumps(three, indent="\t").replace("\n", "\r\n")
    yield "\n".join(json.dumps(each, indent=2) for each in three)
    yield json.dumps(three[:2], indent=1) + "\n" + json.dumps(three[2])


@pytest.mark.parametrize("content", list(_arrays()))
@pytest.mark.parametrize("block_bytes", [1, 50, 2**20])
def test_an_array_is_read_and_its_elements_are_lines(
    content: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "_BLOCK_BYTES", block_bytes)
    assert read(content.encode(), "customers.ndjson").sums == (3, 0, 0, 0, 3)


def test_a_damaged_element_costs_itself() -> None:
    three = json.dumps([document(number) for number in range(3)], indent=2)
    found = read(three.replace('"N1"', '"N1').encode(), "customers.ndjson")
    assert found.staged == 2
    assert found.rules[0] == (2, "has a text that is not closed within its line")


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("damaged", "rule"),
    [
        ('"metadata": {', "has a bracket that is never closed"),
        ('"metadata": {]', "has a bracket that is never closed"),
        ('"metadata": {}}', "must be one JSON object"),
        ('"metadata": "', None),
    ],
)
def test_what_one_element_does_not_close_takes_no_other_along(
    indent: int | None, damaged: str, rule: str | None
) -> None:
    """A brace that was missing swallowed all elements behind it, uncounted."""
    elements = [json.dumps(document(number), indent=indent) for number in range(5)]
    elements[1] = elements[1].replace('"metadata": {}', damaged)
    found = read(f"[{', '.join(elements)}]".encode(), "customers.ndjson")
    assert found.staged >= 4 - (rule is None and indent is None)
    assert len(found.rejections) >= 1
    assert rule is None or rule in [each for _, each in found.rules]


def test_an_element_without_its_last_brace_costs_itself() -> None:
    elements = [json.dumps(document(number)) for number in range(5)]
    elements[0], elements[3] = elements[0][:-1], elements[3][:-1]
    found = read(f"[{', '.join(elements)}]".encode(), "customers.ndjson")
    assert found.rules == [
        (1, "has a bracket that is never closed"), (4, "has a bracket that is never closed")
    ]  # fmt: skip
    assert found.staged == 3


def test_elements_that_are_never_closed_do_not_cost_the_square_of_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = 0
    monkeypatch.setattr(documents, "_MOST_AGAIN", 100_000)
    end = documents._Scanner._end

    def counted(scanner: documents._Scanner) -> int:
        nonlocal looked_at
        looked_at += len(scanner._buffer) - scanner._at
        return end(scanner)

    monkeypatch.setattr(documents._Scanner, "_end", counted)
    content = b"[" + b'{"a":{},\n' * 20_000
    read(content, "customers.ndjson")
    assert looked_at < 100_000 + 4 * len(content)


@pytest.mark.parametrize("between", ["", "\n", "\n\n", " , "])
def test_arrays_that_were_appended_are_read(between: str) -> None:
    first, second = ([document(number) for number in some] for some in ((0, 1), (2, 3, 4)))
    content = between.join(["[]", json.dumps(first), json.dumps(second, indent=1)])
    assert read(content.encode(), "customers.ndjson").sums == (5, 0, 0, 0, 5)


def test_objects_that_are_laid_out_from_their_first_key_on_are_read() -> None:
    laid_out = [json.dumps(document(number), indent=1).replace("{\n ", "{", 1) for number in (1, 2)]
    assert read("\n".join(laid_out).encode(), "customers.ndjson").sums == (2, 0, 0, 0, 2)


def test_a_first_line_that_breaks_off_behind_a_comma_costs_itself() -> None:
    content = f'{{"customer_id": "{uuid(1)}",\n{text(2)}\n{text(3)}\n'
    assert read(content.encode(), "customers.ndjson").sums == (3, 0, 0, 1, 2)


def test_a_wrong_checksum_is_said_to_be_about_what_precedes() -> None:
    packed = bytearray(gzip.compress(text(1).encode() + b"\n"))
    packed[-6] ^= 0xFF
    [(_, rule)] = read(bytes(packed), "customers.ndjson.gz").rules
    assert rule.startswith("the file is damaged from here on, and maybe before: CRC")
    [(_, rule)] = read(gzip.compress(text(1).encode()) + b"x", "customers.ndjson.gz").rules
    assert rule.startswith("the file is damaged from here on: Not a gzipped file")


def test_an_array_that_breaks_off_gives_what_came_and_says_so() -> None:
    three = json.dumps([document(number) for number in range(3)])
    found = read(three[:-20].encode(), "customers.ndjson")
    assert found.staged == 2
    assert len(found.rejections) == 2
    found = read(gzip.compress(three.encode())[:-12], "customers.ndjson.gz")
    assert "damaged from here on" in found.rules[-1][1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (gzip.compress(b"", mtime=0), "holds nothing"),
        (zstd.compress(b""), "holds nothing"),
        (b"PK\x03\x04....xl/workbook.xml", "Excel workbook"),
        (b"PK\x03\x04....customers.ndjson", "zip archive"),
        (gzip.compress(b"PK\x03\x04....customers.ndjson", mtime=0), "zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "web page"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"BZh91AY", "bzip2"),
        (text(1).encode("utf-16-le"), "UTF-16 without"),
        (text(1).encode("utf-32-le"), "UTF-32 without"),
        (text(1).encode("utf-32-be"), "UTF-32 without"),
        ("<html><body>".encode("utf-16"), "web page"),
        (b"<!-- made by -->\n<html>", "web page"),
        (b"\n%PDF-1.4", "a PDF"),
        (
            gzip.compress(gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), mtime=0),
            "packed more than 2 times",
        ),
        (b"customers.ndjson".ljust(257, b"\0") + b"ustar\x0000" + text(1).encode(), "tar archive"),
        (b"\0" * 5_000, "binary data"),
        (random.Random(1).randbytes(3_000), "binary data"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (MARK, "a byte-order mark"),
        (b"\xff\xfe", "a byte-order mark"),
        (json.dumps({"data": [document(1)]}).encode(), "rows under 'data'"),
        (json.dumps({"ok": True, "n": 1, "r": {"items": [document(1)]}}).encode(), "under 'items'"),
        (json.dumps({"customers": [document(1)]}, indent=2).encode(), "rows under 'customers'"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(WrongFileError, match=words):
        read(content, "customers.ndjson")


@pytest.mark.parametrize(
    "content",
    [b"\0\n" + text(1).encode(), text(1).encode() + b"\n" + b"\0" * 4_000,
     text(1).encode() + b"\n" + random.Random(1).randbytes(40).translate(None, b"\r\n")],
)  # fmt: skip
def test_bad_bytes_in_a_line_do_not_make_a_file_binary(content: bytes) -> None:
    found = read(content, "customers.ndjson")
    assert (found.staged, len(found.rejections)) == (1, 1)


@pytest.mark.parametrize(
    "row", [{"tags": [{"x": 1}]}, {"n": 1, "items": []}, {"a": {"b": [{"name": {}}]}, "c": [[]]}]
)
def test_a_row_may_hold_lists_of_objects(row: dict[str, Any]) -> None:
    found = read(json.dumps({**document(1), **row}).encode(), "customers.ndjson")
    assert found.sums == (1, 0, 0, 0, 1)


@pytest.mark.parametrize("content", [b"\n", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_a_csv_file_without_a_header_is_a_failed_transfer(content: bytes) -> None:
    with pytest.raises(WrongFileError):
        read(content, "customers.csv")


# --- bombs -------------------------------------------------------------------------------------


def _twice(content: bytes) -> bytes:
    return gzip.compress(zstd.compress(content))


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, _twice])
def test_what_unpacks_to_too_much_is_stopped(pack: Any) -> None:
    with pytest.raises(WrongFileError, match="250 times its size"):
        read(pack(b"x\n" * 400_000), "order_items.ndjson.gz", ORDER_ITEMS)
    with pytest.raises(WrongFileError, match="250 times its size"):
        read(pack(b"\n" * 10_000_000), "customers.ndjson.gz")
    with pytest.raises(WrongFileError, match="MAX_UNPACKED_BYTES"):
        read(pack(b"x\n" * 400_000), "customers.ndjson.gz", unpacked_bytes=500_000, ratio=10**9)
