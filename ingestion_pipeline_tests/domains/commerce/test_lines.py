"""Bytes → lines: however the bytes are cut and packed, the lines are those of a naive split."""

import gzip
import io
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.contract.entities import MAXIMUM_LINE_BYTES
from ingestion_pipeline.domains.commerce.sources import lines as module
from ingestion_pipeline.domains.commerce.sources.lines import Block, UnusableLine, blocks_of_lines
from ingestion_pipeline.foundation.storage.file_kinds import opened
from ingestion_pipeline.foundation.storage.file_signatures import (
    encoding_of,
    other_kind,
    packing_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MARK = b"\xef\xbb\xbf"
PACKED = {".ndjson": bytes, ".ndjson.gz": gzip.compress, ".ndjson.zst": zstd.compress}


class _Pieces(io.RawIOBase):
    """A source that gives at most so many bytes at a time, as a network does."""

    def __init__(self, content: bytes, at_most: int) -> None:
        self._content = io.BytesIO(content)
        self._at_most = at_most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._content.read(min(self._at_most, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def _read(content: bytes) -> list[bytes]:
    return _flat(blocks_of_lines(opened(io.BytesIO(content))))


def _flat(blocks: Iterator[Block]) -> list[bytes]:
    """The lines of blocks; blank ones that are only counted are empty."""
    return [
        line for block in blocks for line in (block if isinstance(block, list) else [b""] * block)
    ]


def _naive(content: bytes) -> list[bytes]:
    """Lines as Python's universal newlines have them, without marks, white space or separators."""
    return [
        re.sub(rb"^(\xef\xbb\xbf|\x1e)+", b"", line).strip(b" \t\r")
        for line in content.splitlines()
    ]


contents = st.one_of(
    st.binary(max_size=300),
    st.text("a\n\r\x00é", max_size=200).map(str.encode),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"{}", b"x" * 50, MARK]), max_size=60).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(
    content=contents,
    ending=st.sampled_from(list(PACKED)),
    at_most=st.integers(1, 64),
    block_bytes=st.sampled_from([3, 16, 1024]),
)
def test_any_bytes_in_any_pieces_give_the_lines_of_a_naive_split(
    content: bytes, ending: str, at_most: int, block_bytes: int
) -> None:
    assume(content and not content.isspace() and not other_kind(content))
    assume(not packing_of(content) and not encoding_of(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_BYTES", block_bytes)
        file = io.BufferedReader(_Pieces(PACKED[ending](content), at_most))
        read = _flat(blocks_of_lines(opened(file)))
    assert [line.strip(b" \t\r") for line in read] == _naive(content)


@settings(max_examples=150, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), max_size=20),
    last_newline=st.booleans(),
    block_bytes=st.integers(1, 50),
)
def test_lines_over_the_limit_are_unusable_at_their_place_and_no_others(
    lengths: list[int], last_newline: bool, block_bytes: int
) -> None:
    content = b"\n".join(b"x" * length for length in lengths) + b"\n" * last_newline
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_BYTES", block_bytes)
        patch.setattr(module, "MAXIMUM_LINE_BYTES", 20)
        patch.setattr(module, "_KEPT_BYTES", 5)
        read = _flat(blocks_of_lines(io.BufferedReader(io.BytesIO(content))))
    expected = _naive(content)
    assert len(read) == len(expected)
    for got, line in zip(read, expected, strict=True):
        if len(line) > 20:
            assert isinstance(got, UnusableLine)
            assert got.content == line[:5]
            assert got.rule == "must be at most 1 MiB long"
        else:
            assert got == line


def test_the_limit_is_exact() -> None:
    longest = b"x" * MAXIMUM_LINE_BYTES
    read = _read(longest + b"\n" + longest + b"y\nok\n" + longest)
    assert [isinstance(line, UnusableLine) for line in read] == [False, True, False, False]
    assert read[2] == b"ok"


def test_a_line_that_never_ends_does_not_fill_the_memory() -> None:
    class Endless(io.RawIOBase):
        left = 200

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    import tracemalloc

    tracemalloc.start()
    read = _flat(blocks_of_lines(opened(Endless())))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(line) for line in read] == [UnusableLine]
    assert peak < 12 * 1024 * 1024


def test_a_mark_goes_wherever_a_file_was_appended_to_another() -> None:
    """The first row of the second file was lost."""
    assert _read(MARK + b"a\n" + MARK + b"b\n") == [b"a", b"b"]
    assert _read(b"x" + MARK + b"\n") == [b"x" + MARK]


def test_members_of_an_archive_are_read_one_after_the_other() -> None:
    halves = [b'{"a": 1}\n{"b"', b": 2}\n"]
    for pack in (gzip.compress, zstd.compress):
        packed = b"".join(map(pack, halves))
        assert _read(packed) == [b'{"a": 1}', b'{"b": 2}']


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_archive_keeps_its_good_lines_and_ends_in_one_unusable(
    pack: Callable[[bytes], bytes], share: float
) -> None:
    import random

    chance = random.Random(1)
    content = b"".join(b"%d %d\n" % (n, chance.getrandbits(64)) for n in range(60_000))
    packed = pack(content)
    read = _read(packed[: int(len(packed) * share)])
    whole = _naive(content)
    assert isinstance(read[-1], UnusableLine)
    assert read[-1].rule.startswith("the file is damaged from here on")
    assert read[:-1] == whole[: len(read) - 1]
    assert len(read) - 1 > len(whole) * (share - 0.3)


def test_a_gzip_whose_checksum_is_wrong_keeps_its_lines_and_says_so() -> None:
    packed = bytearray(gzip.compress(b"a\nb\n"))
    packed[-8] ^= 0xFF
    *good, last = _read(bytes(packed))
    assert good == [b"a", b"b"]
    assert isinstance(last, UnusableLine)


def test_an_unusable_line_is_never_json() -> None:
    line = UnusableLine(b'{"a": 1}', "must be shorter")
    assert line.content == b'{"a": 1}'
    assert bytes(line) != line.content
