-- The statements of corrections.py.

-- name: lock_points
SELECT known.tenant_id, known.kpi_id, known.observed_at, known.value
FROM kpi_points AS known
JOIN json_to_recordset(CAST(:points AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz)
    USING (tenant_id, kpi_id, observed_at)
ORDER BY tenant_id, kpi_id, observed_at FOR UPDATE OF known

-- name: record
-- What was sent first with the old value is kept whole; of a chain in one batch, each link.
INSERT INTO kpi_corrections (tenant_id, kpi_id, observed_at, old_value, new_value, old_data,
                             trace_id, request_id)
SELECT sent.tenant_id, sent.kpi_id, sent.observed_at, sent.old_value, sent.new_value,
       coalesce(sent.old_data, (
           SELECT first.data FROM kpi_points AS point
           JOIN kpi_updates AS first USING (tenant_id, trace_id, kpi_id, observed_at)
           WHERE point.tenant_id = sent.tenant_id AND point.kpi_id = sent.kpi_id
             AND point.observed_at = sent.observed_at)),
       sent.trace_id, sent.request_id
FROM json_to_recordset(CAST(:corrections AS json)) AS sent
    (number integer, tenant_id integer, kpi_id text, observed_at timestamptz,
     old_value double precision, new_value double precision, old_data jsonb, trace_id text,
     request_id text)
ORDER BY number

-- name: set_points
UPDATE kpi_points AS known SET value = sent.value, quality = NULL
FROM json_to_recordset(CAST(:points AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz, value double precision)
WHERE known.tenant_id = sent.tenant_id AND known.kpi_id = sent.kpi_id
  AND known.observed_at = sent.observed_at

-- name: lock_updates
SELECT update_id FROM kpi_updates
JOIN json_to_recordset(CAST(:points AS json)) AS sent
    (tenant_id integer, kpi_id text, observed_at timestamptz)
    USING (tenant_id, kpi_id, observed_at)
ORDER BY tenant_id, trace_id, kpi_id, observed_at FOR UPDATE OF kpi_updates

-- name: set_updates
-- Who corrects has sent the reading anew; of the others only the value was wrong.
UPDATE kpi_updates AS known SET
    value = CASE WHEN wrong THEN sent.value ELSE known.value END,
    data = CASE WHEN NOT wrong THEN known.data
                WHEN known.trace_id = ANY (sent.trace_ids) THEN sent.data
                ELSE known.data || sent.data || jsonb_build_object('value', sent.value) END,
    pending = true, changed = known.changed + 1, attempts = 0, error = NULL
FROM (SELECT update_id, point.*,
             old.value <> point.value AND (old.trace_id = ANY (point.trace_ids)
                                           OR old.value = ANY (point.old_values)) AS wrong
      FROM kpi_updates AS old
      JOIN json_to_recordset(CAST(:points AS json)) AS point
          (tenant_id integer, kpi_id text, observed_at timestamptz, value double precision,
           data jsonb, trace_ids text[], old_values double precision[])
          USING (tenant_id, kpi_id, observed_at)) AS sent
WHERE known.update_id = sent.update_id AND (wrong OR sent.old_values <> '{}')
