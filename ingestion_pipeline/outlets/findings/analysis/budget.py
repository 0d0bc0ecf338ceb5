"""Tokens a day: what a request may take is set aside before it, and put right after it.

A run that is killed in between has spent what it set aside. All runs share the day's row.
"""

from dataclasses import dataclass

import sqlalchemy as sa

_SET_ASIDE = sa.text("""
    INSERT INTO analysis_tokens AS today (day, tokens)
    SELECT (now() AT TIME ZONE 'UTC')::date, :tokens WHERE :tokens <= :budget
    ON CONFLICT (day) DO UPDATE SET tokens = today.tokens + :tokens
    WHERE today.tokens + :tokens <= :budget
    RETURNING day
""")
_PUT_RIGHT = sa.text("""
    UPDATE analysis_tokens SET tokens = tokens + :more WHERE day = CAST(:day AS date)
""")


@dataclass(frozen=True)
class Budget:
    """Tokens that all requests of a UTC day may take."""

    engine: sa.Engine
    tokens: int

    def set_aside(self, tokens: int) -> str | None:
        """Set tokens aside for a request; the day they are of, None: there are not so many left."""
        with self.engine.begin() as connection:
            values = {"tokens": tokens, "budget": self.tokens}
            day = connection.scalar(_SET_ASIDE, values)
        return None if day is None else day.isoformat()

    def put_right(self, day: str, *, set_aside: int, took: int) -> None:
        """What a request took in the end, of what was set aside for it."""
        with self.engine.begin() as connection:
            connection.execute(_PUT_RIGHT, {"more": took - set_aside, "day": day})
