"""What is unusual: scores on labelled series, planted cases, and senders that go quiet.

python -m benchmarks.anomalies [--folder NAB] [--only labelled,noise,planted,silence] [--series 24]

The folder has NAB's files (`group/name.csv`: timestamp, value) and `windows.json` (of each file the
begin and end of its anomalies); see benchmarks/README.md for where they are to be had.
"""

import argparse
import csv
import json
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.detectors import DETECTORS, Detector
from benchmarks.noise import noise
from benchmarks.planted_cases import cases, outages, volumes
from benchmarks.scoring import (
    Alarms,
    Labelled,
    alarms,
    as_told,
    best_threshold,
    nab_at,
    nab_parts,
    nab_score,
)
from ingestion_pipeline.foundation.unusual.rarity import ALLOWED
from ingestion_pipeline.foundation.unusual.series import Floats

DIVISIONS = 48  # into halves: thresholds are chosen on one, counted on the other
_CANDIDATES = 150
_DIGITS = 12  # as many as NAB publishes: its thresholds are as fine as that


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="labelled,noise,planted,silence")
    parser.add_argument("--series", type=int, default=24)
    asked = parser.parse_args()
    if "labelled" in asked.only and asked.folder:
        labelled = read_labelled(asked.folder)
        print(
            "| | held-out NAB | as told | F1 | P / R | recall at ≤ 0.25 / ≤ 1 a week | CPU s |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        )
        for name, detector in DETECTORS.items():
            print(scored(name, detector, labelled), flush=True)
        print(as_shipped(labelled))
        print(control(labelled))
    if "noise" in asked.only:
        noise(series=asked.series)
    if "planted" in asked.only:
        cases(series=asked.series)
    if "silence" in asked.only:
        outages()
        volumes()


def read_labelled(folder: Path) -> list[Labelled]:
    """The files that `windows.json` names and that are there; instants are taken as UTC."""
    named = json.loads((folder / "windows.json").read_text())
    return [_read(folder, name, named[name]) for name in sorted(named) if (folder / name).exists()]


def _read(folder: Path, name: str, windows: Sequence[Sequence[str]]) -> Labelled:
    with (folder / name).open(newline="") as file:
        rows = [(_instant(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    return Labelled(
        name,
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows]),
        tuple((_instant(first), _instant(last)) for first, last in windows),
    )


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def scored(name: str, detector: Detector, labelled: Sequence[Labelled]) -> str:
    """A row: means over all divisions into halves."""
    started = time.process_time()
    scores = [np.round(detector(each), _DIGITS) for each in labelled]
    taken = time.process_time() - started
    candidates = _candidates(scores)
    windows = np.array([len(each.windows) for each in labelled])
    pairs = list(zip(labelled, scores, strict=True))
    nabs = [
        [nab_parts(each, score) for each, score in pairs],
        [nab_parts(each, as_told(each, score)) for each, score in pairs],
    ]
    told = [[alarms(each, score, threshold) for threshold in candidates] for each, score in pairs]
    chance = np.random.default_rng(7)
    rows = []
    for _ in range(DIVISIONS):
        half = chance.permutation(len(labelled)) % 2 == 0
        points, fitted = [0.0, 0.0], [Alarms(), Alarms(), Alarms()]
        for chosen in (half, ~half):
            here, there = np.flatnonzero(chosen), np.flatnonzero(~chosen)
            for way, parts in enumerate(nabs):
                threshold = best_threshold([(int(windows[i]), parts[i]) for i in there], candidates)
                points[way] += sum(nab_at(parts[i], int(windows[i]), threshold) for i in here)
            sums = [sum((told[i][at] for i in there), Alarms()) for at in range(len(candidates))]
            for goal, at in enumerate(_chosen(sums)):
                fitted[goal] += sum((told[i][at] for i in here), Alarms())
        best, quarter, one = fitted
        nab = [nab_score(each, int(windows.sum())) for each in points]
        rows.append([*nab, best.f1, best.precision, best.recall, quarter.recall, one.recall])
    raw, once, f1, precision, recall, quarter_, one_ = np.mean(rows, axis=0)
    return (
        f"| {name} | {raw:.1f} | {once:.1f} | {f1:.2f} | {precision:.2f} / {recall:.2f} "
        f"| {quarter_:.2f} / {one_:.2f} | {taken:.1f} |"
    )


def _candidates(scores: Sequence[Floats]) -> Floats:
    """Thresholds worth trying, the highest first; the first is never reached."""
    known = np.concatenate([each[np.isfinite(each)] for each in scores])
    shares = np.geomspace(1e-5, 0.1, _CANDIDATES)
    return np.append(math.inf, np.unique(np.quantile(known, 1 - shares))[::-1])


def _chosen(sums: Sequence[Alarms]) -> tuple[int, int, int]:
    """Which candidate has the best F1; which most windows at ≤ 0.25, ≤ 1 false alarms a week."""

    def most(limit: float) -> int:
        fit = [at for at, each in enumerate(sums) if each.false_a_week <= limit]
        return max(fit, key=lambda at: sums[at].found)

    return max(range(len(sums)), key=lambda at: sums[at].f1), most(0.25), most(1.0)


def as_shipped(labelled: Sequence[Labelled]) -> str:
    """What the default setting comes to: nothing is fitted."""
    detector, total = DETECTORS["ours"], Alarms()
    for each in labelled:
        total += alarms(each, detector(each), -math.log(ALLOWED))
    return (
        f"\nAs shipped ({ALLOWED} a week): {total.found} of {total.windows} windows, "
        f"{total.false_a_week:.2f} false alarms a week over {total.weeks:.0f} weeks\n"
    )


def control(labelled: Sequence[Labelled]) -> str:
    """The scorer's own control: NAB's baseline at the threshold that NAB publishes for it."""
    detector, windows = DETECTORS["windowed Gaussian"], sum(len(each.windows) for each in labelled)
    points = [
        nab_at(nab_parts(each, np.round(detector(each), _DIGITS)), len(each.windows), 1.0)
        for each in labelled
    ]
    score = nab_score(sum(points), windows)
    return f"Windowed Gaussian at 1.0: {sum(points):.4f} points, NAB {score:.2f}\n"


if __name__ == "__main__":
    main()
