"""Markets: signed events and FRED → fundamentals, comparables, macro data, and their cache.

contract.py       a body of /api/ingest/webhook → an event, or every fault of it
days.py           days and instants as senders write them; a day is the written one
fundamentals.py   a market's fundamentals: rules, upsert, the document that readers get
comps.py          a market's comparables, alike
accept.py         an event → its row and its job, in one transaction; a replay → the first answer
apply.py          recorded events → tables, invalidated cache, and states, in one transaction each
fred.py           FRED's API as requests: every vintage of a series
history.py        what an answer adds to what is known; it never deletes
macro.py          vintages → table; what is, and what was, known of a series
refresh.py        FRED → vintages, by one process at a time; failures are noted, not raised
cache.py          documents by key: stored, outdated, invalidated; never an old one after "applied"
reading.py        the read-through: one load a key at a time, stale ones served meanwhile
cache_log.py      hits and misses, written in batches
warming.py        all documents made before somebody asks
"""
