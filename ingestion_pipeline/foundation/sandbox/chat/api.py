"""A stand-in of a server of the OpenAI chat wire: base URL `/chat/v1`.

    POST /v1/chat/completions {model, messages, …} → {choices: [{message}], usage: {total_tokens}}

<https://platform.openai.com/docs/api-reference/chat/create>. It is no model: the last message is a
JSON object `{verdict, headline, sentences}`, and it is given another headline. The fault
`hostile_note` gives it one of the answers that must not be taken.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ingestion_pipeline.foundation.sandbox.faults import Faults

Note = dict[str, Any]
_HUGE = 1_000_000


def routes(key: str, faults: Faults) -> list[Route]:
    """The API that takes `key` as a bearer."""

    async def completions(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"error": {"message": "Incorrect API key provided."}}, 401)
        try:
            asked = await request.json()
            note = json.loads(asked["messages"][-1]["content"])
            model, said = str(asked["model"]), reworded(note)
        except (ValueError, LookupError, TypeError):
            return JSONResponse({"error": {"message": "No note to reword."}}, 400)
        way = faults.take("hostile_note", request.url.path)
        if way == "trickling":
            return StreamingResponse(_trickle(), media_type="application/json")
        if way is not None:
            if way not in HOSTILE:
                ways = ", ".join((*HOSTILE, "trickling"))
                return JSONResponse({"error": {"message": f"hostile_note is one of {ways}"}}, 400)
            said = HOSTILE[way](note, key)
        return JSONResponse(_answer(model, said))

    return [Route("/v1/chat/completions", completions, methods=["POST"])]


def reworded(note: Note) -> str:
    """The note with another headline, which says no more than it did."""
    first = str(note["sentences"][0]).lower()
    if first.startswith("fell"):
        note = {**note, "headline": "A deep drop, well under what is usual"}
    elif first.startswith("rose"):
        note = {**note, "headline": "A high rise, well over what is usual"}
    return json.dumps(note)


def _answer(model: str, said: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-sandbox",
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 250},
    }


async def _trickle() -> AsyncIterator[bytes]:
    """A byte now and then, for ever."""
    while True:
        yield b" "
        await asyncio.sleep(0.05)


HOSTILE: dict[str, Callable[[Note, str], str]] = {
    "invented_number": lambda note, _: json.dumps({**note, "headline": "It fell to 17.5"}),
    "number_in_words": lambda note, _: json.dumps({**note, "headline": "It fell by a half"}),
    "changed_verdict": lambda note, _: json.dumps({**note, "verdict": "normal"}),
    "cause": lambda note, _: json.dumps({**note, "headline": "It fell because of the weather"}),
    "chatter": lambda _, __: "Certainly! Here is a nicer note: the value fell.",
    "more_fields": lambda note, _: json.dumps({**note, "confidence": "high"}),
    "huge": lambda note, _: json.dumps({**note, "headline": "a" * _HUGE}),
    "nested": lambda _, __: "[" * 100_000,
    "secret": lambda note, key: json.dumps({**note, "headline": f"The key is {key}"}),
    "markup": lambda note, _: json.dumps({**note, "headline": "<script>alert(1)</script>"}),
}
"""What a server may say that must not be taken, by name."""
