"""What bytes are that a file begins with: how they are packed or encoded, or that they are no text.

Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures; zstd: RFC 8878, 3.1.
"""

import codecs

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte of 0x50 to 0x5f
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive; unpack it and send the files in it"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a part of a zip archive; unpack it and send the files in it"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls); save it as CSV"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text with formatting (RTF)"),
    (b"BZh", "compressed with bzip2; send it plain, or with gzip or zstd"),
    (b"\xfd7zXZ\x00", "compressed with xz; send it plain, or with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4; send it plain, or with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it and send the files in it"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it and send the files in it"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1\x00", "an Arrow file (Feather)"),
    (b"\x1f\x9d", "compressed with compress (.Z); send it plain, or with gzip or zstd"),
    (b"LZIP\x01", "compressed with lzip; send it plain, or with gzip or zstd"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file that it stands for"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_IN_ZIPS = (
    (b"xl/", "an Excel workbook; save it as CSV"),
    (b"[Content_Types].xml", "an Office document (a workbook?); save it as CSV"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file; save it as CSV"),
)
_PAGES = (b"<!--", b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<table")
_TAR = (257, b"ustar")  # where, and what
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b\x1e"))
_HIGH = bytes(range(128, 256))
_SAMPLE_BYTES = 256


def other_kind(head: bytes) -> str | None:
    """What a file that begins so is, in words, when it holds no lines of text; None if it may.

    Args:
        head: its first bytes, 4 KiB if it has so many.
    """
    for signature, words in _OTHERS:
        if head.startswith(signature):
            if signature == b"PK\x03\x04":
                return next((said for part, said in _IN_ZIPS if part in head), words)
            return words
    if head[_TAR[0] :].startswith(_TAR[1]):
        return "a tar archive; unpack it and send the files in it"
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith(_PAGES):
        return "a web page (HTML): was the download an error page, or a sign-in?"
    if text.startswith(b"<"):
        return "XML"
    if text.startswith(b"%pdf"):
        return "a PDF"
    first = [bool(byte) for byte in head[:4]]
    if first in ([True, False, True, False], [False, True, False, True]):
        return "UTF-16 without a byte-order mark; save it as UTF-8"
    if first in ([True, False, False, False], [False, False, False, True]):
        return "UTF-32 without a byte-order mark; save it as UTF-8"
    return "binary data, no text" if _is_binary(head) else None


def _is_binary(head: bytes) -> bool:
    """Whether the first line has control characters, and the beginning far more than a text that is
    damaged here and there.
    """
    first = head.splitlines()[:1]
    if not first or len(first[0].translate(None, _CONTROLS)) == len(first[0]):
        return False
    end = head.find(b"\n", _SAMPLE_BYTES)
    sample = head if end < 0 else head[:end]
    size = len(sample)
    controls, high = (size - len(sample.translate(None, which)) for which in (_CONTROLS, _HIGH))
    return controls > 0.3 * size or (controls > 0.03 * size and high > 0.2 * size)


def packing_of(head: bytes) -> str | None:
    """`gzip`, `zstd`, or None where the bytes are not compressed with one of them."""
    if head.startswith(_GZIP):
        return "gzip"
    skippable = head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F
    return "zstd" if head.startswith(_ZSTD) or skippable else None


def encoding_of(head: bytes) -> str | None:
    """The encoding that a byte-order mark names, but UTF-8's; None where there is none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)
