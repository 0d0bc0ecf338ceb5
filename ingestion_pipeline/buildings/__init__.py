"""Buildings: the samples and the weather of sites, collected in bulk from the ACE IoT API.

contract.py     days, windows, counts
source.py       the API: which requests there are
envelope.py     the body of a page, in either dialect → typed records
records.py      what a record is, in either dialect
signs.py        what an envelope says: totals, next pages, failures
listing.py      a list in pages, read to its end
damaged.py      a list that is damaged somewhere → its records one by one
keys.py         whether a key is there twice
unreadable.py   the errors for answers that are something else
instants.py     when a sample was taken
saying.py       quality and metadata, as they can be stored
samples.py      records → rows, and what can't be stored
packed.py       a page that is plainly right → binary rows, a column at a time
points.py       which points of a site are configured
weather.py      weather of a day, or the last known values
weather_answers.py  what an answer about weather says
window.py       one window, page by page: prefetch, write, checkpoint
prefetch.py     its pages, each prepared while the one before is written
window_ledger.py  what is kept of it besides samples: complete, unusable records
checkpoint.py   how far a window has come
merge.py        rows → `timeseries_raw`: straight, or staged and compared
collect.py      a day of a site: its samples, and the weather beside them
options.py      how days are collected
day_samples.py  the windows of a day
days.py         what collecting a day came to, and which half is missing
refusals.py     why records were refused, counted
months.py       the partitions of `timeseries_raw`
quality.py      which samples are counted on, and in which unit
aggregates.py   samples → hours and days
coverage.py     which hours and points are missing
alerts.py       samples beyond their limits
incidents.py    who hears of them: incidents, each told once
sites.py        whose a site is
alert_rules.py  what the limits are
archive.py      old months → Parquet
plot.py         a day in one small picture
offenders.py    what the checks look for, as queries
"""
