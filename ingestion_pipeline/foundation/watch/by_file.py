"""How fresh sources are that files describe, which are no wing's: mapped files, and APIs.

The document is public, and sources, mappings and files are named by people: it counts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.health import Service

# Of files of another shape their senders are told; what we failed to load is ours.
_FILES = sa.text("""
    SELECT (SELECT max(loaded_at) FROM (SELECT loaded_at FROM uploads
                                        WHERE domain = 'intake' AND source <> 'api'
                                        ORDER BY upload_id DESC LIMIT 1000) AS newest),
           (SELECT min(available_at) < now() - interval '1 hour' FROM jobs
            WHERE starts_with(kind, 'intake.load.') AND status IN ('pending', 'retrying')),
           (SELECT count(*) FROM (SELECT kind, senders_fault FROM jobs
                                  WHERE status IN ('failed', 'dead')
                                    AND updated_at >= now() - interval '1 hour'
                                  ORDER BY updated_at DESC LIMIT 10000) AS ended
            WHERE starts_with(kind, 'intake.load.') AND NOT senders_fault)
""")
_SERIES = sa.text("""
    SELECT name, source, mapping, max(collected_at)
    FROM series_windows JOIN tenants USING (tenant_id) GROUP BY name, source, mapping
""")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Expected:
    """An API that is asked by a schedule.

    Attributes:
        schedule: five fields of cron.
    """

    tenant: str
    source: str
    mapping: str
    schedule: str

    @property
    def fresh_for(self) -> timedelta:
        """How long ago it may have been read: once it may be missed."""
        _, _, day, month, weekday = self.schedule.split()
        if (day, month, weekday) == ("*", "*", "*"):
            return 2 * _DAY
        return 8 * _DAY if (day, month) == ("*", "*") else 32 * _DAY


def files(connection: sa.Connection, _: Settings) -> Mapping[str, Service]:
    """People send when they like, so age is no fault; a file that waits for an hour is, and one
    that we could not load."""
    newest, waits, failed = connection.execute(_FILES).one()
    problem = "a file has been waiting for more than an hour" if waits else None
    if failed:
        problem = f"files that could not be loaded within the hour: {failed:,}"
    return {
        "mapped_files": Service(
            source="files by mappings",
            configured=newest is not None or problem is not None,
            last_success_at=newest,
            problem=problem,
        )
    }


def series(connection: sa.Connection, expected: Sequence[Expected]) -> Mapping[str, Service]:
    """APIs are read by their schedules; one that was not, or never, is late."""
    now: datetime = connection.execute(sa.select(sa.func.now())).scalar_one()
    read = {
        (name, source, mapping): collected
        for name, source, mapping, collected in connection.execute(_SERIES)
    }
    found = [(each, read.get((each.tenant, each.source, each.mapping))) for each in expected]
    late = [each for each, at in found if at is None or now - at > each.fresh_for]
    newest = max((at for _, at in found if at is not None), default=None)
    told = f"{len(late):,} of {len(found):,} APIs were not read in time" if late else None
    return {
        "series": Service(
            source="APIs by a file",
            configured=bool(expected),
            last_success_at=newest,
            problem=told if newest is not None else None,  # never read at all: it is not known
        )
    }
