"""Whether a rewording says what the template says: its verdict, its numbers in their places, its
direction, and nothing that the template does not know.

    numbers     each is written as in the template, stands in the same order, at most once, with the
                same unit behind it; least and most only together
    places      the value is not called usual, what is usual is; distance and direction go together
    words       no number in words, no other direction, no denial, cause, time or advice

A rewording that means no harm may be refused; one that is accepted has no number of its own. What
words can't decide ("a remarkable value") is not decided.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from ingestion_pipeline.outlets.findings.analysis import words
from ingestion_pipeline.outlets.findings.analysis.narrative import (
    LONGEST_HEADLINE,
    LONGEST_SENTENCE,
    MOST_SENTENCES,
    Analysis,
    Draft,
    Number,
    Role,
)

MOST_CHARACTERS = 10_000
_ALLOWED = re.compile(r"[A-Za-z0-9 .,;:()%'\u2019\u201c\u201d\"\u2013\u2014+-]*")
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)
_TOKEN = re.compile(r"[^\s()\"\u201c\u201d\u2014]+")
_WORD = re.compile(r"[A-Za-z]+")
_USUAL_ROLES = frozenset({"low", "high", "middle", "weeks"})


class UngroundedError(Exception):
    """A rewording is not taken; the message says why, without repeating it."""


def reworded(draft: Draft, text: str) -> Analysis:
    """What a server has made of a draft.

    Args:
        draft: that it was given.
        text: its answer: one JSON object `{verdict, headline, sentences}`.

    Raises:
        UngroundedError: it is none, or says something else than the draft.
    """
    analysis = _shaped(text)
    if analysis.verdict != draft.analysis.verdict:
        raise UngroundedError("another verdict")
    whole = " ".join((draft.analysis.headline, *draft.analysis.sentences))
    known = {each.lower() for each in _WORD.findall(whole)}
    for sentence in (analysis.headline, *analysis.sentences):
        _require_words(sentence, draft, known)
    # A headline of ours begins with the distance, whatever else is written like that.
    of_headline = tuple(sorted(draft.numbers, key=lambda number: number.role != "distance"))
    _require_numbers([analysis.headline], of_headline, draft)
    _require_numbers(analysis.sentences, draft.numbers, draft)
    return analysis


def _shaped(text: str) -> Analysis:
    if len(text) > MOST_CHARACTERS:
        raise UngroundedError("longer than it may be")
    fenced = _FENCE.match(text)
    try:
        value: Any = json.loads(fenced[1] if fenced else text, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError):
        raise UngroundedError("no JSON object") from None
    if not isinstance(value, dict):
        raise UngroundedError("no JSON object")
    if value.keys() != {"verdict", "headline", "sentences"}:
        raise UngroundedError("other fields than verdict, headline and sentences")
    verdict, headline, sentences = value["verdict"], value["headline"], value["sentences"]
    if verdict not in ("normal", "watch", "act", "unknown"):
        raise UngroundedError("another verdict")
    if not isinstance(sentences, list) or not 1 <= len(sentences) <= MOST_SENTENCES:
        raise UngroundedError(f"not 1 to {MOST_SENTENCES} sentences")
    _require_text(headline, LONGEST_HEADLINE)
    for each in sentences:
        _require_text(each, LONGEST_SENTENCE)
    return Analysis(verdict, headline, tuple(sentences))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _require_text(text: object, longest: int) -> None:
    if not isinstance(text, str) or not text.strip():
        raise UngroundedError("a text is empty, or none")
    if len(text) > longest:
        raise UngroundedError(f"a text is longer than {longest} characters")
    if not _ALLOWED.fullmatch(text):
        raise UngroundedError("characters that no sentence needs")


def _require_words(sentence: str, draft: Draft, known: set[str]) -> None:
    # As our own template has it, more than so many weeks is no direction.
    plain = re.sub(r"\bmore than (?=\d)|\b[Oo]ver the (last|past)\b", "", sentence)
    for token in _TOKEN.findall(plain):
        parts = _WORD.findall(token)
        if re.search(r"\d", token):
            continue  # numbers, below
        if any(words.ROMAN.fullmatch(each) for each in parts):
            raise UngroundedError("a number in letters")
        joined = ["".join(parts)] if len(parts) > 1 else []
        for word in (each.lower() for each in (*parts, *joined)):
            if word not in known:
                _require_word(word, draft)


def _require_word(word: str, draft: Draft) -> None:
    if len(word) == 1 and word not in "ahst":  # s and t of an apostrophe
        raise UngroundedError("a letter by itself")
    if word in words.NUMBERS or words.NUMBER_STEMS.search(word):
        raise UngroundedError("a number in words")
    against = {"above": words.DOWN, "below": words.UP}.get(draft.direction or "")
    if word in (words.UP | words.DOWN if against is None else against):
        raise UngroundedError("another direction")
    if word in words.CLAIMS:
        raise UngroundedError("a claim that is not the draft's")
    if word in words.CALENDAR:
        raise UngroundedError("another day")


def _require_numbers(sentences: Sequence[str], numbers: tuple[Number, ...], draft: Draft) -> None:
    """Each number is one of these, in their order, with its unit, where it may stand."""
    left = list(numbers)
    for sentence in sentences:
        roles: list[Role] = []
        for match in _TOKEN.finditer(sentence):
            written = match[0].strip(".,;:'\u2019")
            if not re.search(r"\d", written):
                continue
            percent = written.endswith("%")
            number = _next_of(left, written.removesuffix("%"))
            roles.append(number.role)
            behind = "%" if percent else _behind(sentence[match.end() :], match[0])
            if behind != _unit_of(number, draft):
                raise UngroundedError("another unit")
            before = {each.lower() for each in _WORD.findall(sentence[: match.start()])}
            if number.role == "value" and before & words.USUAL:
                raise UngroundedError("a number in another place")
        _require_places(sentence, roles, draft)


def _next_of(left: list[Number], written: str) -> Number:
    """The next of the numbers that is written so; those before it are passed over."""
    for index, number in enumerate(left):
        if number.text == written:
            del left[: index + 1]
            return number
    raise UngroundedError("a number that is not the draft's, or not in its place")


def _behind(rest: str, token: str) -> str:
    """What a number is of, by what stands behind it; empty: nothing that would matter."""
    if token[-1] in ".,;:" or not rest.strip() or rest.lstrip()[0] in ')(\u2014"\u201c\u201d':
        return ""
    word = rest.split()[0].strip(".,;:()")
    if word.lower() in words.UNITS:
        return words.UNITS[word.lower()]
    if word.lower() in words.BEHIND or re.search(r"\d", word):
        return ""
    raise UngroundedError("another unit")


def _unit_of(number: Number, draft: Draft) -> str:
    if number.role in ("weeks", "chance"):
        return "weeks"
    if number.role == "distance":
        return "%" if f"{number.text} %" in draft.analysis.headline else ""
    return ""


def _require_places(sentence: str, roles: list[Role], draft: Draft) -> None:
    said = {each.lower() for each in _WORD.findall(sentence)}
    if _USUAL_ROLES & set(roles) and not said & words.USUAL:
        raise UngroundedError("a number in another place")
    if ("low" in roles) != ("high" in roles) or ("weeks" in roles and "low" not in roles):
        raise UngroundedError("a number in another place")
    if "distance" in roles:
        direction = words.UP if draft.direction == "above" else words.DOWN
        if not said & direction or not said & (words.USUAL | {"norm"}):
            raise UngroundedError("a distance without its direction")
    if "time" in roles and "value" not in roles:
        raise UngroundedError("a number in another place")
    if "chance" in roles and not said & {"chance", "rare", "rarely", "random", "randomly"}:
        raise UngroundedError("a number in another place")
