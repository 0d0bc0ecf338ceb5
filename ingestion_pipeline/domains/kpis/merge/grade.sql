-- The statements of grade.py.

-- name: due
SELECT tenant_id, kpi_id, min(observed_at), max(observed_at), count(*)
FROM kpi_points
WHERE quality IS NULL AND observed_at >= :start AND observed_at < :stop
GROUP BY tenant_id, kpi_id ORDER BY tenant_id, kpi_id

-- name: grade
-- Locked points are being doubted this moment; they are graded next time.
UPDATE kpi_points AS point SET quality = free.quality
FROM (SELECT tenant_id, kpi_id, observed_at, grade.quality
      FROM json_to_recordset(CAST(:grades AS json)) AS grade
          (tenant_id integer, kpi_id text, observed_at timestamptz, quality text, version text)
      JOIN kpi_points AS read USING (tenant_id, kpi_id, observed_at)
      WHERE read.xmin::text = grade.version
      FOR NO KEY UPDATE OF read SKIP LOCKED) AS free
WHERE point.tenant_id = free.tenant_id AND point.kpi_id = free.kpi_id
  AND point.observed_at = free.observed_at
RETURNING point.tenant_id, point.kpi_id

-- name: forget_grades
-- The inbox knows the series of a day; the points have no index by instant alone.
UPDATE kpi_points AS point SET quality = NULL
FROM (SELECT tenant_id, kpi_id, known.observed_at
      FROM (SELECT DISTINCT tenant_id, kpi_id FROM kpi_updates
            WHERE observed_at >= :start AND observed_at < :stop) AS series
      JOIN kpi_points AS known USING (tenant_id, kpi_id)
      WHERE known.observed_at >= :start AND known.observed_at < :stop
        AND known.quality IS NOT NULL
      FOR NO KEY UPDATE OF known SKIP LOCKED) AS free
WHERE point.tenant_id = free.tenant_id AND point.kpi_id = free.kpi_id
  AND point.observed_at = free.observed_at

-- name: mark_series
INSERT INTO kpi_series AS known (tenant_id, kpi_id)
SELECT * FROM json_to_recordset(CAST(:series AS json)) AS s (tenant_id integer, kpi_id text)
ORDER BY tenant_id, kpi_id
ON CONFLICT (tenant_id, kpi_id) DO UPDATE SET pending = true, changed = known.changed + 1

-- name: mark_day
INSERT INTO kpi_days AS known (day) VALUES (:day)
ON CONFLICT (day) DO UPDATE SET pending = true, changed = known.changed + 1

-- name: mark_next_days
-- A day's change is measured from the last value before it: a late reading, or a corrected one, may
-- have moved that of the next day that has any.
INSERT INTO kpi_days AS known (day)
SELECT DISTINCT next.day
FROM json_to_recordset(CAST(:series AS json)) AS series (tenant_id integer, kpi_id text),
     LATERAL (
        SELECT day, last, change FROM kpi_daily_summary AS summary
        WHERE summary.tenant_id = series.tenant_id AND summary.kpi_id = series.kpi_id
          AND summary.day > :day
        ORDER BY day LIMIT 1) AS next,
     LATERAL (
        SELECT value FROM kpi_points AS point
        WHERE point.tenant_id = series.tenant_id AND point.kpi_id = series.kpi_id
          AND point.observed_at < CAST(next.day AS timestamp) AT TIME ZONE 'UTC'
        ORDER BY observed_at DESC LIMIT 1) AS before
WHERE next.change IS DISTINCT FROM CASE
    WHEN abs(next.last) < 8e307 AND abs(before.value) < 8e307 THEN next.last - before.value END
ORDER BY day
ON CONFLICT (day) DO UPDATE SET pending = true, changed = known.changed + 1

-- name: recreate
INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                        trace_id, received_at, in_order)
SELECT DISTINCT ON (tenant_id, kpi_id, observed_at)
       tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type, trace_id, received_at,
       NOT EXISTS (SELECT 1 FROM kpi_points AS newer
                   WHERE newer.tenant_id = sent.tenant_id AND newer.kpi_id = sent.kpi_id
                     AND newer.observed_at > sent.observed_at
                     AND newer.received_at < sent.received_at)
FROM kpi_updates AS sent
WHERE observed_at >= :start AND observed_at < :stop
  AND NOT EXISTS (SELECT 1 FROM kpi_points AS known
                  WHERE known.tenant_id = sent.tenant_id AND known.kpi_id = sent.kpi_id
                    AND known.observed_at = sent.observed_at)
ORDER BY tenant_id, kpi_id, observed_at, update_id
ON CONFLICT DO NOTHING
