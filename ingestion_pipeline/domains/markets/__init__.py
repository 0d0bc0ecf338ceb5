"""Markets: signed events and FRED → fundamentals, comparables, macro data, and their cache.

contract/events.py       a body of /api/ingest/webhook → an event, or every fault of it
contract/days.py           days and instants as senders write them; a day is the written one
contract/fields.py         members of what was sent → values of ours, each with its rule
land/events.py         an event → its row and its job, in one transaction; a replay → the first
answer
merge/handlers.py       what each type of event does to the tables
merge/upsert.py         what was sent later replaces what was sent earlier, never the reverse
merge/claimed.py          recorded events → tables, invalidated cache, and states, in one
transaction each
sources/fred.py           FRED's API as requests: every vintage of a series
contract/vintages.py       vintages of a series, and how parts of real time are put together
contract/history.py        what an answer adds to what is known; it never deletes
publish/macro.py          vintages → table; what is, and what was, known of a series
merge/refresh.py        FRED → vintages, by one process at a time; failures are noted, not raised
merge/cache.py          documents by key: stored, outdated, invalidated; never an old one after
"applied"
publish/reading.py        the read-through: one load a key at a time, stale ones served meanwhile
publish/documents.py      the documents of a market that readers get
publish/warming.py        all documents made before somebody asks
"""
