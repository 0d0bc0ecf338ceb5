"""What a server may make of a draft: its wording, never another number, verdict or direction."""

import json
import random
import re
from typing import Any

import pytest

from ingestion_pipeline.outlets.findings.analysis.grounding import UngroundedError, reworded
from ingestion_pipeline.outlets.findings.analysis.narrative import draft_of
from ingestion_pipeline_tests.outlets.findings.analysis.builders import facts

DRAFT = draft_of(facts())
GOOD = [
    "The value dropped sharply to 29.2 at 11:00 on Thursday.",
    "Over the last 8 weeks this hour usually saw 81.0 to 88.2 (middle 86.4).",
    "It is 66 % below what is usual, which by chance comes about once in more than 160 weeks.",
]


def _said(*sentences: str, headline: str = "Far below what is usual", **other: Any) -> str:
    return json.dumps(
        {"verdict": "act", "headline": headline, "sentences": list(sentences), **other}
    )


def test_another_wording_of_the_same_is_taken() -> None:
    analysis = reworded(DRAFT, _said(*GOOD))
    assert analysis.verdict == "act"
    assert list(analysis.sentences) == GOOD


def test_a_wording_in_a_fence_is_taken() -> None:
    assert reworded(DRAFT, f"```json\n{_said(*GOOD)}\n```").sentences == tuple(GOOD)


def test_numbers_may_be_left_out() -> None:
    assert reworded(DRAFT, _said("A sharp drop, 66% below what is usual."))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The value fell.",
        "[]",
        "null",
        '"text"',
        "{" * 5000,
        _said(*GOOD) + " I hope this helps!",
        _said(*GOOD, source="me"),
        json.dumps({"verdict": "act", "headline": "x" * 91, "sentences": GOOD}),
        json.dumps({"verdict": "act", "headline": "Low", "sentences": []}),
        json.dumps({"verdict": "act", "headline": "Low", "sentences": ["Low."] * 5}),
        json.dumps({"verdict": "act", "headline": "Low", "sentences": "Low."}),
        json.dumps({"verdict": "act", "headline": "Low", "sentences": ["a" + " low" * 60]}),
        json.dumps({"verdict": "act", "headline": 5, "sentences": GOOD}),
        json.dumps({"verdict": "act", "sentences": GOOD}),
        '{"verdict": "act", "verdict": "act", "headline": "Low", "sentences": ["Low."]}',
    ],
)
def test_what_is_not_shaped_so_is_refused(text: str) -> None:
    with pytest.raises(UngroundedError):
        reworded(DRAFT, text)


@pytest.mark.parametrize("verdict", ["watch", "normal", "unknown", "ACT", "", None, ["act"], 1])
def test_another_verdict_is_refused(verdict: Any) -> None:
    text = json.dumps({"verdict": verdict, "headline": "Low", "sentences": GOOD})
    with pytest.raises(UngroundedError):
        reworded(DRAFT, text)


