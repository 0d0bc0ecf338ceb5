"""The errors for answers that say that all is well and hold something else than they should."""

import msgspec

from ingestion_pipeline.foundation.errors import ContractError

_SHOWN = 80


class NotJsonError(ContractError):
    """An answer that said all was well holds something else than JSON."""


def not_json(content: bytes, error: Exception) -> NotJsonError:
    """The error for a body that is not JSON."""
    begin = content[:_SHOWN].decode(errors="replace")
    if not content.strip():
        return NotJsonError("body is not JSON: it is empty")
    if begin.lstrip().startswith("<"):
        return NotJsonError(f"body is a web page, not JSON (maintenance?): {begin!r}")
    if any(byte < 0x20 and byte not in b"\t\n\r" for byte in content[:_SHOWN]):
        return NotJsonError("body is no text: compressed in a way that was not asked for?")
    return NotJsonError(f"body is not JSON ({error}): {begin!r}")


def unknown_envelope(
    content: bytes, *, expected: str, said: Exception | None = None
) -> ContractError:
    """The error for JSON of an unknown shape: names the keys found."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return not_json(content, error)
    keys = ", ".join(sorted(found)) or "none" if isinstance(found, dict) else type(found).__name__
    detail = f" ({said})" if said else ""
    return ContractError(f"unknown envelope: keys {keys}; expected {expected}{detail}")
