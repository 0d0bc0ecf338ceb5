"""Book sales: reports and API answers of publishing platforms, as one table of events.

A datum's way: routes (uploads, orders to fetch, Pings) or `import-report` record a job → queue
claims it → a module a platform, found in `registry`, makes events of what came → load merges them
into `sales_events` → daily sums them up. Adding a platform is one module and one row there.
"""
