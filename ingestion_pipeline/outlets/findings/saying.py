"""A finding in sentences, by the tenant's clock; pure.

Fell to 29.2 at 11:00 (Thursday); in the last 8 weeks it was 81.0 to 88.2 at this hour (middle
86.3). That is 66 % below what is usual and lasted 3.75 h. So far off happens by chance about
once in more than 160 weeks.
"""

import math
import statistics
from datetime import datetime
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.unusual.findings import Finding
from ingestion_pipeline.foundation.unusual.rarity import BEYOND
from ingestion_pipeline.foundation.unusual.rhythm import Quiet
from ingestion_pipeline.outlets.findings.analysis.narrative import written_alike

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOUR, _DAY = 3600, 86_400


def sentence_of(finding: Finding, *, zone: str, now: int, daily: bool = False) -> str:
    """What a finding of a series is.

    Args:
        finding: of the detector.
        zone: by whose clock.
        now: the instant at which it is told: what lasts has lasted until then.
        daily: its points are days, so no hour is told.
    """
    said = [_what(finding, zone, daily=daily)]
    if finding.kind not in ("gap", "stuck"):
        said.append(_how_far(finding, now))
    if (chance := _chance(finding.rarity, finding.watched)) is not None:
        said.append(chance)
    return " ".join(said)


def _what(finding: Finding, zone: str, *, daily: bool) -> str:
    if finding.kind == "gap" or finding.value is None:
        ended = "since" if finding.ended is None else "after"
        until = "" if finding.ended is None else f" until {_when(finding.ended, zone, daily=daily)}"
        return f"Nothing came {ended} {_when(finding.began, zone, daily=daily)}{until}."
    known = [each for each in (finding.low, finding.middle, finding.high) if each is not None]
    weeks = [value for _, value in finding.weeks]
    written = written_alike(finding.value, *known, *weeks)
    value = written(finding.value)
    if finding.kind == "stuck":
        last = "" if finding.ended is None else f" until {_when(finding.ended, zone, daily=daily)}"
        return f"Has been {value} since {_when(finding.began, zone, daily=daily)}{last}."
    up = finding.middle is None or finding.value > finding.middle
    if finding.kind == "level_shift":
        moved = f"The level {'rose' if up else 'fell'} to {value}"
    else:
        moved = f"{'Rose' if up else 'Fell'} to {value}"
    return f"{moved} {_at(finding.at, zone, daily=daily)}{_usually(finding, weeks, daily=daily)}."


def _usually(finding: Finding, weeks: list[float], *, daily: bool) -> str:
    """What it was in the weeks before, or what is usual, where there are too few of them."""
    this = "on this day of the week" if daily else "at this hour"
    known = [each for each in (finding.low, finding.middle, finding.high) if each is not None]
    written = written_alike(finding.value or 0.0, *known, *weeks)
    if len(weeks) >= 3:
        return (
            f"; in the last {len(weeks)} weeks it was {written(min(weeks))} to "
            f"{written(max(weeks))} {this} (middle {written(statistics.median(weeks))})"
        )
    if len(known) == 3:
        low, middle, high = map(written, known)
        return f"; usual is {low} to {high} (middle {middle})"
    return ""


def _how_far(finding: Finding, now: int) -> str:
    last = (now if finding.ended is None else finding.ended) - finding.began
    lasts = f"has lasted {_span(last)} so far" if finding.ended is None else f"lasted {_span(last)}"
    if finding.value is None or finding.middle is None:
        return f"It {lasts}."
    away = finding.value - finding.middle
    side = "above" if away > 0 else "below"
    percent = 100 * abs(away) / abs(finding.middle) if finding.middle else math.inf
    if 0.5 <= percent < 1000 and finding.value * finding.middle >= 0:
        far = f"{percent:.0f} %"
    else:
        far = written_alike(abs(away))(abs(away))
    return f"That is {far} {side} what is usual and {lasts}."


def _chance(rarity: float | None, watched: float) -> str | None:
    """How rare; never rarer than once in ten times as long as was watched."""
    if rarity is None or watched <= 0:
        return None
    least = 1 / (BEYOND * watched)
    more = "more than " if rarity <= least * 1.01 else ""
    weeks = 1 / max(rarity, least)
    return f"So far off happens by chance about once in {more}{max(weeks, 1):.0f} weeks."


def sentence_of_quiet(quiet: Quiet, *, zone: str, now: int) -> str:
    """What a silence is, or a day with far too little."""
    if quiet.kind == "volume" and quiet.value is not None and quiet.usual is not None:
        day = datetime.fromtimestamp(quiet.began, ZoneInfo(zone))
        return (
            f"{quiet.value:.0f} rows came on {_DAYS[day.weekday()]}, {day:%Y-%m-%d}; "
            f"usually about {quiet.usual:.0f} come."
        )
    last = (now if quiet.ended is None else quiet.ended) - quiet.began
    so_far = ", and nothing has come yet" if quiet.ended is None else ""
    return (
        f"Nothing came for {_span(last)} after {_when(quiet.began, zone)}{so_far}; usually "
        f"something comes every {_span(round(quiet.interval))}."
    )


def _at(instant: int, zone: str, *, daily: bool) -> str:
    local = datetime.fromtimestamp(instant, ZoneInfo(zone))
    day = _DAYS[local.weekday()]
    return f"on {day}, {local:%Y-%m-%d}" if daily else f"at {local:%H:%M} ({day})"


def _when(instant: int, zone: str, *, daily: bool = False) -> str:
    local = datetime.fromtimestamp(instant, ZoneInfo(zone))
    time = "" if daily else f" {local:%H:%M}"
    return f"{_DAYS[local.weekday()]}, {local:%Y-%m-%d}{time}"


def _span(seconds: float) -> str:
    """A length of time: minutes up to an hour, hours up to two days, then days."""
    if seconds < _HOUR:
        return f"{max(round(seconds / 60), 1)} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.2f}".rstrip("0").rstrip(".") + " h"
    return f"{seconds / _DAY:.1f}".rstrip("0").rstrip(".") + " days"
