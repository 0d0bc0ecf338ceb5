-- What balances.py adds up: a delivery a row, by the same columns for all senders.
--
-- {mine} and {theirs} are `tenant_id = :tenant_id`, or true for who sees all; {span} is the span of
-- time, of the column that the sender's rows came at. Both are put in when the module is imported.
-- sent = (inserted + updated + known + replaced) + refused + waiting + unexplained.

-- name: files
-- Files as they came: a line is a row. What is not loaded yet waits; of one that can't be used
-- nothing was stored. Until it is read nobody knows how many rows a file has.
SELECT u.tenant_id, CASE
           WHEN u.domain = 'book_sales' THEN 'reports'
           WHEN u.source = 'http' THEN 'upload'
           WHEN u.source = 'drop' THEN 'drop_folder'
           WHEN u.source = 'ingest' THEN 'cli'
           WHEN u.source = 'replay' THEN 'corrections'
           ELSE 'other_files' END AS sender,
       'f' || u.upload_id AS receipt, u.recorded_at AS at, u.file_name AS name, u.type AS of_type,
       u.source AS channel, u.status AS state, u.error, u.session_id AS session,
       (u.lines - u.blank - u.preamble) AS sent,
       u.inserted, u.updated, u.unchanged AS known, u.superseded AS replaced,
       CASE WHEN u.status = 'failed'
            THEN u.lines - u.blank - u.preamble - u.inserted - u.updated - u.unchanged
                 - u.superseded
            ELSE u.rejected END AS refused,
       CASE u.status WHEN 'failed' THEN 0 WHEN 'loaded' THEN u.waiting ELSE u.staged END AS waiting,
       CASE u.status
            WHEN 'failed' THEN 0
            WHEN 'loaded' THEN u.lines - u.blank - u.preamble - u.rejected
                 - u.inserted - u.updated - u.unchanged - u.superseded - u.waiting
            ELSE u.lines - u.blank - u.preamble - u.rejected - u.staged END AS unexplained
FROM uploads AS u
WHERE {theirs} AND {span} AND u.domain <> 'intake' AND u.mapped_from IS NULL
  AND NOT (u.domain = 'book_sales' AND u.source = 'api')

-- name: mapped
-- Files of any shape: their rows make records, and records are what is stored. Those of commerce
-- are uploads of their own (`mapped_from`), where some may still wait; of the others the file's own
-- row tells what became of them.
SELECT u.tenant_id, CASE u.source WHEN 'api' THEN 'http_series' ELSE 'mapped_files' END AS sender,
       'f' || u.upload_id AS receipt, u.recorded_at AS at, u.file_name AS name, u.type AS of_type,
       u.source AS channel, u.status AS state, u.error, u.session_id AS session,
       CASE WHEN u.status = 'failed' THEN u.lines - u.blank - u.preamble
            ELSE n.inserted + n.updated + n.known + n.replaced + n.waiting + u.rejected
                 + n.unexplained + u.lines - u.blank - u.preamble - u.rejected - u.staged
            END AS sent,
       n.inserted, n.updated, n.known, n.replaced,
       CASE WHEN u.status = 'failed' THEN u.lines - u.blank - u.preamble ELSE u.rejected END
           AS refused,
       n.waiting,
       CASE WHEN u.status = 'failed' THEN 0
            ELSE n.unexplained + u.lines - u.blank - u.preamble - u.rejected - u.staged
            END AS unexplained
FROM uploads AS u
LEFT JOIN intake_deliveries AS d ON d.upload_id = u.upload_id
CROSS JOIN LATERAL (
    SELECT count(*) AS parts, coalesce(sum(c.inserted), 0) AS inserted,
           coalesce(sum(c.updated), 0) AS updated, coalesce(sum(c.unchanged), 0) AS known,
           coalesce(sum(c.superseded), 0) AS replaced,
           coalesce(sum(CASE c.status WHEN 'loaded' THEN c.waiting WHEN 'failed' THEN 0
                                      ELSE c.staged END), 0) AS waiting,
           coalesce(sum(c.lines - c.rejected - c.inserted - c.updated - c.unchanged - c.superseded
                        - CASE c.status WHEN 'loaded' THEN c.waiting
                                        WHEN 'failed' THEN 0 ELSE c.staged END), 0)
               AS unexplained
    FROM uploads AS c WHERE c.mapped_from = u.upload_id) AS p
