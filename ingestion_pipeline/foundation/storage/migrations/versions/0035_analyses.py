"""Analyses of ours beside senders' own, and the tokens that rewording them took.

The index finds what came lately; rows of `kpi_updates` stand in the order in which they came.
"""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("""
        ALTER TABLE kpi_analyses
            ADD COLUMN source text NOT NULL DEFAULT 'sender',
            ADD COLUMN of_value double precision,
            ADD COLUMN observed_at timestamptz,
            ADD COLUMN model text,
            ADD COLUMN tokens integer,
            ADD COLUMN note text;
        CREATE INDEX kpi_updates_received_idx ON kpi_updates USING brin (received_at);
        COMMENT ON COLUMN kpi_analyses.source IS
            'Whose it is: sender, template, or model (reworded)';
        COMMENT ON COLUMN kpi_analyses.of_value IS
            'The value that ours is of; NULL: the sender''s';
        COMMENT ON COLUMN kpi_analyses.observed_at IS
            'Instant of that value, UTC; NULL: the sender''s';
        COMMENT ON COLUMN kpi_analyses.model IS 'The model that was asked; NULL: none';
        COMMENT ON COLUMN kpi_analyses.tokens IS
            'Tokens that asking took; NULL: none was asked';
        COMMENT ON COLUMN kpi_analyses.note IS
            'Why the template stays though a server was to be asked; NULL: it was not, '
            'or its wording was taken';
        CREATE TABLE analysis_tokens (
            day date NOT NULL,
            tokens bigint NOT NULL,
            PRIMARY KEY (day)
        );
        COMMENT ON TABLE analysis_tokens IS
            'Tokens that rewording analyses took: a row a UTC day';
        COMMENT ON COLUMN analysis_tokens.day IS 'The UTC day';
        COMMENT ON COLUMN analysis_tokens.tokens IS
            'Tokens that were taken, or are set aside for a request under way';
    """)
