"""The careful reader: one line, field by field, with every reason why it is no row."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict
from uuid import UUID

import msgspec

from ingestion_pipeline.domains.commerce.contract.entities import (
    INTEGER_MAXIMUM,
    MONEY_DECIMALS,
    MONEY_DIGITS,
    MONEY_LIMIT,
    UUID_PATTERN,
    Entity,
    Field,
)
from ingestion_pipeline.domains.commerce.sources.lines import UnusableLine
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.instants import is_iso_8601
from ingestion_pipeline.foundation.repeated_keys import RepeatedKeyError, require_unrepeated
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, is_shortened

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NULL = b"null"
# Python's own reading takes 1_000 and the digits of all scripts.
_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_NON_FINITE = re.compile(r"[+-]?(?:s?nan|inf|infinity)[0-9]*", re.IGNORECASE | re.ASCII)
_TICKS = re.compile(r"([.,][0-9]{6})[0-9]+")
_CENT = Decimal("0.01")
_TOO_DEEP = "must not be nested that deeply"


class Reason(TypedDict):
    """Why a line is no row: the field at fault (`line` for the whole), the rule, what was there."""

    field: str
    rule: str
    value: str


class _BrokenRuleError(ValueError):
    """A value breaks the rule that is the message."""


def read_line(line: bytes, entity: Entity) -> tuple[Any, ...] | list[Reason]:
    """The values of a line in the order of `entity.columns`, or all reasons why it has none."""
    if isinstance(line, UnusableLine):
        return [_reason("line", line.rule, line.content)]
    try:
        text = line.decode()
        members = _members(line)
        require_unrepeated(text)
    except UnicodeDecodeError as error:
        return [_reason("line", f"must be UTF-8 (byte {error.start} is not)", line)]
    except RepeatedKeyError as repeated:
        known = repeated.key in {rule.name for rule in entity.fields}
        return [
            _reason(repeated.key, "must not be there twice", line)
            if known
            else _reason("line", f"must not have the key {repeated.key[:100]!r} twice", line)
        ]
    except (msgspec.DecodeError, ValueError):
        return [_reason("line", "must be one JSON object", line)]
    except RecursionError:
        return [_reason("line", _TOO_DEEP, line)]
    values: list[Any] = []
    reasons: list[Reason] = []
    for rule in entity.fields:
        raw = members.pop(rule.name, None)
        try:
            values.append(_read(raw, rule))
        except _BrokenRuleError as broken:
            reasons.append(_reason(rule.name, str(broken), raw or b"(missing)"))
    try:
        extra = _object(_join(members)) if members else None
    except _BrokenRuleError as broken:
        reasons.append(_reason("extra", str(broken), text.encode()))
    if reasons:
        return reasons
    return (*values, extra)


def _members(line: bytes) -> dict[str, bytes]:
    """The members of a JSON object, each as its JSON text."""
    try:
        return {name: bytes(raw) for name, raw in _decode_members(line).items()}
    except msgspec.DecodeError:
        # NaN, Infinity and half a surrogate pair are no JSON, but Python and JavaScript programs
        # write them: reading them here lets the reason name the field instead of "the line".
        members = json.loads(line.decode())  # given bytes it would also take UTF-16
        if not isinstance(members, dict):
            raise
        texts = {name: json.dumps(value).encode() for name, value in members.items()}
        spelled = b"".join([*texts.values(), json.dumps([*texts]).encode()])
        if not any(odd in spelled for odd in (b"NaN", b"Infinity", b"\\ud")):
            raise
        return texts


def _read(raw: bytes | None, rule: Field) -> Any:
    if rule.kind == "object":
        return _object(b"{}" if raw is None or raw == _NULL else raw)
    if raw is None or raw == _NULL:
        if rule.nullable:
            return None
        raise _BrokenRuleError("must not be missing" if raw is None else "must not be null")
    match rule.kind:
        case "uuid":
            return _uuid(raw)
        case "text":
            return _text(raw, rule)
        case "money":
            return _money(raw, rule)
        case "integer":
            return _integer(raw, rule)
        case "boolean":
            return _boolean(raw)
        case "instant":
            return _instant(raw)
        case "currency":
            return _currency(raw)


def _string(raw: bytes, otherwise: str) -> str:
    try:
        value = msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _BrokenRuleError(otherwise) from None
    return value


def _uuid(raw: bytes) -> UUID:
    text = _string(raw, "must be a UUID")
    if not UUID_PATTERN.fullmatch(text):
        raise _BrokenRuleError("must be a UUID")
    return UUID(text)


def _text(raw: bytes, rule: Field) -> str:
    text = _string(raw, "must be a text")
    if rule.maximum_length is not None and len(text) > rule.maximum_length:
        raise _BrokenRuleError(f"must be at most {rule.maximum_length} characters long")
    if "\x00" in text:
        raise _BrokenRuleError("must not hold the NUL character")
    if rule.identity and is_shortened(text):
        raise _BrokenRuleError(SHORTENED_RULE)
    return text


def _money(raw: bytes, rule: Field) -> Decimal:
    text = _string(raw, "must be a number") if raw.startswith(b'"') else raw.decode()
    if _NON_FINITE.fullmatch(text):
        raise _BrokenRuleError("must be a finite number")
    amount = _decimal(text)
    if _decimals(amount) > MONEY_DECIMALS:
        raise _BrokenRuleError(f"must have at most {MONEY_DECIMALS} decimals")
    if rule.minimum is not None and amount < rule.minimum:
        raise _BrokenRuleError(f"must be at least {rule.minimum}")
    if amount.copy_abs() >= MONEY_LIMIT:  # abs() would compute, and overflow at 1e1000000
        raise _BrokenRuleError(
            f"must have at most {MONEY_DIGITS} digits, {MONEY_DECIMALS} of them decimals"
        )
    exponent = amount.as_tuple().exponent
    plain = isinstance(exponent, int) and -MONEY_DECIMALS <= exponent <= 0
    # Zeros behind the cents, and exponents, are a way of writing that the database need not know.
    return amount if plain else amount.quantize(_CENT)


def _decimal(text: str) -> Decimal:
    """A number, exactly; blanks around it are no part of it."""
    if not _NUMBER.fullmatch(text):
        raise _BrokenRuleError("must be a number")
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        raise _BrokenRuleError("must be a number") from None


def _decimals(number: Decimal) -> int:
    """How many decimals a finite number has; zeros at the end are none."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101
    places = -exponent
    for digit in reversed(digits):
        if digit or places <= 0:
            break
        places -= 1
    return max(places, 0) if any(digits) else 0


