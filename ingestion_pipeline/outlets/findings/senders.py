"""Who sends, and when: files by type or mapping (also those that are fetched: `uploads` has them
all), posted readings, events of webhooks, days of buildings and of APIs that were collected,
publications of macro series. Each by its own rhythm: who has gone quiet, and whose day had far
fewer rows than usual.

What is collected has come when it is usually known: a day is over, and some time later it is
collected. How much later is the least of the newest, so that neither a backfill nor a day that is
collected again has a rhythm of its own. A day without a row has not come.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.rhythm import Arrivals

# Each: tenant_id, domain, subject, minute, rows (NULL: they are not counted), waits (not loaded).
# Of one minute one arrival: nothing is told of less than two.
_FILES = """
    SELECT tenant_id, domain, 'files: ' || coalesce(type, 'of no type') AS subject,
           date_trunc('minute', recorded_at, 'UTC') AS minute, sum(staged) AS rows,
           bool_or(status IN ('recorded', 'staged')) AS waits
    FROM uploads AS u
    WHERE recorded_at > CAST(:now AS timestamptz) - interval '731 days'
        AND mapped_from IS NULL AND source <> 'replay'  -- nobody has sent those
        AND NOT (source = 'api' AND EXISTS (
            SELECT FROM series_windows AS w
            WHERE w.tenant_id = u.tenant_id AND w.source || '/' || w.mapping = u.type
                AND w.period <> 'all'))  -- `_APIS` has them
    GROUP BY 1, 2, 3, 4
"""
_READINGS = """
    SELECT tenant_id, 'kpis' AS domain, 'readings: ' || channel AS subject,
           date_trunc('minute', received_at, 'UTC') AS minute, sum(sent) AS rows, false AS waits
    FROM kpi_receipts
    WHERE received_at > CAST(:now AS timestamptz) - interval '120 days' AND channel = 'post'
    GROUP BY 1, 2, 3, 4
"""
_EVENTS = """
    SELECT tenant_id, 'markets' AS domain, 'events: ' || coalesce(source, event_type) AS subject,
           date_trunc('minute', received_at, 'UTC') AS minute, count(*) AS rows, false AS waits
    FROM ingestion_events
    WHERE received_at > CAST(:now AS timestamptz) - interval '731 days' GROUP BY 1, 2, 3, 4
"""
# Of days: who, which, with how many rows, collected when.
_OF_DAYS = """
    SELECT tenant_id, '{domain}' AS domain, subject,
           date_trunc('minute', over_at + greatest(min(late) FILTER (WHERE newest <= 14) OVER whose,
                                                   interval '0'), 'UTC') AS minute,
           rows, false AS waits
    FROM (
        SELECT tenant_id, subject, rows, over_at, collected_at - over_at AS late,
               row_number() OVER (PARTITION BY tenant_id, subject ORDER BY over_at DESC) AS newest
        FROM ({days}) AS days
        WHERE over_at > CAST(:now AS timestamptz) - interval '731 days'
    ) AS days
    WINDOW whose AS (PARTITION BY tenant_id, subject)
"""
_COLLECTIONS = _OF_DAYS.format(
    domain="buildings",
    days="""
        SELECT t.tenant_id, 'collection: ' || site_name AS subject, kept AS rows, collected_at,
               (day + 1)::timestamp AT TIME ZONE 'UTC' AS over_at
        FROM collected_days LEFT JOIN tenant_sites AS t USING (site_name) WHERE kept > 0
    """,
)
_APIS = _OF_DAYS.format(
    domain="intake",
    days="""
        SELECT tenant_id, 'api: ' || source || '/' || mapping AS subject, records AS rows,
               collected_at, (period::date + 1)::timestamp AT TIME ZONE 'UTC' AS over_at
        FROM series_windows WHERE records > 0 AND period <> 'all'
    """,
)
# Of a tenant's own series the name has its tenant in front, and they come in files.
_PUBLICATIONS = _OF_DAYS.format(
    domain="markets",
    days="""
        SELECT CAST(NULL AS integer) AS tenant_id, 'published: ' || series_id AS subject,
               CAST(NULL AS bigint) AS rows, min(recorded_at) AS collected_at,
               realtime_start::timestamp AT TIME ZONE 'UTC' AS over_at
        FROM macro_observations WHERE strpos(series_id, '/') = 0
        GROUP BY series_id, realtime_start
    """,
)
_SOURCES = (_FILES, _READINGS, _EVENTS, _COLLECTIONS, _APIS, _PUBLICATIONS)
_IN_ORDER = """
    SELECT tenant_id, domain, subject, extract(epoch FROM minute)::bigint AS minute, rows, waits
    FROM ({source}) AS came WHERE minute <= CAST(:now AS timestamptz)
    ORDER BY tenant_id, domain, subject, minute
"""

_AT_ONCE = 10_000  # rows


@dataclass(frozen=True)
class Sender:
    """Somebody who sends, with what came from them.

    Attributes:
        tenant_id: whose; None: the operator's own.
        counted_until: from then on some of what came is not loaded, so that its rows are not known
            (seconds since 1970); None: all is; of whom nothing is counted, the first arrival.
    """

    tenant_id: int | None
    domain: str
    subject: str
    arrivals: Arrivals
    counted_until: int | None


def senders(connection: sa.Connection, *, now: datetime) -> Generator[Sender]:
    """Everybody who sends, one by one, of each what came in two years at most.

    Who may stop before its end closes it (`contextlib.closing`): a cursor is open.
    """
    for source in _SOURCES:
        query = sa.text(_IN_ORDER.format(source=source))
        found = connection.execute(query, {"now": now}, execution_options={"yield_per": _AT_ONCE})
        with found as rows:
            for key, some in groupby(rows, key=attrgetter("tenant_id", "domain", "subject")):
                came = [(row.minute, row.rows, row.waits) for row in some]
                instants = np.array([each[0] for each in came], dtype=np.int64)
                volumes = np.array([float(each[1] or 0) for each in came], dtype=np.float64)
                unknown = next((when for when, rows, waits in came if waits or rows is None), None)
                yield Sender(*key, Arrivals(instants, volumes), unknown)
