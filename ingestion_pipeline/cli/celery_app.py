"""The run workers: `celery -A ingestion_pipeline.cli.celery_app worker`.

An entry point, imported by nobody. What it needs to know is `run_launcher` in
`$DAGSTER_HOME/dagster.yaml`, so that workers can't be set otherwise than who sends them runs.
The definitions are imported before the worker forks: its processes share them, ready at once.
"""

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task

from ingestion_pipeline import definitions  # noqa: F401
from ingestion_pipeline.foundation.errors import ConfigurationError

with dg.DagsterInstance.get() as _instance:
    _launcher = _instance.run_launcher
if not isinstance(_launcher, CeleryRunLauncher):
    raise ConfigurationError("run_launcher in $DAGSTER_HOME/dagster.yaml is not a Celery launcher")

app = _launcher.celery
create_execute_job_task(app)
