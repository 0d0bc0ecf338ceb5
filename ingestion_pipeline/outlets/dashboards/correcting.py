"""Refused rows of a receipt, put right on its page and sent again: each that is right is taken
once.

The form goes through commerce's own door (`POST /api/v1/ingest/rejected/`), with the session and
the form's token in place of the key; nothing is decided here.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ingestion_pipeline.domains.commerce.receive.corrected import receive_corrected
from ingestion_pipeline.foundation.errors import ContractError, PermanentError, QuotaError
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.front import Caller, gateway_of, request_id_of
from ingestion_pipeline.outlets.dashboards.asking import NotThereError
from ingestion_pipeline.outlets.dashboards.signing_in import require_own, signed_in
from ingestion_pipeline.outlets.dashboards.site import Visitor, site_of
from ingestion_pipeline.outlets.dashboards.tables import Column, Table

_FRAMING_BYTES = 16 * 1024  # what a form puts around its fields
_WRONG = (
    Column("place", "where", link="link"), Column("field", "field"), Column("rule", "why"),
    Column("value", "value"),
)  # fmt: skip


async def corrected(request: Request) -> tuple[Visitor, dict[str, Any]]:
    """Take corrected rows; whose they are, and what the page says of them.

    Raises:
        Refusal: 401 nobody is signed in, 403 no form of this session, 400 none of ours, 409 others
            took the same rows all the time, 413 too large, or no room, 422 no refused rows, 429.
    """
    site, gateway = site_of(request), gateway_of(request)
    visitor = await signed_in(request, site)  # before much is read
    if visitor.is_operator:
        raise NotThereError
    token, content = await _form(request)
    require_own(request, site, visitor, token)
    if wait := await gateway.wait_of(visitor.tenant_id):
        raise Refusal(429, "too many requests", retry_after=wait)
    request.scope["ingestion.tenant_id"] = visitor.tenant_id
    caller = Caller(visitor.tenant_id, visitor.tenant, request_id_of(request))
    try:
        outcome = await receive_corrected(gateway, caller, content)
    except ContractError as error:
        raise Refusal(422, str(error)) from None
    except QuotaError as error:
        raise Refusal(413, str(error)) from None
    except PermanentError as error:
        raise Refusal(409, str(error)) from None
    wrong = Table("wrong", "What is still wrong", _WRONG, _rows(outcome.refused))
    return visitor, {"title": "Corrected rows", "outcome": outcome, "wrong": wrong}


async def _form(request: Request) -> tuple[str, bytes]:
    """The token of a form, and the rows: of its file where there is one, else of its text."""
    gateway = gateway_of(request)
    limit = gateway.configuration.max_json_bytes + _FRAMING_BYTES
    content = b"".join([piece async for piece in gateway.body(request, limit=limit)])

    async def whole() -> AsyncGenerator[bytes, None]:
        yield content

    parser = MultiPartParser(
        request.headers, whole(), max_files=1, max_fields=4, max_part_size=limit
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, KeyError):
        raise Refusal(400, "this is no form of ours: open the receipt, and try again") from None
    file, text, token = form.get("file"), form.get("rows"), form.get("token")
    taken = await file.read() if isinstance(file, UploadFile) else b""
    await form.close()
    if not taken and isinstance(text, str):
        taken = text.encode()
    return token if isinstance(token, str) else "", taken


def _rows(refused: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "place": f"line {each['line_number']}", "field": reason.get("field") or "row",
            "rule": reason.get("rule") or reason.get("message") or "",
            "value": reason.get("value"), "link": f"/receipts/one?receipt=f{each['upload_id']}",
        }
        for each in refused
        for reason in each["reasons"]
    ]  # fmt: skip
