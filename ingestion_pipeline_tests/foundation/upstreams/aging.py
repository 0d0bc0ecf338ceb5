"""Letting time pass for a circuit breaker, without waiting for it."""

import sqlalchemy as sa

_AGE = sa.text("""
    UPDATE circuit_breakers
    SET opened_at = opened_at - make_interval(secs => :seconds),
        probe_until = probe_until - make_interval(secs => :seconds),
        failed_at = ARRAY(SELECT moment - make_interval(secs => :seconds)
                          FROM unnest(failed_at) AS moment)
""")


def time_passes(engine: sa.Engine, *, seconds: float) -> None:
    with engine.begin() as connection:
        connection.execute(_AGE, {"seconds": seconds})
