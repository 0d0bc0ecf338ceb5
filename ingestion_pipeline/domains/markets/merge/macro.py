"""FRED's vintages → `macro_observations`: only what is new or changed is written."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.history import changes
from ingestion_pipeline.domains.markets.contract.vintages import Vintage
from ingestion_pipeline.foundation.storage import database

_KNOWN = sa.text("""
    SELECT date, realtime_start, realtime_end, value FROM macro_observations
    WHERE series_id = :series_id
""")


# Only the dates of which something else is known now are written.
_STAGE = sa.text("""
    CREATE TEMPORARY TABLE staged_vintages (
        date date, realtime_start date, realtime_end date, value numeric
    ) ON COMMIT DROP
""")


_COPY = "COPY staged_vintages (date, realtime_start, realtime_end, value) FROM STDIN"


_MERGE = sa.text("""
    INSERT INTO macro_observations AS known (series_id, date, realtime_start, realtime_end, value)
    SELECT :series_id, date, realtime_start, realtime_end, value
    FROM staged_vintages ORDER BY date, realtime_start
    ON CONFLICT (series_id, date, realtime_start) DO UPDATE SET
        realtime_end = excluded.realtime_end, value = excluded.value, recorded_at = now()
    WHERE (known.realtime_end, known.value)
        IS DISTINCT FROM (excluded.realtime_end, excluded.value)
""")


# What began on the same day as its correction, or holds on under another row.
_DROP = sa.text("""
    DELETE FROM macro_observations AS known
    WHERE series_id = :series_id AND date IN (SELECT date FROM staged_vintages) AND NOT EXISTS (
        SELECT FROM staged_vintages AS new
        WHERE new.date = known.date AND new.realtime_start = known.realtime_start)
""")


def merge_vintages(
    connection: sa.Connection, series_id: str, vintages: Sequence[Vintage], *, today: date
) -> int:
    """Add what an answer tells of a series to what is known of it (`contract/history.py`); how many
    vintages are new or changed.

    Raises:
        psycopg errors as SQLAlchemy's; nothing was written.
    """
    known = [Vintage(*row) for row in connection.execute(_KNOWN, {"series_id": series_id})]
    connection.execute(_STAGE)
    with database.driver(connection).cursor() as cursor, cursor.copy(_COPY) as copy:
        for _, rows in changes(known, vintages, today=today):
            for each in rows:
                copy.write_row((each.date, each.realtime_start, each.realtime_end, each.value))
    dropped = connection.execute(_DROP, {"series_id": series_id}).rowcount
    changed = connection.execute(_MERGE, {"series_id": series_id}).rowcount
    connection.exec_driver_sql("DROP TABLE staged_vintages")  # the next series makes its own
    return changed + dropped