CROSS JOIN LATERAL (
    SELECT coalesce(sum(made.value::bigint), 0) AS made
    FROM jsonb_each_text(d.made) AS made) AS m
CROSS JOIN LATERAL (
    SELECT p.inserted, p.updated, p.known, p.replaced, p.waiting, p.unexplained
    WHERE p.parts > 0
    UNION ALL
    SELECT u.inserted, u.updated, u.unchanged, u.superseded, u.waiting,
           m.made - coalesce(d.refused, 0)
           - u.inserted - u.updated - u.unchanged - u.superseded - u.waiting
    WHERE p.parts = 0) AS n
WHERE {theirs} AND {span} AND u.domain = 'intake'

-- name: readings
SELECT r.tenant_id, CASE r.channel WHEN 'post' THEN 'kpi_posts' ELSE 'kpi_imports' END AS sender,
       'r' || r.receipt_id AS receipt, r.received_at AS at,
       coalesce(r.file_name, 'readings') AS name, NULL AS of_type, r.channel,
       'loaded' AS state, NULL AS error, NULL::bigint AS session, r.sent,
       r.stored AS inserted, r.corrected AS updated, r.known, 0 AS replaced,
       r.conflicts + r.refused AS refused, 0 AS waiting,
       r.sent - r.stored - r.corrected - r.known - r.conflicts - r.refused AS unexplained
FROM kpi_receipts AS r WHERE {theirs} AND {span}

-- name: errors
SELECT e.tenant_id, 'kpi_errors' AS sender, 'x' || e.error_id AS receipt, e.received_at AS at,
       e.trace_id AS name, e.code AS of_type, 'post' AS channel, 'loaded' AS state, NULL AS error,
       NULL::bigint AS session, 1 AS sent, 1 AS inserted, 0 AS updated, 0 AS known, 0 AS replaced,
       0 AS refused, 0 AS waiting, 0 AS unexplained
FROM kpi_errors AS e WHERE {theirs} AND {span}

-- name: events
-- An event is applied in one transaction, or fails as a whole. Of comparables each is a record; one
-- that a newer event tells otherwise, or that is there twice, is left as it is.
SELECT e.tenant_id, 'events' AS sender, 'e' || e.ingestion_id AS receipt, e.received_at AS at,
       coalesce(e.market_slug, e.source, e.event_type) AS name, e.event_type AS of_type,
       coalesce(e.source, '') AS channel,
       CASE e.status WHEN 'applied' THEN 'loaded' WHEN 'failed' THEN 'failed' ELSE 'recorded' END
           AS state,
       e.error, NULL::bigint AS session, n.sent,
       CASE WHEN e.status = 'applied' THEN least(coalesce(e.processed_records, 0),
                                                 n.sent - n.refused) ELSE 0 END AS inserted,
       0 AS updated,
       CASE WHEN e.status = 'applied'
            THEN greatest(n.sent - n.refused - coalesce(e.processed_records, 0), 0) ELSE 0 END
           AS known,
       0 AS replaced,
       CASE e.status WHEN 'applied' THEN n.refused WHEN 'failed' THEN n.sent ELSE 0 END AS refused,
       CASE WHEN e.status IN ('received', 'validated') THEN n.sent ELSE 0 END AS waiting,
       CASE WHEN e.status = 'applied' THEN least(n.sent - n.refused, 0)
            WHEN e.status IN ('failed', 'received', 'validated') THEN 0 ELSE n.sent END
           AS unexplained
FROM ingestion_events AS e
CROSS JOIN LATERAL (
    SELECT CASE WHEN e.event_type = 'comps.upsert'
                     AND jsonb_typeof(e.payload -> 'data' -> 'comparables') = 'array'
                THEN jsonb_array_length(e.payload -> 'data' -> 'comparables') ELSE 1 END AS sent,
           CASE WHEN jsonb_typeof(e.rejected) = 'array' THEN jsonb_array_length(e.rejected)
                ELSE 0 END AS refused) AS n
WHERE {theirs} AND {span}

