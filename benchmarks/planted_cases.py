"""The hard cases on planted series, and planted outages of senders: what is told, what is not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from benchmarks.planted import BERLIN, QUARTER, START, WEEK, WEEKS, kpi, senders
from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.findings import findings_of
from ingestion_pipeline.foundation.unusual.rhythm import Arrivals, silences, volume_drops
from ingestion_pipeline.foundation.unusual.series import Floats, Ints, series_of
from ingestion_pipeline.foundation.unusual.usual import assess

Plant = Callable[[Ints, Floats], tuple[Ints, Floats]]
_PLANTED = 150  # the day, a Thursday
HOLIDAY = date(2025, 8, 4) + timedelta(days=_PLANTED)


def at(hour: float, *, day: int = _PLANTED) -> int:
    """The instant of an hour of a day (winter time)."""
    return START + day * DAY + int((hour + 1) * HOUR)


@dataclass(frozen=True)
class Case:
    """Something planted: what it is told as, and within which hours of the day it begins."""

    name: str
    plant: Plant
    kind: str = ""
    hours: tuple[float, float] = (0, 0)
    calendar: Calendar = BERLIN
    weeks: int = WEEKS


def _times(factor: float, first: float, last: float) -> Plant:
    def plant(instants: Ints, values: Floats) -> tuple[Ints, Floats]:
        inside = (instants >= at(first)) & (instants < at(last))
        return instants, np.where(inside, values * factor, values)

    return plant


def _stuck(instants: Ints, values: Floats) -> tuple[Ints, Floats]:
    inside = (instants >= at(11)) & (instants < at(35))
    return instants, np.where(inside, values[inside][0], values)


def _gap(instants: Ints, values: Floats) -> tuple[Ints, Floats]:
    there = (instants < at(10)) | (instants >= at(40))
    return instants[there], values[there]


def _holiday(instants: Ints, values: Floats) -> tuple[Ints, Floats]:
    """The Thursday looks like the Sunday before."""
    day = np.flatnonzero((instants >= at(0)) & (instants < at(24)))
    copied = values.copy()
    copied[day] = values[day - 4 * 96] * 1.01
    return instants, copied


def _nothing(instants: Ints, values: Floats) -> tuple[Ints, Floats]:
    return instants, values


_KNOWN = Calendar("Europe/Berlin", frozenset({HOLIDAY}))
CASES = (
    Case("nothing (DST in week 12)", _nothing),
    Case("spike ×2, 1 h", _times(2, 11, 12), "spike", (11, 12)),
    Case("−50 %, 3 h", _times(0.5, 11, 14), "drop", (11, 14)),
    Case("−25 %, 6 h", _times(0.75, 9, 15), "drop", (9, 15)),
    Case("stuck 24 h", _stuck, "stuck", (11, 12)),
    Case("level +20 %", _times(1.2, 10, 10_000), "level_shift", (4, 16)),
    Case("level −20 %, for 5 days", _times(0.8, 10, 130), "level_shift", (4, 16)),
    Case("gap of 30 h", _gap, "gap", (9, 10)),
    Case("DST, told in UTC", _nothing, calendar=Calendar("UTC")),
    Case("holiday, not in the calendar", _holiday),
    Case("holiday, in the calendar", _holiday, calendar=_KNOWN),
    Case("cold start, 5 weeks", _nothing, weeks=5),
    Case("cold start, 2 weeks", _nothing, weeks=2),
)


def cases(*, series: int) -> None:
    """Print what is found of each case in so many series, with all that is told beside it."""
    print(
        f"| {series} series, {WEEKS} weeks | found | told after h | false a week | of the day |\n"
        "| --- | ---: | ---: | ---: | ---: |"
    )
    for case in CASES:
        found, false, beside, hours = 0, 0, 0, []
        for seed in range(series):
            instants, values = case.plant(*kpi(seed, weeks=case.weeks))
            assessed = assess(series_of(instants, values), case.calendar)
            told = findings_of(assessed, now=int(assessed.series.instants[-1]))
            first, last = at(case.hours[0]), at(case.hours[1])
            right = [f for f in told if f.kind == case.kind and first - 900 <= f.began <= last]
            found += bool(right)
            hours += [(right[0].raised - first) / HOUR] if right else []
            around = [f for f in told if at(0) <= f.began < at(7 * 24)]
            beside += len(around) - len(right)
            false += len(told) - len(around)
        share = f"{found} of {series}" if case.kind else ""
        late = f"{np.median(hours):.1f}" if hours else ""
        rate = false / series / case.weeks
        print(f"| {case.name} | {share} | {late} | {rate:.2f} | {beside} |", flush=True)


def outages(*, seeds: int = 6, each: int = 10) -> None:
    """Print after how many missed arrivals an outage of each kind of sender is told."""
    print(
        "\n| senders | outages | told after ≤ 2 missed | median missed | false a week |\n"
        "| --- | ---: | ---: | ---: | ---: |"
    )
    for number, kind in enumerate(senders(0)):
        weeks = 120 if kind.interval > 2 * WEEK else WEEKS
        missed: list[float] = []
        false = 0
        for seed in range(seeds):
            sender = senders(seed, weeks=weeks)[number]
            now = int(sender.instants[-1])
            false += len(silences(sender.instants, sender.calendar, now=now))
            chance = np.random.default_rng(100 + seed)
            for _ in range(each):
                begin = int(START + chance.uniform(0.4, 0.85) * weeks * WEEK)
                missed.append(_missed(sender.instants, sender.burst, begin, sender.calendar))
        told = np.mean(np.array(missed) <= 2)
        print(
            f"| {kind.name} | {len(missed)} | {told:.0%} | {np.median(missed):.0f} "
            f"| {false / seeds / weeks:.3f} |",
            flush=True,
        )


def volumes(*, seeds: int = 6, each: int = 5) -> None:
    """Print how many days with a tenth of the usual rows are told, of those who send daily."""
    print(
        "\n| senders | days with a tenth | told when they are over | false a week |\n"
        "| --- | ---: | ---: | ---: |"
    )
    for number, kind in enumerate(senders(0)):
        if kind.interval > DAY or kind.interval < QUARTER:
            continue
        told = false = 0
        for seed in range(seeds):
            sender = senders(seed)[number]
            chance = np.random.default_rng(200 + seed)
            rows = 100 * chance.lognormal(0, 0.3, len(sender.instants))
            now = int(sender.instants[-1]) + 2 * DAY
            usual = Arrivals(sender.instants, rows)
            false += len(volume_drops(usual, sender.calendar, now=now))
            days = sender.calendar.days(sender.instants)
            known = np.unique(days)[8 * 7 : -1]
            for day in chance.choice(known, each, replace=False).tolist():
                thin = np.where(days == day, rows / 10, rows)
                found = volume_drops(
                    Arrivals(sender.instants, thin), sender.calendar, now=now,
                    since=sender.calendar.begin(day),
                )  # fmt: skip
                began = [int(sender.calendar.days(np.array([one.began]))[0]) for one in found]
                told += day in began
        print(
            f"| {kind.name} | {seeds * each} | {told / seeds / each:.0%} "
            f"| {false / seeds / WEEKS:.3f} |",
            flush=True,
        )


def _missed(instants: Ints, burst: int, begin: int, calendar: Calendar) -> float:
    """How many arrivals (bursts) are missed until an outage from `begin` on is told."""
    later = instants[instants >= begin]
    now = int(later[min(8 * burst, len(later) - 1)])
    told = silences(instants[instants < begin], calendar, now=now, since=now - 1)
    if not told or told[-1].ended is not None:
        return float("inf")
    return float(np.ceil(np.searchsorted(later, told[-1].raised) / burst))
