"""The work: templates for all packages that want an analysis, at once; then the server, for what is
worth watching.

Killed anywhere, what is left is done next time. A server is asked at most once of a reading: that
it is to be asked is noted before.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.land.analyses import OurAnalysis, land_ours
from ingestion_pipeline.foundation.unusual.series import LARGEST
from ingestion_pipeline.outlets.findings.analysis.chat import Chat
from ingestion_pipeline.outlets.findings.analysis.facts import Facts, History
from ingestion_pipeline.outlets.findings.analysis.narrative import Draft, draft_of
from ingestion_pipeline.outlets.findings.analysis.packages import history, some_wanted
from ingestion_pipeline.outlets.findings.calendars import calendar_of

PACKAGES, REWORDINGS = 2_000, 50  # of a run
WORTH_ASKING = ("watch", "act")
ASKED = "the server was asked, and the run ended before it answered"


@dataclass
class Done:
    """What a run came to."""

    packages: int = 0
    worth_watching: int = 0
    reworded: int = 0
    template_kept: int = 0
    tokens: int = 0


def analyse(engine: sa.Engine, *, chat: Chat | None, limit: int = PACKAGES) -> Done:
    """Put analyses on packages that want one, at most `limit`."""
    done = Done()
    asking: list[tuple[Any, Draft]] = []
    with engine.connect() as connection:
        wanted = some_wanted(connection, limit=limit)
    by_series = sorted(wanted, key=_series)
    for (tenant_id, kpi_id), rows in groupby(by_series, key=_series):
        of_series = list(rows)
        with engine.connect() as connection:
            known = history(
                connection, tenant_id, kpi_id,
                last=max(row.observed_at for row in of_series),
                calendar=calendar_of(connection, tenant_id),
            )  # fmt: skip
        for row in of_series:
            draft = draft_of(_facts(known, row))
            done.packages += _put(engine, row, _ours(row, draft))
            if draft.analysis.verdict in WORTH_ASKING:
                done.worth_watching += 1
                asking.append((row, draft))
    if chat is not None:
        for row, draft in asking[:REWORDINGS]:
            _reword(engine, chat, row, draft, done)
        for row, draft in asking[REWORDINGS:]:
            note = f"more than {REWORDINGS} packages of a run were worth watching"
            _put(engine, row, _ours(row, draft, note=note))
    return done


def _series(row: Any) -> tuple[int, str]:
    return row.tenant_id, row.kpi_id


def _facts(known: History, row: Any) -> Facts:
    instant = int(row.observed_at.timestamp())
    if abs(row.value) > LARGEST:
        return known.nothing(row.value, instant)
    return known.facts(row.value, instant)


def _reword(engine: sa.Engine, chat: Chat, row: Any, draft: Draft, done: Done) -> None:
    if not _put(engine, row, _ours(row, draft, model=chat.model, note=ASKED)):
        return  # its sender has put one meanwhile
    got = chat.reword(draft)
    done.tokens += got.tokens or 0
    if got.analysis is None:
        done.template_kept += 1
        ours = _ours(row, draft, model=chat.model, tokens=got.tokens, note=got.note)
    else:
        done.reworded += 1
        ours = OurAnalysis(
            got.analysis.as_dict(), "model", row.value, row.observed_at, chat.model, got.tokens
        )
    _put(engine, row, ours)


def _ours(
    row: Any,
    draft: Draft,
    *,
    model: str | None = None,
    tokens: int | None = None,
    note: str | None = None,
) -> OurAnalysis:
    return OurAnalysis(
        draft.analysis.as_dict(), "template", row.value, row.observed_at, model, tokens, note
    )


def _put(engine: sa.Engine, row: Any, ours: OurAnalysis) -> bool:
    # One by one: who holds two packages at once may wait for a sender who holds them, too.
    with engine.begin() as connection:
        return land_ours(connection, (row.tenant_id, row.trace_id, row.kpi_id), ours)
