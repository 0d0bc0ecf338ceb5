"""Findings: what is out of the ordinary; by whose clock a tenant's days are told, its holidays."""

from alembic import op

revision = "0033"
down_revision = "0032"

_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
    for table in ("findings", "watched_subjects", "holidays"):
        op.execute(f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own_rows ON {table} FOR SELECT USING (tenant_id = {_MINE});
        """)


_TABLES = """
    ALTER TABLE tenants ADD COLUMN time_zone TEXT DEFAULT 'UTC' NOT NULL;
    CREATE TABLE holidays (
        tenant_id INTEGER NOT NULL,
        day DATE NOT NULL,
        name TEXT NOT NULL,
        CONSTRAINT holidays_pkey PRIMARY KEY (tenant_id, day),
        CONSTRAINT holidays_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
    );
    COMMENT ON TABLE holidays IS
        'Days on which a tenant does not work: they are compared with Sundays';
    COMMENT ON COLUMN holidays.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN holidays.day IS 'The day, by the tenant''s clock';
    COMMENT ON COLUMN holidays.name IS 'What is celebrated; empty: not said';
    COMMENT ON COLUMN tenants.time_zone IS
        'By whose clock its days are told: a name of the IANA database';
    CREATE TABLE findings (
        finding_id BIGINT GENERATED ALWAYS AS IDENTITY,
        tenant_id INTEGER,
        domain TEXT NOT NULL,
        subject TEXT NOT NULL,
        kind TEXT NOT NULL,
        began_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
        farthest_at TIMESTAMP WITH TIME ZONE,
        value DOUBLE PRECISION,
        usual_low DOUBLE PRECISION,
        usual_middle DOUBLE PRECISION,
        usual_high DOUBLE PRECISION,
        rarity DOUBLE PRECISION,
        watched_weeks DOUBLE PRECISION NOT NULL,
        sentence TEXT NOT NULL,
        history JSONB NOT NULL,
        state TEXT NOT NULL,
        expected_at TIMESTAMP WITH TIME ZONE,
        expected_by TEXT,
        told_at TIMESTAMP WITH TIME ZONE,
        found_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT findings_pkey PRIMARY KEY (finding_id),
        CONSTRAINT findings_once UNIQUE NULLS NOT DISTINCT
            (tenant_id, domain, subject, kind, began_at)
    );
    CREATE INDEX findings_newest_idx ON findings (tenant_id, raised_at);
    COMMENT ON TABLE findings IS 'What is out of the ordinary: a row a subject, kind and begin';
    COMMENT ON COLUMN findings.finding_id IS 'Number of the finding';
    COMMENT ON COLUMN findings.tenant_id IS
        'Whose it is (tenants.tenant_id); NULL: the operator''s own';
    COMMENT ON COLUMN findings.domain IS 'commerce, buildings, kpis, markets or book_sales';
    COMMENT ON COLUMN findings.subject IS
        'What is watched, as its domain calls it: a KPI, a point, a currency, a sender';
    COMMENT ON COLUMN findings.kind IS
        'spike, drop, stuck, level_shift, gap, silence or volume';
    COMMENT ON COLUMN findings.began_at IS 'The first instant that is not usual, UTC';
    COMMENT ON COLUMN findings.ended_at IS 'The first that is again, UTC; NULL: it lasts';
    COMMENT ON COLUMN findings.raised_at IS 'From when on it could be told, UTC';
    COMMENT ON COLUMN findings.farthest_at IS 'When it was farthest from usual; NULL: a gap';
    COMMENT ON COLUMN findings.value IS 'The value farthest from usual; NULL: nothing came';
    COMMENT ON COLUMN findings.usual_low IS 'Least that was usual then; NULL: unknown';
    COMMENT ON COLUMN findings.usual_middle IS 'Middle of what was usual then; NULL: unknown';
    COMMENT ON COLUMN findings.usual_high IS 'Most that was usual then; NULL: unknown';
    COMMENT ON COLUMN findings.rarity IS 'False alarms a week, were this the threshold';
    COMMENT ON COLUMN findings.watched_weeks IS 'Weeks of history that stand behind it';
    COMMENT ON COLUMN findings.sentence IS 'What it is, in a sentence, by the tenant''s clock';
    COMMENT ON COLUMN findings.history IS
        'Values at the same hour of the weeks before: [[instant, value], …]';
    COMMENT ON COLUMN findings.state IS
        'open, ended, expected (somebody said so) or absorbed (part of another)';
    COMMENT ON COLUMN findings.expected_at IS 'When it was called expected; NULL: it is not';
    COMMENT ON COLUMN findings.expected_by IS 'Who called it expected; NULL: nobody';
    COMMENT ON COLUMN findings.told_at IS 'When its alert was delivered; NULL: it was not';
    COMMENT ON COLUMN findings.found_at IS 'When it was first found, UTC';
    COMMENT ON COLUMN findings.updated_at IS 'When the row was last changed, UTC';
    CREATE TABLE watched_subjects (
        watched_id BIGINT GENERATED ALWAYS AS IDENTITY,
        tenant_id INTEGER,
        domain TEXT NOT NULL,
        subject TEXT NOT NULL,
        seen_until TIMESTAMP WITH TIME ZONE NOT NULL,
        looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        verdict TEXT NOT NULL,
        usual_low DOUBLE PRECISION,
        usual_middle DOUBLE PRECISION,
        usual_high DOUBLE PRECISION,
        CONSTRAINT watched_subjects_pkey PRIMARY KEY (watched_id),
        CONSTRAINT watched_subjects_once UNIQUE NULLS NOT DISTINCT (tenant_id, domain, subject)
    );
    COMMENT ON TABLE watched_subjects IS
        'What is watched for findings, and up to where it was looked at';
    COMMENT ON COLUMN watched_subjects.watched_id IS 'Number of the row';
    COMMENT ON COLUMN watched_subjects.tenant_id IS
        'Whose it is (tenants.tenant_id); NULL: the operator''s own';
    COMMENT ON COLUMN watched_subjects.domain IS
        'commerce, buildings, kpis, markets or book_sales';
    COMMENT ON COLUMN watched_subjects.subject IS
        'What is watched, as its domain calls it: a KPI, a point, a currency, a sender';
    COMMENT ON COLUMN watched_subjects.seen_until IS
        'Up to which instant its points were looked at, UTC';
    COMMENT ON COLUMN watched_subjects.looked_at IS 'When it was looked at last, UTC';
    COMMENT ON COLUMN watched_subjects.verdict IS
        'usual, unusual, or unknown: too little came so far';
    COMMENT ON COLUMN watched_subjects.usual_low IS 'Least that is usual now; NULL: unknown';
    COMMENT ON COLUMN watched_subjects.usual_middle IS
        'Middle of what is usual now; NULL: unknown';
    COMMENT ON COLUMN watched_subjects.usual_high IS 'Most that is usual now; NULL: unknown';
"""