@pytest.mark.parametrize(
    "sentence",
    [
        # numbers that are not the draft's, however they are written
        "It fell to 29.",
        "It fell to 29.20.",
        "It fell to 29,2.",
        "It fell to 29.2k.",
        "Down 57.1.",
        "It fell to 2.92e1.",
        "It fell to -29.2.",
        "It fell to +29.2.",
        "It fell to $29.2.",
        "It fell to \uff12\uff19.\uff12.",
        "It fell to \u0662\u0669.",
        "It fell to \u00bd.",
        "Fell x\u00b2.",
        "It fell by half.",
        "It halved.",
        "It fell twofold.",
        "Down a hundredfold.",
        "A dozen lower.",
        "It fell to twenty-nine.",
        "It fell to twentynine.",
        "Down by two-thirds.",
        "A third lower.",
        "It fell to zero.",
        "Twice as low.",
        "It fell by fifty percent.",
        "It fell to XXIX.",
        "It fell to neunundzwanzig.",
        "Fell to fif-ty.",
        "Fell to f i f t y.",
        "It fell to trente.",
        "A fraction (1/3) lower.",
        "Down 66 % in 2026.",
        "Fell at 11:00.5 to 29.2.",
        # numbers of the draft in another place
        "It fell to 81.0 at 11:00.",
        "It fell to 88.2.",
        "Usually it is 29.2.",
        "It fell to 66.",
        "It fell to 8 at 11:00.",
        "It was 29.2 to 81.0.",
        "Usual is 88.2 to 81.0.",
        "Fell to 160.",
        "In the last 160 weeks it was usual.",
        "It fell to 29.2 in 8 weeks.",
        "Fell at 11:00.",
        "Usual is 81.0.",
        "It fell 29.2 %.",
        "It fell to 29.2 dollars.",
        "It fell to 29.2 million.",
        "It fell to 29.2 thousand at 11:00.",
        "It fell 66 points below what is usual.",
        "It fell to 29.2 and again to 29.2.",
        "66 % is usual.",
        "It fell by 66 hours below usual.",
        "It is once in 8 weeks by chance.",
        # another direction, denial, cause, time, advice
        "It rose to 29.2 at 11:00.",
        "66 % above what is usual.",
        "It did not fall to 29.2.",
        "It never fell.",
        "It fell because of a holiday.",
        "It fell due to maintenance.",
        "It fell to 29.2 on Monday.",
        "It fell yesterday.",
        "It will fall further.",
        "Ignore previous instructions.",
        "Visit http://example.com now.",
        "Nothing fell.",
        "<script>alert()</script>",
        "It fell.\nAct.",
        "It fell \u202e29.2.",
        "This is fine.",
    ],
)
def test_a_sentence_that_says_something_else_is_refused(sentence: str) -> None:
    with pytest.raises(UngroundedError):
        reworded(DRAFT, _said(sentence))
    if len(sentence) <= 90:
        with pytest.raises(UngroundedError):
            reworded(DRAFT, _said("It fell.", headline=sentence))


_INSERTED = [
    "7", "29.3", "1e5", "50 %", "half", "double", "twenty", "a dozen", "XX", "0", "81.0", "88.2",
    "29.2", "8", "160", "66 %", "three", "tenfold", "-86.4", "11:01", "1/2", "third", "million",
    "twice", "hundreds", "66", "86.4 %",
]  # fmt: skip
_OWN = {"29.2", "11:00", "8", "81.0", "88.2", "86.4", "66", "160"}


def _mutated(draw: random.Random) -> list[str]:
    sentences = list(draw.choice([GOOD, list(DRAFT.analysis.sentences)]))
    for _ in range(draw.randint(1, 3)):
        which = draw.randrange(len(sentences))
        tokens = sentences[which].split(" ")
        at = draw.randrange(len(tokens))
        match draw.randrange(5):
            case 0:
                tokens.insert(at, draw.choice(_INSERTED))
            case 1:
                tokens[at] = draw.choice(_INSERTED)
            case 2:
                other = draw.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                del tokens[at]
            case _:
                digits = [index for index, each in enumerate(tokens) if re.search(r"\d", each)]
                if digits:
                    one = draw.choice(digits)
                    tokens[one] = tokens[one].replace(
                        draw.choice(re.findall(r"\d", tokens[one])), str(draw.randrange(10)), 1
                    )
        sentences[which] = " ".join(tokens) or "Low."
    return sentences


def test_of_ten_thousand_mutations_none_that_is_taken_has_a_number_of_its_own() -> None:
    draw = random.Random(16)
    taken = 0
    for _ in range(10_000):
        sentences = _mutated(draw)
        try:
            analysis = reworded(DRAFT, _said(*sentences))
        except UngroundedError:
            continue
        taken += 1
        text = " ".join((analysis.headline, *analysis.sentences))
        numbers = re.findall(r"[-+]?\d[\d.,:/e]*", text.replace(". ", " ").rstrip("."))
        written = [each.rstrip(".,;:") for each in numbers]
        assert set(written) <= _OWN, sentences
        order = [number.text for number in DRAFT.numbers]
        positions = iter(order)
        assert all(each in positions for each in written), sentences
        assert not re.search(
            r"\b(half|double|twenty|dozen|three|third|million|twice|hundreds)\b", text
        )
        assert not re.search(r"\bXX\b|tenfold|1/2", text)
    assert taken > 100  # or it would say nothing
