"""Receipts: what became of everything that was sent. sent = stored + refused + waiting.

    uploads, kpi_receipts, events, Pings, collections ─ balances ─▶ a day and sender, a delivery
                                                      └ refusals, waiting ─▶ why, and for what

Nothing is counted here: each domain counts, in the transactions that do the work, and what is here
adds it up and says where a domain's own numbers do not (`unexplained`, which must be 0). A reader
needs no right but a tenant's own: the queries run as its role, and name it besides.

balances.py    What was sent and what became of it: by day and sender, or delivery by delivery
days.py        Days of a tenant's own zone as spans of time
freshness.py   How old the sums may be
offenders.py   What must not be found: deliveries of which something is unexplained
refusals.py    What was refused of a delivery: place, field, rule, value
documents.py   Receipts as JSON has them, and cursors; pure
senders.py     Who sends, and in what: their names, units and words
sheets.py      Refused rows as files: NDJSON to be corrected and sent back, CSV to be read
waiting.py     What waits, and what for

Dagster is told by `assets.py`, `checks.py`, `automation.py` and `definitions.py`; `dashboards/`
shows it: as pages, and as JSON with a sender's own key.
"""
