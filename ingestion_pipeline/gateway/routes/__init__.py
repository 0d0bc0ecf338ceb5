"""The gateway's own routes; the domains bring theirs along.

files.py           `/api/ingestion/files`: files of any shape, and what has become of them
files_answers.py   The shapes of answers about them
health.py          `GET /api/health/data`: how well all is, computed once in HEALTH_INTERVAL at
                   most
ledger.py          `/api/ledger`: the ledger for programs beside ours, such as the prediction
                   API
ledger_bodies.py   What programs beside ours send to the ledger: shapes, limits, every fault of
                   a body at once
operations.py      For operators: liveness, readiness, metrics
"""
