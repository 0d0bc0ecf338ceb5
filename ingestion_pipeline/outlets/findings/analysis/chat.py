"""The OpenAI chat wire: a draft goes out as numbers and our own words, its rewording comes back.

    POST {ANALYSIS_URL}/chat/completions
    {model, messages: [{role, content}], temperature, max_tokens}
    → {choices: [{message: {content}}], usage: {total_tokens}}

<https://platform.openai.com/docs/api-reference/chat/create>

The whole answer has a deadline, and a reading is asked of once: the template is there anyway. What
leaves is the draft (verdict, headline, sentences), which has nothing of the KPI but numbers.
"""

import json
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.upstreams.client import Answer, Patience, Upstream
from ingestion_pipeline.foundation.upstreams.deadlines import within
from ingestion_pipeline.outlets.findings.analysis.budget import Budget
from ingestion_pipeline.outlets.findings.analysis.grounding import UngroundedError, reworded
from ingestion_pipeline.outlets.findings.analysis.narrative import Analysis, Draft

NAME = "analysis"
DEADLINE = timedelta(seconds=30)
MOST_TOKENS = 400  # of an answer
_MOST_BYTES = 256 * 1024
_REQUESTS_PER_MINUTE = 60
_ASK = (
    "You reword a short note about one measured value, for a business reader. You are given a JSON "
    "object with verdict, headline and sentences. Answer with one JSON object with exactly these "
    "three fields, and nothing else. Keep the verdict. Write each number with its unit exactly as "
    "it is given, in the given order, and no other number, neither in digits nor in words. "
    "Say nothing that the note does not say: no cause, no advice, no other day or time. At most "
    "90 characters for the headline; 1 to 4 sentences of at most 200 characters."
)


@dataclass(frozen=True)
class Rewording:
    """What a server has made of a draft.

    Attributes:
        analysis: its wording; None: it is not taken.
        note: why not; None: it is.
        tokens: that asking took; None: it was not asked.
    """

    analysis: Analysis | None
    note: str | None
    tokens: int | None


class Chat:
    """A server of the chat wire; to be closed.

    Args:
        url: its base, as `https://host/v1`.
        key: goes as a bearer; empty: none.
        model: that is asked for.
        budget: tokens a day.
        deadline: for a whole answer.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        url: str,
        key: str,
        model: str,
        budget: int,
        patience: Patience,
        deadline: timedelta = DEADLINE,
    ) -> None:
        self.model = model
        self._key = key
        self._budget = Budget(engine, budget)
        self._deadline = deadline
        self._upstream = Upstream(
            engine,
            name=NAME,
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            requests_per_minute=_REQUESTS_PER_MINUTE,
            timeout=deadline,
            # Who is asked to wait for longer than an answer may take has the template instead.
            patience=replace(patience, retry_after_cap=min(deadline, patience.retry_after_cap)),
            attempts=1,
            most_bytes=_MOST_BYTES,
        )

    def close(self) -> None:
        """Close the connections."""
        self._upstream.close()

    def reword(self, draft: Draft) -> Rewording:
        """Ask for another wording of a draft; it is taken only when it says the same."""
        said = json.dumps(draft.analysis.as_dict(), ensure_ascii=False)
        request = {
            "model": self.model,
            "messages": [{"role": "system", "content": _ASK}, {"role": "user", "content": said}],
            "temperature": 0.2,
            "max_tokens": MOST_TOKENS,
        }
        # A token has rarely fewer than two characters.
        set_aside = (len(_ASK) + len(said)) // 2 + MOST_TOKENS
        day = self._budget.set_aside(set_aside)
        if day is None:
            return Rewording(None, "the day's tokens (ANALYSIS_BUDGET) are used up", None)
        answer = self._ask(request)
        if isinstance(answer, str):
            # Nobody tells what a server that failed has counted.
            return Rewording(None, answer, set_aside)
        text, tokens = _read(answer)
        if tokens is not None:
            self._budget.put_right(day, set_aside=set_aside, took=tokens)
        took = set_aside if tokens is None else tokens
        if text is None:
            return Rewording(None, "the server's answer is none of the chat wire", took)
        if self._key and self._key in text:
            return Rewording(None, "the server's wording is not taken: it tells the key", took)
        try:
            return Rewording(reworded(draft, text), None, took)
        except UngroundedError as error:
            return Rewording(None, f"the server's wording is not taken: {error}", took)

    def _ask(self, request: dict[str, Any]) -> Answer | str:
        """Its answer within the deadline; else what went wrong, without its words."""
        seconds = self._deadline.total_seconds()
        until = time.monotonic() + seconds
        try:
            with within(seconds):
                return self._upstream.post("chat/completions", json=request)
        except IngestionError as error:
            if time.monotonic() >= until:
                return f"the server gave no whole answer in {seconds:g} s"
            return _fault(error)


def _fault(error: IngestionError) -> str:
    status = getattr(error, "status", None)
    return f"the server answered HTTP {status}" if status else f"no answer: {type(error).__name__}"


def _read(answer: Answer) -> tuple[str | None, int | None]:
    """(text, tokens that it took) of an answer; None each where it does not say."""
    try:
        body = json.loads(answer.content)
        text = body["choices"][0]["message"]["content"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None, None
    usage = body.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 0 < tokens < 1_000_000:
        tokens = None
    return (text if isinstance(text, str) else None), tokens
