"""Buildings: the samples and the weather of sites, collected in bulk from the ACE IoT API.

contract.py     days, windows, counts
source.py       the API: which requests there are
envelope.py     the body of a page, in either dialect → typed records
samples.py      records → rows, and what can't be stored
packed.py       a page that is plainly right → binary rows, a column at a time
points.py       which points of a site are configured
weather.py      weather of a day, or the last known values
window.py       one window, page by page: prefetch, write, checkpoint
prefetch.py     its pages, each prepared while the one before is written
window_ledger.py  what is kept of it besides samples: complete, unusable records
checkpoint.py   how far a window has come
merge.py        rows → `timeseries_raw`: straight, or staged and compared
collect.py      a day of a site: its windows, and the weather beside them
days.py         what collecting a day came to
months.py       the partitions of `timeseries_raw`
aggregates.py   samples → hours and days
coverage.py     which hours and points are missing
alerts.py       samples beyond their limits
alert_rules.py  what the limits are
archive.py      old months → Parquet
plot.py         a day in one small picture
offenders.py    what the checks look for, as queries
"""
