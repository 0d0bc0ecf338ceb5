"""Ours → tables; doing it again changes nothing.

checkpoint.py      How far a window has come, so that a killed run goes on from there
day.py             A day of a site: its samples, and the weather beside them; neither takes the
                   other down
day_samples.py     The samples of a day: its windows one after the other
mapped.py          Samples that a mapping made of a file → `timeseries_raw`, where the file that
                   came later wins
months.py          The monthly partitions of `timeseries_raw`: made on demand, under a lock
options.py         How days are collected
refusals.py        Why records of a day were refused, counted; and when that were all of them
result.py          What collecting a day came to, and `collected_days`, which keeps it
sites.py           Whose a site is: its tenants, whose logins in the database see the site's
                   rows and no others
staging.py         Rows of a window → `timeseries_raw`: straight where none was there, else
                   staged and compared
weather.py         Weather of a site → `weather_raw`, one row a measure and instant
window.py          One window of a site: page by page into the database
window_ledger.py   What is kept of a window besides its samples: that it is complete, and its
                   unusable records
"""
