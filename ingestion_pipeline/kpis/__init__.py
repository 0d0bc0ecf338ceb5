"""KPIs: readings and error reports of workflows → points, packages, jobs, and their documents.

instants.py     a timestamp's text ↔ the UTC microsecond that identifies a reading
values.py       the primary value of a reading; what JSON the database can keep
contract.py     a body of /api/kpi-data → updates, or every fault of it
batch.py        a body with many readings → each by itself
reports.py      a body of /api/kpi-error (n8n's own included) → a report without secrets
orders.py       bodies of /api/kpi-jobs and /api/kpi-analysis
accept.py       updates → points, inbox, job, in a handful of statements; safe from many gateways
correct.py      a wrong value put right, and the history of a point
said.py         what became of readings, as the gateway says it
jobs.py         announcing, reporting, expiring, and the state that follows from the KPIs
quality.py      how far a reading can be trusted
packages.py     the document of one package, for readers and for the publisher
read.py         job, package, and time series as readers ask for them
publish.py      what is pending → documents
summary.py      a day of points → one row a KPI
history_files.py   a file of history → its entries; history_lines.py, history_csv.py and
                   history_json.py read the forms that it may have
dump.py            entries → readings, packages and jobs
import_history.py  those → the database: `ingestion-pipeline kpis import`
"""
