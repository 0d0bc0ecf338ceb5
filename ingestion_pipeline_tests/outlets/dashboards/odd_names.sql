-- Rows of things with odd names, of which pages have links (test_links.py gives the names).
-- Macro series of a tenant's own begin with its name; those without a slash are everybody's.
INSERT INTO kpi_series (tenant_id, kpi_id, pending) SELECT :t, name, false FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type, trace_id,
                        in_order)
SELECT :t, name, now() - interval '1 hour', 1, 'x', 'x', 'x', true FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at, watched_weeks,
                      sentence, history, state)
SELECT :t, 'kpis', name, 'drop', now() - interval '1 hour', now(), 8, 'Fell.', '[]', 'open'
FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO tenant_sites (tenant_id, site_name) SELECT :t, name FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched, kept, result)
SELECT name, current_date - 1, '{}', '{}', 0, 0, '{}' FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, samples, left_out, minimum, maximum,
                               mean, last, coverage)
SELECT name, name || '/co2', date_trunc('day', now(), 'UTC') - interval '12 hours', 'ppm', 60, 0,
       400, 400, 400, 400, 1
FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO building_hours (site_name, point_name, hour, unit, room, measure, samples, minimum, maximum,
                            mean, coverage)
SELECT site_name, point_name, hour, unit, site_name, 'co2', samples, minimum, maximum, mean, coverage
FROM timeseries_hourly WHERE site_name = ANY (CAST(:odd AS text[]));
INSERT INTO building_alerts (site_name, point_name, rule_id, started_at, ended_at, samples, extreme,
                             severity, open_ended)
SELECT site_name, point_name, 1, hour, hour, 1, 1400, 'warning', true
FROM timeseries_hourly WHERE site_name = ANY (CAST(:odd AS text[]));
INSERT INTO timeseries_gaps (site_name, day, point_name, gap_start, gap_end, reason)
SELECT site_name, current_date - 1, point, hour, hour + interval '1 hour', 'no sample'
FROM timeseries_hourly, unnest(ARRAY[point_name, 'never there', '*']) AS point
WHERE site_name = ANY (CAST(:odd AS text[]));
INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at, watched_weeks,
                      sentence, history, state)
SELECT :t, 'buildings', site_name || '/' || point_name, 'spike', now() - interval '1 hour', now(), 8,
       'Rose.', '[]', 'open'
FROM timeseries_hourly WHERE site_name = ANY (CAST(:odd AS text[]));
INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at, watched_weeks,
                      sentence, history, state)
VALUES (:t, 'buildings', 'sold/site/co2', 'gap', now(), now(), 8, 'Nothing came.', '[]', 'open'),
       (:t, 'commerce', 'EUR', 'drop', now(), now(), 8, 'Fell.', '[]', 'open'),
       (:t, 'commerce', 'files: orders & more?', 'silence', now(), now(), 8, 'Is quiet.', '[]', 'open');
INSERT INTO macro_latest (series_id, observed_on, newest, value, known_since, first_print,
                          first_print_on, revision)
SELECT CASE WHEN position('/' IN name) > 0 THEN :name || '/' || name ELSE name END, current_date, true,
       1, current_date, 1, current_date, 0
FROM unnest(CAST(:odd AS text[])) AS name;
INSERT INTO orders_daily (tenant_id, day, currency, orders, gross, discounts, refunds, net,
                          new_customers, returning_customers, returns, cancelled, cancelled_amount)
VALUES (:t, current_date, 'EUR', 1, 1, 0, 0, 1, 1, 0, 0, 0, 0);
INSERT INTO book_income_daily (tenant_id, platform, month, day, title, marketplace, currency, basis,
                               units, units_refunded, units_free, pages_read, income, events,
                               unknown_amounts)
SELECT :t, 'kdp', date_trunc('month', current_date), current_date, name, name, 'EUR', 'settled', 1, 0, 0,
       0, 1, 1, 0
FROM unnest(CAST(:odd AS text[])) AS name
