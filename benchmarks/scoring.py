"""How alarms are scored on labelled series: NAB's own score, and alarms a week with recall.

NAB (Lavin & Ahmad, Evaluating Real-time Anomaly Detection Algorithms, 2015; its `sweeper.py`):
an alarm in a window earns σ(y) at its earliest, y from −1 at the window's begin to 0 at its end;
an alarm outside costs 0.11 · σ(y), y the distance behind the last window in its widths; a window
that is missed costs 1. σ(y) = 2 / (1 + e^(5y)) − 1. The first 15 % of a file, at most 750 points,
count for nothing. 0 is a detector that says nothing, 100 one that finds all at once.

Alarms: one is raised where a score first reaches the threshold, and again once a day while it
lasts. A window is found by an alarm raised inside it, never by one that goes on from before.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Bools, Floats, Ints

DAY = 86_400
WEEK = 7 * DAY
_FALSE = 0.11


@dataclass(frozen=True)
class Labelled:
    """A series whose anomalies are known.

    Attributes:
        name: of the series.
        instants: int64[n].
        values: float64[n].
        windows: (first, last) instant of each anomaly.
    """

    name: str
    instants: Ints
    values: Floats
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """How many points count for nothing."""
        return min(int(0.15 * len(self.instants)), 750)


@dataclass(frozen=True)
class Alarms:
    """What alarms came to: of how many windows, in how many weeks."""

    windows: int = 0
    found: int = 0
    right: int = 0
    false: int = 0
    weeks: float = 0.0

    def __add__(self, other: "Alarms") -> "Alarms":
        return Alarms(
            self.windows + other.windows,
            self.found + other.found,
            self.right + other.right,
            self.false + other.false,
            self.weeks + other.weeks,
        )

    @property
    def recall(self) -> float:
        """The share of windows that was found."""
        return self.found / self.windows if self.windows else 0.0

    @property
    def precision(self) -> float:
        """Windows found, of those and the false alarms: more alarms in one window earn nothing."""
        told = self.found + self.false
        return self.found / told if told else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def false_a_week(self) -> float:
        """False alarms a week and series."""
        return self.false / self.weeks if self.weeks else 0.0


def alarms(series: Labelled, scores: Floats, threshold: float) -> Alarms:
    """The alarms of scores at a threshold; NaN neither raises one nor ends it."""
    first = series.probation
    when = series.instants[first:]
    judged = ~np.isnan(scores[first:])
    raised = _raised(when[judged], scores[first:][judged] >= threshold)
    windows = [span for span in series.windows if span[1] >= when[0]]
    inside = np.zeros(len(raised), dtype=bool)
    found = 0
    for begin, end in windows:
        hits = (raised >= begin) & (raised <= end)
        found += bool(hits.any())
        inside |= hits
    return Alarms(
        windows=len(windows),
        found=found,
        right=int(inside.sum()),
        false=int((~inside).sum()),
        weeks=float(when[-1] - when[0]) / WEEK,
    )


def _raised(when: Ints, above: Bools) -> Ints:
    """The instants at which an alarm is raised."""
    told: list[int] = []
    begins = np.flatnonzero(above & ~np.append(False, above[:-1]))
    ends = np.flatnonzero(above & ~np.append(above[1:], False))
    for begin, end in zip(when[begins].tolist(), when[ends].tolist(), strict=True):
        told += range(begin, end + 1, DAY)
    return np.array(told, dtype=np.int64)


def as_told(series: Labelled, scores: Floats) -> Floats:
    """Scores without those of an alarm that lasts: NaN where a day before has one as high.

    NAB takes each reading above the threshold for an alarm of its own; a finding is told once.
    """
    order = np.argsort(series.instants, kind="stable")
    when, score = series.instants[order].tolist(), scores[order].tolist()
    told = np.full(len(order), np.nan)
    highest: deque[int] = deque()  # of the last day, falling
    for index, each in enumerate(score):
        while highest and when[highest[0]] < when[index] - DAY:
            highest.popleft()
        if math.isnan(each):
            continue
        if not highest or each > score[highest[0]]:
            told[index] = each
        while highest and score[highest[-1]] <= each:
            highest.pop()
        highest.append(index)
    found = np.empty(len(order))
    found[order] = told
    return found


def nab_parts(series: Labelled, scores: Floats) -> tuple[Floats, Floats]:
    """NAB's points of a file at each threshold worth trying.

    Returns:
        (thresholds, points), by falling threshold; `points[i]` is the file's sum when all scores
        of at least `thresholds[i]` are alarms.
    """
    score = np.nan_to_num(scores, nan=-math.inf)
    weights, window = _weights(series)
    order = np.argsort(-score, kind="stable")
    order = order[(order >= series.probation) & np.isfinite(score[order])]
    best = dict.fromkeys(range(len(series.windows)), 0.0)
    found: set[int] = set()
    points, sums, thresholds = -float(len(series.windows)), [], []
    for position, index in enumerate(order.tolist()):
        which = int(window[index])
        if which < 0:
            points += _FALSE * weights[index]
        else:
            if which not in found:
                found.add(which)
                points += 1.0
            gained = max(weights[index] - best[which], 0.0)
            best[which] += gained
            points += gained
        last = position + 1 == len(order) or score[order[position + 1]] < score[index]
        if last:
            thresholds.append(float(score[index]))
            sums.append(points)
    return np.array(thresholds), np.array(sums)


def _weights(series: Labelled) -> tuple[Floats, Ints]:
    """σ of each point, and its window (−1: none)."""
    count = len(series.instants)
    weights, window = np.full(count, -1.0), np.full(count, -1, dtype=np.int64)
    spans = [
        (
            int(np.searchsorted(series.instants, begin)),
            int(np.searchsorted(series.instants, end, side="right")) - 1,
        )
        for begin, end in series.windows
    ]
    most = _sigma(-1.0)
    for number, (first, last) in enumerate(spans):
        width = last - first + 1
        stop = spans[number + 1][0] if number + 1 < len(spans) else count
        for index in range(last + 1, stop):
            weights[index] = _sigma((index - last) / max(width - 1, 1))
        for index in range(first, last + 1):
            weights[index] = _sigma(-(last - index + 1) / width) / most
            window[index] = number
    return weights, window


def _sigma(y: float) -> float:
    return -1.0 if y > 3 else 2 / (1 + math.exp(5 * y)) - 1


def nab_at(parts: tuple[Floats, Floats], windows: int, threshold: float) -> float:
    """A file's points at a threshold."""
    thresholds, points = parts
    reached = int(np.searchsorted(-thresholds, -threshold, side="right"))
    return float(points[reached - 1]) if reached else -float(windows)


def nab_score(points: float, windows: int) -> float:
    """Points of files with so many windows, from 0 (nothing said) to 100 (all found at once)."""
    return 100 * (points + windows) / (2 * windows) if windows else 0.0


def best_threshold(files: Sequence[tuple[int, tuple[Floats, Floats]]], candidates: Floats) -> float:
    """The threshold with most points over files: (windows, parts) each."""
    sums = np.zeros(len(candidates))
    for windows, (thresholds, points) in files:
        reached = np.searchsorted(-thresholds, -candidates, side="right")
        sums += np.where(
            reached > 0, np.append(points, 0.0)[np.maximum(reached - 1, 0)], -float(windows)
        )
    return float(candidates[int(np.argmax(sums))])
