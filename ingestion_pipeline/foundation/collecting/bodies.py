"""An answer's body → its records, exactly as they were written, and what else it says.

Numbers stay the texts that they are: a record is cut out of the body, not read and written anew.
"""

import csv
import io
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.http_api.words import Member
from ingestion_pipeline.foundation.repeated_keys import (
    RepeatedKeyError,
    require_unrepeated_with_way,
)

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_WRONG = (msgspec.DecodeError, ValueError, RecursionError)
_SHOWN = 100
_MARK = b"\xef\xbb\xbf"


class NotReadableError(ContractError):
    """A body is not what it should be; the next answer may be."""


class JsonBody:
    """A page of JSON."""

    def __init__(self, content: bytes) -> None:
        """Read a body.

        Raises:
            NotReadableError: it is no JSON, or breaks off.
        """
        self._raw = _sound(content.removeprefix(_MARK).strip())

    def records(self, at: Member, *, absent_is_empty: bool) -> list[bytes]:
        """The records of the list that stands there, each in one line.

        What is no object has a line all the same, which the mapping refuses: one bad record is no
        reason to lose the others.

        Raises:
            ContractError: there is no list.
        """
        raw = self.raw(at)
        if raw is None:
            if absent_is_empty:
                return []
            raise ContractError(
                f"the answer has no {at}, where its records should be (records): {self.excerpt()}"
            )
        if raw == b"null":  # as some write an empty list
            return []
        if raw[:1] != b"[":
            raise ContractError(f"{at} of the answer is no list (records): {_cut(raw)}")
        items = [_one_line(bytes(each)) for each in _ITEMS.decode(raw)]
        if items and not any(each[:1] == b"{" for each in items):
            raise ContractError(
                f"{at} of the answer is a list, and holds no objects (records): {_cut(raw)}"
            )
        return [each if each[:1] == b"{" else b'{"no object":' + each + b"}" for each in items]

    def require_unrepeated(self, records: Member) -> None:
        """What stands around the records says everything once: of two cursors either may be meant.

        A record that has a key twice is the mapping's to refuse, and costs nothing but itself.

        Raises:
            ContractError: a key is there twice.
        """
        if not records.parts:  # then nothing stands around them
            return
        inside, around = self.raw(records), self._raw
        if inside is not None and inside[:1] == b"[" and b'"' in inside:
            around = around.replace(inside, b"[]")
        try:
            require_unrepeated_with_way(around.decode(errors="surrogateescape"))
        except RepeatedKeyError as error:
            raise ContractError(
                f"the answer says '{'.'.join(error.way)}' twice, and either may be meant: "
                f"{self.excerpt()}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise NotReadableError(f"the answer is no JSON that can be read: {error}") from None

    def raw(self, at: Member) -> bytes | None:
        """What stands at a place, as it is written; None: there is no such place."""
        raw = self._raw
        for part in at.parts:
            found = _child(raw, part)
            if found is None:
                return None
            raw = found
        return raw

    def members(self, at: Member) -> dict[str, bytes]:
        """What an object that stands there holds, as it is written; nothing, where none does."""
        raw = self.raw(at)
        if raw is None or raw[:1] != b"{":
            return {}
        try:
            return {name: bytes(each) for name, each in _MEMBERS.decode(raw).items()}
        except _WRONG as error:
            raise NotReadableError(f"the answer has names that are no text: {error}") from None

    def text(self, at: Member) -> str | None:
        """A text, or a number as it is written; None: nothing is there.

        Raises:
            ContractError: it is a list or an object.
        """
        raw = self.raw(at)
        if raw is None or raw == b"null":
            return None
        if raw[:1] == b'"':
            try:
                return _TEXT.decode(raw)
            except _WRONG as error:
                raise ContractError(f"{at} of the answer is no text: {error}") from None
        if raw[:1] in b"[{":
            raise ContractError(f"{at} of the answer is neither text nor number: {_cut(raw)}")
        return raw.decode()

    def excerpt(self) -> str:
        """Its beginning."""
        return _cut(self._raw)


class CsvBody:
    """A page of CSV: its header, and its rows as they are written."""

    def __init__(self, content: bytes, *, encoding: str, delimiter: str, quote: str | None) -> None:
        """Read a body.

        Raises:
            NotReadableError: it is no text of that encoding, or a web page.
        """
        try:
            text = content.decode("utf-8-sig" if content.startswith(_MARK) else encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise NotReadableError(f"the answer is no text in {encoding}: {error}") from None
        if text.lstrip()[:1] in ("<", "{"):
            raise NotReadableError(f"the answer is no CSV; it begins with {_cut(text.encode())}")
        self.text = text
        lines = io.StringIO(text, newline="")
        self._rows = (
            csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            if quote is None
            else csv.reader(lines, delimiter=delimiter, quotechar=quote)
        )

    def header(self) -> list[str]:
        """The cells of the first row that says anything."""
        return next((row for row in self._filled()), [])

    def count(self) -> int:
        """Rows below the header."""
        return sum(1 for _ in self._filled())

    def _filled(self) -> Iterator[list[str]]:
        try:
            for row in self._rows:
                if any(cell.strip() for cell in row):
                    yield row
        except csv.Error as error:
            raise NotReadableError(f"the answer is no CSV: {error}") from None


def _child(raw: bytes, part: str) -> bytes | None:
    found: msgspec.Raw | None = None
    try:
        if raw[:1] == b"{":
            found = _MEMBERS.decode(raw).get(part)
        elif raw[:1] == b"[" and part.isascii() and part.isdigit():
            items = _ITEMS.decode(raw)
            found = items[int(part)] if int(part) < len(items) else None
    except _WRONG as error:
        raise NotReadableError(f"the answer has names that are no text: {error}") from None
    return None if found is None else bytes(found).strip()


def _sound(content: bytes) -> bytes:
    """JSON that can be cut into pieces.

    What Python reads as JSON and is none (`NaN`, half a surrogate pair) stands in answers all the
    same. It stays the text that it is, for the mapping to refuse the one record that has it.
    """
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except _WRONG as error:
        return _lenient(content, str(error))
    return content


def _lenient(content: bytes, fault: str) -> bytes:
    mark = secrets.token_hex(8)  # around numbers, so that they can be told from texts again

    def number(text: str) -> str:
        return f"{mark}{text}{mark}"

    try:
        read = json.loads(
            content, parse_float=number, parse_int=number, parse_constant=str,
            object_pairs_hook=_members_of,
        )  # fmt: skip
        written = json.dumps(read, ensure_ascii=False)
        plain = re.sub(f'"{mark}([^"]*){mark}"', r"\1", written)
        sound = plain.encode(errors="surrogatepass")
        msgspec.json.decode(sound, type=msgspec.Raw)
    except _WRONG:
        raise NotReadableError(
            f"the answer is no JSON ({fault}); it begins with {_cut(content)}"
        ) from None
    return sound


class _Repeating(dict[str, Any]):
    """An object that has a key twice, for `json.dumps` to write as it was."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def items(self) -> Any:
        """Every member."""
        return list(self._pairs)


def _members_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """All of an object's members: the last of two with one name is not to win unseen."""
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _Repeating(pairs)


def _one_line(raw: bytes) -> bytes:
    if b"\n" in raw or b"\r" in raw:
        return bytes(msgspec.json.format(raw, indent=-1))
    return raw


def _cut(raw: bytes) -> str:
    return raw[:_SHOWN].decode(errors="replace") + (" …" if len(raw) > _SHOWN else "")
