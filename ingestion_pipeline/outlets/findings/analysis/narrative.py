"""Facts as sentences: a template, whose every number is known by what it stands for.

Nothing of a KPI is in it but its numbers and our own words: not its name, and nothing that its
sender wrote.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Literal

from ingestion_pipeline.foundation.unusual.rarity import BEYOND
from ingestion_pipeline.outlets.findings.analysis.facts import Facts, Verdict

Role = Literal["value", "time", "weeks", "low", "high", "middle", "distance", "chance", "watched"]
Direction = Literal["above", "below"]
LONGEST_HEADLINE, LONGEST_SENTENCE, MOST_SENTENCES = 90, 200, 4
_MOST_PERCENT = 1000.0
_LARGEST_PLAIN = 1e15  # beyond, a number is written with an exponent
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Number:
    """A number of a narrative: what it stands for, and how it is written."""

    role: Role
    text: str


@dataclass(frozen=True)
class Analysis:
    """What a reading comes to: a headline of at most 90, 1 to 4 sentences of at most 200."""

    verdict: Verdict
    headline: str
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """As a package has it."""
        return {
            "verdict": self.verdict,
            "headline": self.headline,
            "sentences": list(self.sentences),
        }


@dataclass(frozen=True)
class Draft:
    """An analysis with the numbers of its sentences, in their order."""

    analysis: Analysis
    direction: Direction | None
    numbers: tuple[Number, ...]


class _Text:
    """A text that is put together of words and numbers."""

    def __init__(self, *parts: str | Number) -> None:
        self.text = "".join(each if isinstance(each, str) else each.text for each in parts)
        self.numbers = tuple(each for each in parts if isinstance(each, Number))


def draft_of(facts: Facts) -> Draft:
    """The template, filled in."""
    verdict = facts.verdict
    known = [each for each in (facts.low, facts.middle, facts.high) if each is not None]
    written = written_alike(facts.value, *known)
    value = Number("value", written(facts.value))
    day = _DAYS[facts.at.weekday()]
    time = Number("time", f"{facts.at:%H:%M}")
    if facts.low is None or facts.middle is None or facts.high is None or verdict == "unknown":
        days = Number("watched", f"{facts.watched * 7:.0f}")
        return _draft(
            verdict, None, _Text("Too little is known to tell what is usual"),
            _Text("It was ", value, " at ", time, f" ({day})."),
            _Text("Days that were watched so far: ", days, "."),
        )  # fmt: skip
    low = Number("low", written(facts.low))
    middle = Number("middle", written(facts.middle))
    high = Number("high", written(facts.high))
    band = _Text("Usual at this hour is ", low, " to ", high, " (middle ", middle, ").")
    if verdict == "normal":
        return _draft(
            verdict, None, _Text("As usual at this hour"),
            _Text("It was ", value, " at ", time, f" ({day})."), band,
        )  # fmt: skip
    direction: Direction = "above" if facts.value > facts.middle else "below"
    moved = "Rose to " if direction == "above" else "Fell to "
    distance, unit = _distance(facts.value, facts.middle)
    return _draft(
        verdict,
        direction,
        _Text(distance, f"{unit} {direction} what is usual at this hour"),
        _Text(moved, value, " at ", time, f" ({day})."),
        _weeks_before(facts, written) or band,
        _Text("That is ", distance, f"{unit} {direction} what is usual."),
        _chance(facts),
    )


def written_alike(*values: float) -> "Writing":
    """How numbers are written that stand beside each other: alike, and apart where they are."""
    largest = max(map(abs, values))
    if largest and not 1e-6 <= largest < _LARGEST_PLAIN:
        return Writing(None)
    decimals = max(2 - math.floor(math.log10(largest)), 0) if largest else 0
    apart = len(set(values))
    while decimals < 9 and len({Writing(decimals)(each) for each in values}) < apart:
        decimals += 1
    return Writing(decimals)


@dataclass(frozen=True)
class Writing:
    """Writes numbers with so many decimals; None: with three digits and an exponent."""

    decimals: int | None

    def __call__(self, value: float) -> str:
        """A number as text, without a sign where it comes to 0."""
        if self.decimals is None:
            return f"{value:.2e}"
        text = f"{value:.{self.decimals}f}"
        return text.removeprefix("-") if not float(text) else text


def _weeks_before(facts: Facts, written: Writing) -> _Text | None:
    """What it was in the weeks before; None where that says nothing of how unusual it is."""
    weeks = facts.weeks
    if len(weeks) < 3 or facts.middle is None or min(weeks) <= facts.value <= max(weeks):
        return None
    if max(map(abs, weeks)) >= _LARGEST_PLAIN:  # they may be of another size than the reading
        written = written_alike(min(weeks), max(weeks))
    low, high = Number("low", written(min(weeks))), Number("high", written(max(weeks)))
    middle = Number("middle", written(statistics.median(weeks)))
    number = Number("weeks", str(len(weeks)))
    return _Text(
        "In the last ", number, " weeks it was ", low, " to ", high, " at this hour (middle ",
        middle, ").",
    )  # fmt: skip


def _distance(value: float, middle: float) -> tuple[Number, str]:
    """How far from usual: in percent, or as a number where that says nothing."""
    away = abs(value - middle)
    percent = 100 * away / abs(middle) if middle else math.inf
    if percent < _MOST_PERCENT and percent >= 0.5 and value * middle >= 0:
        return Number("distance", f"{percent:.0f}"), " %"
    return Number("distance", written_alike(away)(away)), ""


def _chance(facts: Facts) -> _Text:
    """How rare; never rarer than once in ten times as long as was watched."""
    rarity = max(facts.rarity or 0.0, 1 / (BEYOND * max(facts.watched, 0.1)))
    weeks = Number("chance", f"{1 / rarity:.0f}")
    more = "more than " if rarity <= 1.01 / (BEYOND * max(facts.watched, 0.1)) else ""
    return _Text("So far off happens by chance about once in ", more, weeks, " weeks.")


def _draft(
    verdict: Verdict, direction: Direction | None, headline: _Text, *sentences: _Text
) -> Draft:
    return Draft(
        Analysis(verdict, headline.text, tuple(each.text for each in sentences)),
        direction,
        tuple(number for each in sentences for number in each.numbers),
    )
