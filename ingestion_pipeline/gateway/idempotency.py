"""The `Idempotency-Key` that a request carries."""

import re

from fastapi import Request

from ingestion_pipeline.foundation.errors import FieldError
from ingestion_pipeline.gateway.answers import Refusal

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def key_of(request: Request, *, required: bool = True) -> str | None:
    """The key that a request carries, bare or quoted.

    Raises:
        Refusal: 400, it is missing or is not 1 to 255 visible ASCII characters.
    """
    text = request.headers.get("idempotency-key")
    if text is None:
        if required:
            raise _refused("is required here")
        return None
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise _refused("must be 1 to 255 visible ASCII characters")
    return text


def _refused(rule: str) -> Refusal:
    return Refusal(400, f"Idempotency-Key {rule}", [FieldError("Idempotency-Key", rule)])
