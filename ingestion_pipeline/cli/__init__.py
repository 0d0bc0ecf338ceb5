"""The entrance for people: the shell, and a whole installation on one machine.

app.py          `ingestion-pipeline`: the whole project from a shell
calm.py         Dagster's processes on a machine that mostly idles, calm
celery_app.py   The run workers: `celery -A ingestion_pipeline.cli.celery_app worker`
console.py      What people see in a shell: tables, progress bars, messages
looked_at.py    What a file would come to by a mapping, as people and as programs read it
ui.py           Dagster's UI behind its guard: `python -m ingestion_pipeline.cli.ui`, with the
                arguments of `dagster-webserver`; or of `dagster dev`, behind the word `dev`
ui_guard.py     What stands in front of Dagster's UI, which asks nobody who they are
commands/       The command line, a module a group of commands; cli/app.py puts them together
local/          `up` and `demo`: a whole installation on one machine, its processes, secrets and
                sample.
uploading/      Our own client of the gateway: `ingest --api-url`.
"""
