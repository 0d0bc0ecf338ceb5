"""The ACE IoT API, in both dialects.

api.py          The ACE IoT API as requests: a page of samples, the configured points, the
                weather
damaged.py      A list in JSON that is damaged somewhere → each element by itself: one record's
                fault costs that record and no other
envelope.py     The body of a page → its records, typed; the two dialects are told apart by the
                envelope
keys.py         Whether no record of a page has a key twice, found out without looking at any
                record
listing.py      A list that comes in pages, read to its end: the whole of it, or an error, never
                a part
points.py       Which points of a site are kept
records.py      A record of a page as it is decoded, in either dialect
saying.py       What a sender says of a sample beside its value: quality, and metadata with its
                unit
signs.py        What an envelope says of its list: whether it is whole, how one goes on, whether
                all is well
unreadable.py   The errors for answers that say that all is well and hold something else than
                they should
weather.py      An answer about weather, in either dialect → rows of `weather_raw`, and what
                can't be stored
"""
