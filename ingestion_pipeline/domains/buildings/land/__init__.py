"""What came is ours: durable before it is answered, typed, or refused with its reason.

packed.py    A page → rows in COPY's binary format, where all that is kept of it is plainly
             right
pages.py     The pages of a window, each fetched and prepared while the one before it is written
samples.py   The records of a page → rows of `timeseries_raw`, and what can't be stored
"""
