"""A job for Celery workers in tests: it says that it has begun, and ends when it is told to."""

import time
from pathlib import Path

import dagster as dg


@dg.op(config_schema={"folder": str})
def wait_to_be_told(context: dg.OpExecutionContext) -> None:
    folder = Path(context.op_config["folder"])
    (folder / f"began-{context.run_id}").touch()
    while not (folder / "end").exists():
        time.sleep(0.05)


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    wait_to_be_told()
