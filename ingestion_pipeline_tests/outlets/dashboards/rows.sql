-- Rows as the domains and marts leave them, for pages to show (rows.py fills in the parameters).
INSERT INTO kpi_series (tenant_id, kpi_id, pending) VALUES
    (:t, 'checkout-orders-per-minute', false), (:t, 'btc-price-usd', false),
    (:t, :long, false), (:t, 'huge', false), (:t, 'silent', false);
INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type, trace_id,
                        in_order, quality)
SELECT :t, 'checkout-orders-per-minute', at,
       50 + 40 * sin(extract(epoch FROM at) / 86400 * 2 * pi()) + (extract(epoch FROM at)::bigint % 7),
       at::text, 'rate', 'tr', true, 'high'
FROM generate_series(date_trunc('minute', now()) - interval '45 days', date_trunc('minute', now()) - interval '82 minutes', '15 minutes') AS at
WHERE at NOT BETWEEN date_trunc('minute', now()) - interval '4 days' AND date_trunc('minute', now()) - interval '3 days 6 hours'
UNION ALL
SELECT :t, 'btc-price-usd', at, 95000 + 3000 * sin(extract(epoch FROM at) / 200000), at::text, 'price', 'tr',
       true, 'medium'
FROM generate_series(date_trunc('minute', now()) - interval '20 days', date_trunc('minute', now()) - interval '12 hours', '1 hour') AS at
UNION ALL
SELECT :t, :long, date_trunc('minute', now()), -0.000123, 'x', 'x', 'tr', true, NULL
UNION ALL
SELECT :t, 'huge', date_trunc('minute', now()) - n * interval '1 hour', CASE n % 2 WHEN 0 THEN 1.7e308 ELSE -1.7e308 END, 'x',
       'x', 'tr', true, 'low' FROM generate_series(1, 6) AS n;
INSERT INTO kpi_hourly (tenant_id, kpi_id, hour, points, minimum, maximum, mean, first, last)
SELECT tenant_id, kpi_id, date_trunc('hour', observed_at, 'UTC'), count(*), min(value), max(value),
       sum(value / 1024) / count(*) * 1024, min(value), max(value)
FROM kpi_points WHERE tenant_id = :t GROUP BY 1, 2, 3;
INSERT INTO kpi_daily (tenant_id, kpi_id, day, points, minimum, maximum, mean, last, usual_low,
                       usual_middle, usual_high)
SELECT tenant_id, kpi_id, (observed_at AT TIME ZONE 'UTC')::date, count(*), min(value), max(value),
       sum(value / 1024) / count(*) * 1024, max(value), 20, 50, 80
FROM kpi_points WHERE tenant_id = :t GROUP BY 1, 2, 3;
INSERT INTO orders_daily (tenant_id, day, currency, orders, gross, discounts, refunds, net, average,
                          new_customers, returning_customers, returns, cancelled, cancelled_amount)
SELECT :t, current_date - n, currency, 3 + n % 5, 1000.10 + n, 10, 5, 985.10 + n, 300, 1, 2, 0, 0, 0
FROM generate_series(0, 70) AS n, unnest(ARRAY['EUR', 'USD', 'JPY']) AS currency
WHERE currency <> 'JPY' OR n > 40;
INSERT INTO book_income_daily (tenant_id, platform, month, day, title, marketplace, currency, basis,
                               units, units_refunded, units_free, pages_read, income, events,
                               unknown_amounts)
SELECT :t, 'kdp', date_trunc('month', current_date - n)::date, current_date - n, title, 'Amazon.de',
       currency, CASE WHEN n < 40 THEN 'estimated' ELSE 'settled' END, 2, n % 3, 0, 100, 12.3450, 2, 0
FROM generate_series(0, 200) AS n, unnest(ARRAY['EUR', 'GBP', '']) AS currency,
     unnest(ARRAY['A book', '=cmd()', :script, :rtl, '']) AS title;
INSERT INTO macro_latest (series_id, observed_on, newest, value, known_since, previous_on, previous,
                          change, year_before_on, year_before, first_print, first_print_on, revision)
SELECT 'GDP', on_, n = 0, 29000 - 200 * n, on_ + 30, on_ - 91, 29000 - 200 * (n + 1), 200, on_ - 365,
       29000 - 200 * (n + 4), 28990 - 200 * n, on_ + 30, CASE WHEN n % 3 = 0 THEN 10 ELSE 0 END
