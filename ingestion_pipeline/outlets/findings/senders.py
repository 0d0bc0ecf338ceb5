"""Who sends, and when: files by type (also those that are fetched: `uploads` has them all), posted
readings, events of webhooks. Each by its own rhythm: who has gone quiet, and whose day had far
fewer rows than usual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.rhythm import Arrivals

# Of one minute one arrival: nothing is told of less than two.
_ARRIVALS = sa.text("""
    SELECT tenant_id, domain, subject, extract(epoch FROM minute)::bigint AS minute, rows
    FROM (
        SELECT tenant_id, domain, 'files: ' || coalesce(type, 'of no type') AS subject,
               date_trunc('minute', recorded_at, 'UTC') AS minute,
               sum(inserted + updated + unchanged) AS rows
        FROM uploads WHERE recorded_at > CAST(:now AS timestamptz) - interval '731 days'
        GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT tenant_id, 'kpis', 'readings: ' || channel,
               date_trunc('minute', received_at, 'UTC'), sum(sent)
        FROM kpi_receipts
        WHERE received_at > CAST(:now AS timestamptz) - interval '120 days' AND channel = 'post'
        GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT tenant_id, 'markets', 'events: ' || coalesce(source, event_type),
               date_trunc('minute', received_at, 'UTC'), count(*)
        FROM ingestion_events
        WHERE received_at > CAST(:now AS timestamptz) - interval '731 days' GROUP BY 1, 2, 3, 4
    ) AS came
    WHERE minute <= CAST(:now AS timestamptz)
    ORDER BY tenant_id, domain, subject, minute
""")


@dataclass(frozen=True)
class Sender:
    """Somebody who sends, with what came from them."""

    tenant_id: int
    domain: str
    subject: str
    arrivals: Arrivals


def senders(connection: sa.Connection, *, now: datetime) -> Iterator[Sender]:
    """Everybody who sends, one by one."""
    rows = connection.execution_options(yield_per=10_000).execute(_ARRIVALS, {"now": now})
    for key, some in groupby(rows, key=lambda row: (row.tenant_id, row.domain, row.subject)):
        came = [(row.minute, float(row.rows)) for row in some]
        instants = np.array([each[0] for each in came], dtype=np.int64)
        volumes = np.array([each[1] for each in came], dtype=np.float64)
        yield Sender(*key, Arrivals(instants, volumes))
