"""Book sales: an import has a UUID, as in the replaced service, whose queries name it.

It is the job's number in another spelling (`ledger/job_ids.py` has it, too): nothing is stored,
and a number that was told before goes on meaning its job. The views change a column's type, so
they are made anew; what others were granted on them is granted again.
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(_FUNCTION)
    op.execute(_REMEMBER_GRANTS)
    op.execute("DROP VIEW ingestion_jobs, ingestion_attempts")
    op.execute(_VIEWS)
    op.execute(_GRANT_AGAIN)


# The last sixteen digits are the variant (binary 10) and the number; the first twelve "ingjob".
_FUNCTION = """
    CREATE FUNCTION job_uuid(job_id bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('696e676a6f628000' || to_hex(job_id | (1::bigint << 63)))::uuid;

    CREATE INDEX job_attempts_job_uuid_idx ON job_attempts (job_uuid(job_id));
    CREATE INDEX jobs_import_uuid_idx ON jobs (job_uuid(job_id))
        WHERE kind LIKE 'book\\_sales.import.%';
"""

_REMEMBER_GRANTS = """
    CREATE TEMPORARY TABLE granted ON COMMIT DROP AS
    SELECT c.relname, a.privilege_type, a.is_grantable, r.rolname
    FROM pg_class AS c, aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee
    WHERE c.oid IN ('ingestion_jobs'::regclass, 'ingestion_attempts'::regclass)
      AND a.grantee <> c.relowner;
"""

_VIEWS = """
    CREATE VIEW ingestion_jobs WITH (security_invoker = true) AS
    SELECT job_uuid(job_id) AS id, job_id, tenant_id, kind, platform,
           CASE status WHEN 'dead' THEN 'failed' ELSE status END AS status,
           priority, attempt AS attempts, max_attempts, available_at AS scheduled_for,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS started_at,
           CASE WHEN status IN ('completed', 'failed', 'dead') THEN updated_at END AS completed_at,
           result, error AS error_message, run_id, created_at, updated_at,
           tenant_id AS profile_id,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS executed_at,
           shown_payload AS payload
    FROM jobs WHERE kind LIKE 'book\\_sales.import.%';

    CREATE VIEW ingestion_attempts WITH (security_invoker = true) AS
    SELECT a.job_id::text || '-' || a.attempt AS id, job_uuid(a.job_id) AS job_id,
           a.attempt AS attempt_number, j.tenant_id, j.kind, j.platform,
           CASE WHEN a.outcome IS NULL THEN 'processing'
                WHEN a.outcome = 'completed' THEN 'completed'
                ELSE 'failed' END AS status,
           a.outcome, a.started_at, a.finished_at AS completed_at,
           extract(epoch FROM a.finished_at - a.started_at)::double precision * 1000
               AS duration_ms,
           a.error AS error_message, a.worker, a.run_id, a.finished_at
    FROM job_attempts AS a JOIN jobs AS j USING (job_id);
"""

_GRANT_AGAIN = """
    DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT * FROM granted LOOP
            EXECUTE format('GRANT %s ON %I TO %I %s', each.privilege_type, each.relname,
                each.rolname, CASE WHEN each.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END);
        END LOOP;
    END $$;
"""
