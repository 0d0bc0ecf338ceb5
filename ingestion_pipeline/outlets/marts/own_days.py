"""UTC days → days by the tenants' own clocks, in SQL.

A UTC day lies in one or two days of a clock, and every day of a clock overlaps the UTC day of its
date (offsets are 12 hours west to 14 east at most). So whoever works out, for each UTC day that
changed, the clock's days it lies in, has worked out every day that changed; and who does so for the
UTC days with the dates of all rows there are, has worked out these, too, whatever clock they were
made by.
"""

ZONES = "(SELECT tenant_id, time_zone AS zone FROM tenants)"
"""By which clock a tenant's days are told, as a subquery."""

PARTS = """
    json_to_recordset(CAST(:parts AS json)) AS part (tenant_id integer, key text, day date)
"""
"""The parts that a mart is to make (`refresh.py`), as a FROM item."""

OWN_DAYS = f"""
    SELECT DISTINCT part.tenant_id, part.key, clock.zone,
           CAST(edge.at AT TIME ZONE clock.zone AS date) AS day
    FROM {PARTS}
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT zone FROM {ZONES} AS told
                         WHERE told.tenant_id = part.tenant_id), 'UTC') AS zone) AS clock
    CROSS JOIN LATERAL (VALUES
        (CAST(part.day AS timestamp) AT TIME ZONE 'UTC'),
        (CAST(part.day + 1 AS timestamp) AT TIME ZONE 'UTC' - interval '1 microsecond'))
        AS edge (at)
"""  # noqa: S608
"""The days by the tenants' clocks that the parts' UTC days lie in: tenant_id, key, zone, day."""


def within(instant: str, day: str = "own") -> str:
    """A condition: an instant is within a row of `OWN_DAYS`.

    The two comparisons serve an index; an hour to either side, because of a midnight that is there
    twice, or not at all.
    """
    return f"""
        {instant} >= CAST({day}.day AS timestamp) AT TIME ZONE {day}.zone - interval '1 hour'
        AND {instant} < CAST({day}.day + 1 AS timestamp) AT TIME ZONE {day}.zone
                        + interval '1 hour'
        AND CAST({instant} AT TIME ZONE {day}.zone AS date) = {day}.day
    """
