"""Upstreams: the requests that count against their limits, and their circuit breakers."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE upstream_limits (
            name text PRIMARY KEY,
            -- The instants of the newest requests, oldest first; the last ones may lie ahead.
            recent timestamptz[] NOT NULL,
            paused_until timestamptz
        );

        CREATE TABLE circuit_breakers (
            name text PRIMARY KEY,
            state text NOT NULL DEFAULT 'closed',
            failures integer NOT NULL DEFAULT 0,
            generation bigint NOT NULL DEFAULT 0,
            opened_at timestamptz,
            probe_until timestamptz,
            last_error text,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT circuit_breakers_state_check
                CHECK (state IN ('closed', 'open', 'half_open'))
        );
    """)
