"""Commerce: customers → products → orders → order_items, from files of several tenants.

The way of a file:

    routes, drop folder ─▶ receive ─▶ land (landed file, upload, job)
                                        ▸ a run: sources → land (staging) ─▶ merge ─▶ tables
    `ingest` ─▶ merge (the same in one process)              checks look for offenders

contract/   the four entities, their fields and rules; answers
sources/    a file's bytes → numbered JSON lines, whatever form they have
receive/    files and chunks over HTTP, the drop folder
land/       uploads and sessions; lines → typed rows in staging, or refused with their reason
merge/      staging → final tables, in an order that keeps foreign keys true
publish/    how far an upload has come, for its sender
"""
