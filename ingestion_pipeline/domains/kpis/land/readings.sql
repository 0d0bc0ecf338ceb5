-- The statements of readings.py.

-- name: insert_points
-- The newest point is asked for row by row, from the primary key: a join might read whole series.
INSERT INTO kpi_points AS known (tenant_id, kpi_id, observed_at, value, timestamp_text,
                                 kpi_type, trace_id, in_order)
SELECT tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type, trace_id,
       coalesce(observed_at >= (
           SELECT max(newer.observed_at) FROM kpi_points AS newer
           WHERE newer.tenant_id = sent.tenant_id AND newer.kpi_id = sent.kpi_id), true)
FROM json_to_recordset(CAST(:points AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz, value double precision,
     timestamp_text text, kpi_type text, trace_id text)
ORDER BY tenant_id, kpi_id, observed_at
ON CONFLICT DO NOTHING
RETURNING tenant_id, kpi_id, observed_at

-- name: kept_values
SELECT sent.tenant_id, sent.kpi_id, sent.observed_at,
       (SELECT known.value FROM kpi_points AS known
        WHERE known.tenant_id = sent.tenant_id AND known.kpi_id = sent.kpi_id
          AND known.observed_at = sent.observed_at)
FROM json_to_recordset(CAST(:points AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz)

-- name: record_updates
-- What was missing is filled in; what was there stays.
INSERT INTO kpi_updates AS known (tenant_id, trace_id, kpi_id, observed_at, timestamp_text,
                                  kpi_type, value, data, metadata, chart, request_id)
SELECT * FROM json_to_recordset(CAST(:updates AS json)) AS sent
    (tenant_id integer, trace_id text, kpi_id text, observed_at timestamptz,
     timestamp_text text, kpi_type text, value double precision, data jsonb, metadata jsonb,
     chart jsonb, request_id text)
ORDER BY tenant_id, trace_id, kpi_id, observed_at
ON CONFLICT (tenant_id, trace_id, kpi_id, observed_at) DO UPDATE SET
    metadata = coalesce(known.metadata, excluded.metadata),
    chart = coalesce(known.chart, excluded.chart),
    pending = true, changed = known.changed + 1, attempts = 0, error = NULL
WHERE (known.metadata IS NULL AND excluded.metadata IS NOT NULL)
   OR (known.chart IS NULL AND excluded.chart IS NOT NULL)

-- name: complete_kpis
-- A late success upgrades; nothing takes a completion back. And what came is counted, in the same
-- statement: one of its own would cost every transaction a round trip.
WITH counted AS (
    INSERT INTO kpi_receipts (tenant_id, channel, file_name, sent, stored, known, corrected,
                              conflicts, refused)
    SELECT * FROM json_to_recordset(CAST(:receipts AS json)) AS came
        (tenant_id integer, channel text, file_name text, sent integer, stored integer,
         known integer, corrected integer, conflicts integer, refused integer))
INSERT INTO kpi_job_kpis AS known (tenant_id, trace_id, kpi_id, status, completed_at)
SELECT tenant_id, trace_id, kpi_id, CASE WHEN came THEN 'completed' ELSE 'pending' END,
       CASE WHEN came THEN now() END
FROM json_to_recordset(CAST(:kpis AS json)) AS sent
    (tenant_id integer, trace_id text, kpi_id text, came boolean)
ORDER BY tenant_id, trace_id, kpi_id
ON CONFLICT (tenant_id, trace_id, kpi_id) DO UPDATE SET
    status = 'completed', completed_at = now(), error = NULL, updated_at = now(),
    pending = true, changed = known.changed + 1
WHERE excluded.status = 'completed' AND known.status <> 'completed'

-- name: record_conflicts
INSERT INTO kpi_conflicts (tenant_id, kpi_id, observed_at, trace_id, value, kept_value,
                           request_id)
SELECT * FROM json_to_recordset(CAST(:conflicts AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz, trace_id text,
     value double precision, kept_value double precision, request_id text)
ORDER BY tenant_id, kpi_id, observed_at, trace_id, value
ON CONFLICT DO NOTHING
RETURNING tenant_id, kpi_id, observed_at

-- name: doubt_points
-- Its quality is another one now: the point is to be graded, and its packages published, again.
UPDATE kpi_points SET quality = NULL
WHERE (tenant_id, kpi_id, observed_at) IN (
    SELECT tenant_id, kpi_id, observed_at FROM kpi_points
    JOIN json_to_recordset(CAST(:points AS json)) AS doubted
        (tenant_id integer, kpi_id text, observed_at timestamptz)
        USING (tenant_id, kpi_id, observed_at)
    ORDER BY tenant_id, kpi_id, observed_at FOR UPDATE OF kpi_points)

-- name: doubt_updates
UPDATE kpi_updates SET pending = true, changed = changed + 1
WHERE update_id IN (
    SELECT update_id FROM kpi_updates
    JOIN json_to_recordset(CAST(:points AS json)) AS doubted
        (tenant_id integer, kpi_id text, observed_at timestamptz)
        USING (tenant_id, kpi_id, observed_at)
    ORDER BY tenant_id, trace_id, kpi_id, observed_at FOR UPDATE OF kpi_updates)
