"""Compressed bodies and forms, however they are cut: the same bytes come out, or a refusal."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.files.encodings import file_part, gunzipped, plain

BOUNDARY = b"b-7"
# What looks like the end of a part, and is not.
ALMOST = [b"\r\n--b-7"[:n] for n in range(1, 7)] + [b"\r\n--b-8--", b"--b-7--", b"\r", b"\n", b"x"]
contents = (
    st.lists(st.sampled_from(ALMOST), max_size=12)
    .map(b"".join)
    .filter(lambda content: b"\r\n--b-7" not in content)
)
cuts = st.lists(st.integers(1, 400), max_size=8)


async def cut(body: bytes, at: list[int]) -> AsyncIterator[bytes]:
    for first, last in pairwise([0, *sorted(n for n in at if n < len(body)), len(body)]):
        yield body[first:last]


async def _all(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def form(content: bytes) -> bytes:
    return (
        b'--b-7\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--b-7\r\ncontent-disposition: form-data; name="file"; filename="orders_1.csv"\r\n\r\n'
        + content
        + b'\r\n--b-7\r\nContent-Disposition: form-data; name="z"\r\n\r\n2\r\n--b-7--\r\n'
    )


def file_in(body: bytes, at: list[int]) -> tuple[str, bytes]:
    async def read() -> tuple[str, bytes]:
        part = await file_part(cut(body, at), BOUNDARY)
        return part.file_name, await _all(part.content)

    return asyncio.run(read())


@given(content=contents, at=cuts)
def test_a_form_s_file_comes_out_however_the_form_is_cut(content: bytes, at: list[int]) -> None:
    assert file_in(form(content), at) == ("orders_1.csv", content)


@given(content=contents, at=cuts, data=st.data())
def test_a_form_that_breaks_off_anywhere_is_refused(
    content: bytes, at: list[int], data: st.DataObject
) -> None:
    whole = form(content).removesuffix(b"--\r\n")
    body = whole[: data.draw(st.integers(0, len(whole)))]
    with pytest.raises(Refusal) as refused:
        file_in(body, at)
    assert refused.value.status_code == 400


@given(contents=st.lists(st.binary(max_size=3_000), min_size=1, max_size=3), at=cuts)
def test_gzip_is_undone_however_it_is_cut(contents: list[bytes], at: list[int]) -> None:
    packed = b"".join(gzip.compress(content) for content in contents)
    assert asyncio.run(_all(gunzipped(cut(packed, at)))) == b"".join(contents)


@given(content=st.binary(max_size=3_000), at=cuts, data=st.data())
def test_gzip_that_breaks_off_anywhere_is_refused(
    content: bytes, at: list[int], data: st.DataObject
) -> None:
    packed = gzip.compress(content)
    body = packed[: data.draw(st.integers(1, len(packed) - 1))]
    with pytest.raises(Refusal):
        asyncio.run(_all(gunzipped(cut(body, at))))


@given(content=st.binary(max_size=300), at=cuts)
def test_what_is_announced_as_gzip_and_is_none_stays_as_it_is(
    content: bytes, at: list[int]
) -> None:
    assume(not content.startswith(b"\x1f\x8b"))
    assert asyncio.run(_all(plain(cut(content, at), ratio=250))) == content
    packed = gzip.compress(content)
    assert asyncio.run(_all(plain(cut(packed, at), ratio=250))) == content
    assert asyncio.run(_all(gunzipped(cut(packed + bytes(512), at)))) == content


def test_a_bomb_is_stopped_before_it_fills_the_disk() -> None:
    came = [0]

    async def unpack() -> None:
        async for piece in plain(cut(gzip.compress(bytes(50_000_000)), []), ratio=250):
            came[0] += len(piece)

    with pytest.raises(Refusal) as refused:
        asyncio.run(unpack())
    assert refused.value.status_code == 413
    assert came[0] < 15_000_000


def test_what_is_much_larger_than_it_was_packed_comes_in_small_pieces() -> None:
    async def largest() -> tuple[int, int]:
        sizes = [len(piece) async for piece in gunzipped(cut(gzip.compress(bytes(50_000_000)), []))]
        return max(sizes), sum(sizes)

    assert asyncio.run(largest()) == (1024 * 1024, 50_000_000)