-- name: pings
SELECT p.tenant_id, 'gumroad_pings' AS sender, 'p' || p.ping_id AS receipt, p.received_at AS at,
       p.sale_id AS name, p.resource_name AS of_type, 'post' AS channel,
       CASE WHEN n.refused THEN 'failed' WHEN n.stored THEN 'loaded' ELSE 'recorded' END AS state,
       j.error, NULL::bigint AS session, 1 AS sent,
       CASE WHEN n.stored AND NOT n.refused THEN 1 ELSE 0 END AS inserted,
       0 AS updated, 0 AS known, 0 AS replaced, CASE WHEN n.refused THEN 1 ELSE 0 END AS refused,
       CASE WHEN n.stored OR n.refused THEN 0 ELSE 1 END AS waiting, 0 AS unexplained
FROM gumroad_pings AS p
LEFT JOIN jobs AS j ON j.job_id = p.job_id
CROSS JOIN LATERAL (
    -- Retention takes jobs that are over; what a Ping said is in the books then.
    SELECT j.job_id IS NULL OR j.status = 'completed' AS stored,
           coalesce(j.status IN ('failed', 'dead')
                    OR (j.result ->> 'rejected')::int > 0, false) AS refused) AS n
WHERE {theirs} AND {span}

-- name: apis
-- Imports that ask a platform's API: those of reports, and of Pings, are counted above.
SELECT j.tenant_id, 'platform_apis' AS sender, 'j' || j.job_id AS receipt, j.created_at AS at,
       j.platform AS name, j.kind AS of_type, 'api' AS channel,
       CASE WHEN j.status = 'completed' THEN 'loaded' WHEN j.status IN ('failed', 'dead')
            THEN 'failed' ELSE 'recorded' END AS state,
       j.error, NULL::bigint AS session, n.sent, n.inserted, n.updated, n.known, n.replaced,
       n.refused, 0 AS waiting,
       n.sent - n.inserted - n.updated - n.known - n.replaced - n.refused AS unexplained
FROM jobs AS j
CROSS JOIN LATERAL (
    SELECT coalesce((j.result ->> 'rows')::bigint, 0) AS sent,
           coalesce((j.result ->> 'inserted')::bigint, 0) AS inserted,
           coalesce((j.result ->> 'updated')::bigint, 0) AS updated,
           coalesce((j.result ->> 'unchanged')::bigint, 0) AS known,
           coalesce((j.result ->> 'left_alone')::bigint, 0) AS replaced,
           coalesce((j.result ->> 'rejected')::bigint, 0) AS refused) AS n
WHERE {theirs} AND {span} AND j.kind LIKE 'book\_sales.import.%'
  AND NOT j.shown_payload ?| ARRAY['upload_id', 'ping_id', 'storagePath']

-- name: collections
SELECT s.tenant_id, 'collections' AS sender, 'c' || d.site_name || '@' || d.day AS receipt,
       d.collected_at AS at, d.site_name || ' ' || d.day AS name, NULL AS of_type,
       'api' AS channel, CASE WHEN cardinality(d.missing) > 0 THEN 'recorded' ELSE 'loaded' END
           AS state,
       d.result ->> 'fault' AS error, NULL::bigint AS session, n.sent, n.inserted, n.updated,
       n.known, n.replaced, n.refused, 0 AS waiting,
       n.sent - n.inserted - n.updated - n.known - n.replaced - n.refused AS unexplained
FROM collected_days AS d
JOIN tenant_sites AS s ON s.site_name = d.site_name
CROSS JOIN LATERAL (
    SELECT coalesce((c.counts ->> 'fetched')::bigint, 0) AS sent,
           coalesce((c.counts ->> 'inserted')::bigint, 0) AS inserted,
           coalesce((c.counts ->> 'updated')::bigint, 0) AS updated,
           coalesce((c.counts ->> 'unchanged')::bigint, 0) AS known,
           coalesce((c.counts ->> 'duplicates')::bigint, 0) AS replaced,
           coalesce((c.counts ->> 'rejected')::bigint, 0)
               + coalesce((c.counts ->> 'skipped')::bigint, 0)
               + coalesce((c.counts ->> 'outside')::bigint, 0) AS refused
    FROM (SELECT d.result -> 'counts' AS counts) AS c) AS n
WHERE {theirs} AND {span}
