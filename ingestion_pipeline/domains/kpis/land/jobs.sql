-- The statements of jobs.py.

-- name: ensure_jobs
INSERT INTO kpi_jobs (tenant_id, trace_id, timeout_at)
SELECT tenant_id, trace_id, now() + CAST(:timeout AS interval)
FROM json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
ORDER BY tenant_id, trace_id
ON CONFLICT DO NOTHING

-- name: lock_jobs
-- Numbers of errors are given one transaction after the other.
SELECT tenant_id, trace_id FROM kpi_jobs
JOIN json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
    USING (tenant_id, trace_id)
ORDER BY tenant_id, trace_id FOR NO KEY UPDATE OF kpi_jobs

-- name: announce
-- The timeout that was announced first stays; one that came with an update was only a guess.
INSERT INTO kpi_jobs AS known (tenant_id, trace_id, announced_at, timeout_at)
VALUES (:tenant_id, :trace_id, now(), now() + CAST(:timeout AS interval))
ON CONFLICT (tenant_id, trace_id) DO UPDATE SET
    announced_at = coalesce(known.announced_at, now()),
    timeout_at = CASE WHEN known.announced_at IS NULL
                      THEN excluded.timeout_at ELSE known.timeout_at END,
    expired_at = CASE WHEN known.announced_at IS NULL THEN NULL ELSE known.expired_at END,
    updated_at = now(), pending = true, changed = known.changed + 1
RETURNING changed = 0

-- name: await_kpis
INSERT INTO kpi_job_kpis (tenant_id, trace_id, kpi_id, status)
SELECT :tenant_id, :trace_id, kpi_id, 'pending'
FROM unnest(CAST(:kpi_ids AS text[])) AS sent (kpi_id)
ORDER BY kpi_id
ON CONFLICT DO NOTHING

-- name: record_error
INSERT INTO kpi_errors (tenant_id, sha256, trace_id, kpi_ids, message, code, type, retry_count,
                        observed_at, n, body, request_id)
VALUES (:tenant_id, :sha256, :trace_id, :kpi_ids, :message, :code, :type, :retry_count,
        coalesce(:observed_at, now()),
        1 + (SELECT count(*) FROM kpi_errors
             WHERE tenant_id = :tenant_id AND trace_id = :trace_id
               AND observed_at = coalesce(:observed_at, now())),
        CAST(:body AS jsonb), :request_id)
ON CONFLICT (tenant_id, sha256) DO NOTHING
RETURNING error_id

-- name: fail_kpis
INSERT INTO kpi_job_kpis AS known (tenant_id, trace_id, kpi_id, status, error, retry_count)
SELECT tenant_id, trace_id, kpi_id, 'failed', message, retry_count
FROM json_to_recordset(CAST(:kpis AS json)) AS sent
    (tenant_id integer, trace_id text, kpi_id text, message text, retry_count integer)
ORDER BY tenant_id, trace_id, kpi_id
ON CONFLICT (tenant_id, trace_id, kpi_id) DO UPDATE SET
    status = 'failed', error = excluded.error,
    retry_count = greatest(known.retry_count, excluded.retry_count), updated_at = now(),
    pending = true, changed = known.changed + 1
WHERE known.status <> 'completed'

-- name: touch_jobs
UPDATE kpi_jobs SET pending = true, changed = changed + 1, updated_at = now()
FROM json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
WHERE kpi_jobs.tenant_id = sent.tenant_id AND kpi_jobs.trace_id = sent.trace_id

-- name: expire_jobs
-- Rows that are locked are being changed; they are looked at again a minute later.
UPDATE kpi_jobs SET expired_at = now(), pending = true, changed = changed + 1,
                    updated_at = now()
WHERE (tenant_id, trace_id) IN (
    SELECT tenant_id, trace_id FROM kpi_jobs
    WHERE expired_at IS NULL AND timeout_at <= now() FOR UPDATE SKIP LOCKED)

-- name: expire_kpis
UPDATE kpi_job_kpis SET status = 'timeout', pending = true, changed = changed + 1,
                        updated_at = now()
WHERE (tenant_id, trace_id, kpi_id) IN (
    SELECT tenant_id, trace_id, kpi_id
    FROM kpi_job_kpis JOIN kpi_jobs USING (tenant_id, trace_id)
    WHERE kpi_job_kpis.status = 'pending' AND kpi_jobs.timeout_at <= now()
    FOR UPDATE OF kpi_job_kpis SKIP LOCKED)