def _integer(raw: bytes, rule: Field) -> int:
    if raw in (b"NaN", b"Infinity", b"-Infinity"):
        raise _BrokenRuleError("must be a finite number")
    if raw[:1] not in b"-0123456789":
        raise _BrokenRuleError("must be a whole number")
    number = _decimal(raw.decode())
    if _decimals(number):
        raise _BrokenRuleError("must be a whole number")
    if rule.minimum is not None and number < rule.minimum:
        raise _BrokenRuleError(f"must be at least {rule.minimum}")
    if number > INTEGER_MAXIMUM:  # before int(), which would write 1e1000000 out
        raise _BrokenRuleError(f"must be at most {INTEGER_MAXIMUM}")
    return int(number)


def _boolean(raw: bytes) -> bool:
    if raw not in (b"true", b"false"):
        raise _BrokenRuleError("must be true or false")
    return raw == b"true"


def _instant(raw: bytes) -> datetime:
    text = _string(raw, "must be an ISO 8601 time")
    try:
        instant = parse_instant(text)
    except msgspec.ValidationError:
        try:
            # Forms that RFC 3339 leaves out.
            instant = datetime.fromisoformat(text.upper() if is_iso_8601(text) else "")
        except ValueError:
            raise _BrokenRuleError("must be an ISO 8601 time") from None
    try:
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        raise _BrokenRuleError("must lie between the years 1 and 9999") from None


def parse_instant(text: str) -> datetime:
    """A time of RFC 3339, cut to microseconds: .NET writes seven digits, Go nine.

    msgspec would round 23:59:59.9999999 up, into the next year on its last day.

    Raises:
        msgspec.ValidationError: it is none.
    """
    if text[26:27].isdigit():  # behind "2026-12-31T23:59:59.999999"
        text = _TICKS.sub(r"\1", text, count=1)
    return msgspec.convert(text, datetime)


def _currency(raw: bytes) -> str:
    text = _string(raw, "must be an ISO 4217 currency code")
    if text not in CURRENCIES:
        raise _BrokenRuleError("must be an ISO 4217 currency code")
    return text


def _object(raw: bytes) -> str:
    """A JSON object's own text, once it is sure that a jsonb column takes it."""
    text = raw.decode()
    if not text.startswith("{"):
        raise _BrokenRuleError("must be an object")
    if "NaN" in text or "Infinity" in text or "\\u" in text:
        try:
            # Numbers stay text: they are not looked at, and may have more digits than int() takes.
            value = json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str)
        except RecursionError:
            raise _BrokenRuleError(_TOO_DEEP) from None
        for piece in _texts(value):
            if "\x00" in piece:
                raise _BrokenRuleError("must not hold the NUL character")
            if any("\ud800" <= character <= "\udfff" for character in piece):
                raise _BrokenRuleError("must not hold half a surrogate pair")
    return text


def _refuse(_: str) -> None:
    raise _BrokenRuleError("must hold finite numbers only")


def _texts(value: object) -> Iterator[str]:
    """All names and texts in a JSON value, however deep."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            left.extend(part)
        elif isinstance(part, dict):
            left.extend(part)
            left.extend(part.values())


def _join(members: dict[str, bytes]) -> bytes:
    return b"{" + b", ".join(_name(name) + b": " + raw for name, raw in members.items()) + b"}"


def _name(name: str) -> bytes:
    """A member's name as JSON; half a surrogate pair stays the escape that it was."""
    return json.dumps(name, ensure_ascii=False).encode(errors="backslashreplace")


def _reason(field: str, rule: str, value: bytes) -> Reason:
    shown = value[:100].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    return Reason(field=field, rule=rule, value=shown)
