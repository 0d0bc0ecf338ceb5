"""Tables → what readers get; made again at any time.

aggregates.py    Samples of a site's day → one row a point, unit and hour, and one row a point,
                 unit and day
alert_rules.py   The limits beyond which samples are alerts: rows of `building_alert_rules`
alerts.py        Samples beyond the limits of a rule → `building_alerts`, one row a stretch of
                 them
archive.py       Old months of `timeseries_raw` → Parquet, one file a month; then their
                 partitions are dropped
coverage.py      Which hours and points of a day are missing: windows that nobody fetched,
                 points without samples
by_file.py       What follows of days whose samples came in files: hours, days, alerts
incidents.py     Stretches beyond a limit → incidents of `alerts`, each told once when it is
                 known and once when it is over, like every alert
plot.py          A day of a site in one small picture
quality.py       Which samples are counted on, and in which unit: SQL over `timeseries_raw`, for
                 all that derive
"""
