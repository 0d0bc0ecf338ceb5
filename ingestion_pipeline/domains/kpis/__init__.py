"""KPIs: readings and error reports of workflows → points, packages, jobs, and their documents.

contract/instants.py     a timestamp's text ↔ the UTC microsecond that identifies a reading
contract/values.py       the primary value of a reading; what JSON the database can keep
contract/readings.py     a body of /api/kpi-data → updates, or every fault of it
contract/batch.py        a body with many readings → each by itself
contract/reports.py      a body of /api/kpi-error (n8n's own included) → a report without secrets
contract/announcements.py       bodies of /api/kpi-jobs and /api/kpi-analysis
land/readings.py       updates → points, inbox, job, in a handful of statements; safe from many
gateways
land/corrections.py      a wrong value put right, and the history of a point
publish/said.py         what became of readings, as the gateway says it
land/jobs.py         announcing, reporting, expiring, and the state that follows from the KPIs
merge/quality.py      how far a reading can be trusted
publish/packages.py     the document of one package, for readers and for the publisher
publish/reading.py         job, package, and time series as readers ask for them
publish/documents.py      what is pending → documents
publish/summary.py      a day of points → one row a KPI
sources/history_files.py   a file of history → its entries; sources/history_lines.py,
sources/history_csv.py and
                   sources/history_json.py read the forms that it may have
sources/dump.py            entries → readings, packages and jobs
merge/history.py  those → the database: `ingestion-pipeline kpis import`
"""