FROM generate_series(0, 40) AS n, LATERAL (SELECT (date_trunc('quarter', current_date)
     - n * interval '3 months')::date AS on_) AS d
ON CONFLICT DO NOTHING;
INSERT INTO market_fundamentals (tenant_id, market_slug, as_of_date, vacancy_rate_pct,
    avg_asking_rent_psf_yr_nnn, yoy_rent_growth_pct, avg_cap_rate_pct, source, ingestion_id, sent_at)
SELECT :t, slug, current_date - 8, 9.1, 12.25, -3.1, 6.25, 'n8n', 'x', now()
FROM unnest(ARRAY['austin', 'dallas']) AS slug;
INSERT INTO market_comps (tenant_id, market_slug, comp_key, sale_date, building_sf, price_per_sf_usd,
                          source, ingestion_id, sent_at)
SELECT :t, 'austin', n::text, current_date - n, 10000, 120.5, 'n8n', 'x', now()
FROM generate_series(1, 120) AS n;
INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, :site);
INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched, kept, result)
SELECT :site, (now() AT TIME ZONE 'UTC')::date - n, '{}', '{}', 0, 0, '{}' FROM generate_series(0, 14) n;
INSERT INTO building_hours (site_name, point_name, hour, unit, room, measure, samples, minimum,
    maximum, mean, coverage, occupied_minutes, comfort_minutes, upper_limit, minutes_above)
SELECT :site, room || '/' || measure, hour, CASE measure WHEN 'co2' THEN 'ppm' ELSE '°C' END, room,
       measure, 60, base, base + 20, base + 10, 1, 60, CASE measure WHEN 'co2' THEN NULL ELSE 50 END,
       CASE measure WHEN 'co2' THEN 1000 END, CASE measure WHEN 'co2' THEN 3 END
FROM generate_series(date_trunc('day', now(), 'UTC') - interval '14 days', now(), '1 hour') AS hour,
     unnest(ARRAY['room-1', 'room-2', '<b>room</b>']) AS room,
     (VALUES ('co2', 400), ('temperature', 20)) AS m (measure, height),
     LATERAL (SELECT height + height * 0.5 * sin(extract(epoch FROM hour) / 43200 * pi()) AS base) AS b
WHERE extract(hour FROM hour) <> 3;
INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, samples, left_out, minimum, maximum,
                               mean, last, coverage)
SELECT site_name, point_name, hour, unit, samples, 0, minimum, maximum, mean, mean, coverage
FROM building_hours WHERE site_name = :site;
INSERT INTO building_alerts (site_name, point_name, rule_id, started_at, ended_at, samples, extreme,
                             severity, open_ended)
SELECT :site, 'room-1/co2', n, now() - n * interval '5 hours', now() - n * interval '5 hours'
       + interval '1 hour', 60, 1400, 'warning', n = 1 FROM generate_series(1, 3) AS n;
INSERT INTO timeseries_gaps (site_name, day, point_name, gap_start, gap_end, reason)
SELECT :site, current_date, 'room-1/co2', now() - interval '5 hours', now() - interval '4 hours',
       'no sample';
INSERT INTO watched_subjects (tenant_id, domain, subject, seen_until, looked_at, verdict, usual_low,
    usual_middle, usual_high)
VALUES (:t, 'kpis', 'checkout-orders-per-minute', now(), now(), 'usual', 40.5, 50.5, 60.5);
INSERT INTO findings (tenant_id, domain, subject, kind, began_at, ended_at, raised_at, value, usual_low,
    usual_middle, usual_high, rarity, watched_weeks, sentence, history, state)
SELECT :t, 'kpis', 'checkout-orders-per-minute', kind, now() - ago,
       CASE WHEN state <> 'open' THEN now() - ago + interval '3 hours' END,
       now() - ago + interval '1 hour', 29.2, 81, 86.3, 88.2, 0.01, 8,
       kind || ': fell to 29.2 at 11:00; in the last 8 weeks it was 81.0 to 88.2 at this hour.',
       '[["2026-11-01T11:00:00Z", 81.26], ["2026-11-08T11:00:00Z", 81.69]]', state
FROM (VALUES ('drop', interval '2 days', 'ended'), ('level_shift', interval '4 days', 'open'),
             ('gap', interval '5 days', 'ended'), ('spike', interval '3 days', 'absorbed'),
             ('stuck', interval '1 days', 'expected')) AS f (kind, ago, state);
