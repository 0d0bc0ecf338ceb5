"""Buildings: the samples and the weather of sites, collected in bulk from the ACE IoT API.

contract/windows.py     days, windows, counts
sources/ace_iot/api.py       the API: which requests there are
sources/ace_iot/envelope.py     the body of a page, in either dialect → typed records
sources/ace_iot/records.py      what a record is, in either dialect
sources/ace_iot/signs.py        what an envelope says: totals, next pages, failures
sources/ace_iot/listing.py      a list in pages, read to its end
sources/ace_iot/damaged.py      a list that is damaged somewhere → its records one by one
sources/ace_iot/keys.py         whether a key is there twice
sources/ace_iot/unreadable.py   the errors for answers that are something else
contract/instants.py     when a sample was taken
sources/ace_iot/saying.py       quality and metadata, as they can be stored
land/samples.py      records → rows, and what can't be stored
land/packed.py       a page that is plainly right → binary rows, a column at a time
sources/ace_iot/points.py       which points of a site are configured
merge/weather.py      weather of a day, or the last known values
sources/ace_iot/weather.py  what an answer about weather says
merge/window.py       one window, page by page: prefetch, write, checkpoint
land/pages.py     its pages, each prepared while the one before is written
merge/window_ledger.py  what is kept of it besides samples: complete, unusable records
merge/checkpoint.py   how far a window has come
merge/staging.py        rows → `timeseries_raw`: straight, or staged and compared
merge/day.py      a day of a site: its samples, and the weather beside them
merge/options.py      how days are collected
merge/day_samples.py  the windows of a day
merge/result.py         what collecting a day came to, and which half is missing
merge/refusals.py     why records were refused, counted
merge/months.py       the partitions of `timeseries_raw`
publish/quality.py      which samples are counted on, and in which unit
publish/aggregates.py   samples → hours and days
publish/coverage.py     which hours and points are missing
foundation/watch/alerts.py       samples beyond their limits
publish/incidents.py    who hears of them: incidents, each told once
merge/sites.py        whose a site is
publish/alert_rules.py  what the limits are
publish/archive.py      old months → Parquet
publish/plot.py         a day in one small picture
offenders.py    what the checks look for, as queries
"""
