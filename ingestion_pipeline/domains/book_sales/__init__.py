"""Book sales: reports and API answers of publishing platforms, as one table of events.

The way of a report, an order or a Ping:

    routes ─▶ receive ─▶ land (job) ▸ a run: sources (events) ─▶ merge (`sales_events`) ─▶ publish
    `import-report` ─▶ merge (the same in one process)

contract/   what an event is, what orders look like, answers; pure
sources/    a file or folder a platform, found in sources/registry.py; formats of no platform
receive/    orders and reports over HTTP
land/       jobs, reports, Pings, what Gumroad told; whose turn it is
merge/      events → `sales_events`, counted once; merge/books.py says how a platform's are kept
publish/    days, what became of an import, the rebuild of what is stored

Adding a platform is one module and one row in the registry.
"""
