"""`ingestion-pipeline jobs …`: jobs of all domains."""

import json
from typing import Annotated, Any

import click
import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import BIGGEST_ID, ID, WholeNumber
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import jobs as queue
from ingestion_pipeline.foundation.ledger.job_ids import job_id_of
from ingestion_pipeline.foundation.ledger.tables.jobs import job_attempts, jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads

app = typer.Typer(help="Jobs of all domains: see them, try them again.", no_args_is_help=True)


class _JobId(WholeNumber):
    """A job's number, or the UUID that answers name an import by."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; wrong usage where it names no job."""
        named = job_id_of(value) if isinstance(value, str) else None
        return named or super().convert(value, param, ctx)


JobId = Annotated[
    int,
    typer.Argument(
        click_type=_JobId(min=1, max=BIGGEST_ID), help="Number of the job, or its UUID."
    ),
]


@app.command(name="list")
def list_jobs(
    status: Annotated[
        str | None,
        typer.Option(help="pending, processing, retrying, completed, failed or dead."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="For instance book_sales.import.amazon_kdp.")
    ] = None,
    limit: Annotated[int, typer.Option(click_type=WholeNumber(min=1, max=10_000))] = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    c = jobs.c
    statement = sa.select(
        c.job_id, c.tenant_id, c.kind, c.status, c.attempt, c.max_attempts, c.available_at, c.error
    )
    if status is not None:
        statement = statement.where(c.status == status)
    if kind is not None:
        statement = statement.where(c.kind == kind)
    with upgraded().connect() as connection:
        rows = connection.execute(statement.order_by(c.job_id.desc()).limit(limit)).mappings()
        found = [_plain(dict(row)) for row in rows]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for job in found:
        tries = f"{job['attempt']} of {job['max_attempts']}"
        console.say(f"{job['job_id']:>6}  {job['status']:<10} {job['kind']}  attempt {tries}")
        if job["error"]:
            console.say(f"        {job['error'][:200]}")


@app.command()
def show(job_id: JobId) -> None:
    """Show a job and its attempts as JSON; never its payload, which may refer to credentials."""
    c, a = jobs.c, job_attempts.c
    columns = [column for column in c if column.name != "payload"]
    with upgraded().connect() as connection:
        row = connection.execute(sa.select(*columns).where(c.job_id == job_id)).mappings().first()
        if row is None:
            console.fail(f"there is no job {job_id}")
        attempts = connection.execute(
            sa.select(*job_attempts.c).where(a.job_id == job_id).order_by(a.attempt)
        ).mappings()
        document = {**_plain(dict(row)), "attempts": [_plain(dict(each)) for each in attempts]}
    typer.echo(json.dumps(document, indent=2))


@app.command()
def retry(job_id: JobId) -> None:
    """Try a job once more, at once: one that waits for its next attempt, or that has failed."""
    with upgraded().begin() as connection:
        due = connection.execute(
            sa.update(jobs)
            .where(jobs.c.job_id == job_id, jobs.c.status.in_(("pending", "retrying")))
            .values(available_at=sa.func.now(), updated_at=sa.func.now())
        )
        done = due.rowcount == 1 or queue.requeue(connection, job_id, attempts=1)
    if not done:
        console.fail(f"job {job_id} is none that could be tried again")
    console.say(f"job {job_id} is due")


@app.command()
def requeue(job_id: JobId) -> None:
    """Queue a failed or dead job again, with all its attempts."""
    with upgraded().begin() as connection:
        done = queue.requeue(connection, job_id, attempts=settings().job_attempts)
    if not done:
        console.fail(f"job {job_id} has neither failed nor died")
    console.say(f"job {job_id} is queued again")


@app.command()
def reload(
    upload_id: Annotated[
        int,
        typer.Argument(click_type=ID, help="Number of the upload."),
    ],
) -> None:
    """Load the file of an upload once more, as it was landed: after a fix of ours, for instance.

    It counts as a new upload (commerce) or import (book sales), the latest: where a later file had
    changed its rows, load that one again after it. What is unchanged stays as it is.
    """
    from ingestion_pipeline.domains.book_sales.land import queue as imports
    from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
    from ingestion_pipeline.domains.commerce.land.uploads import land_upload

    with upgraded().begin() as connection:
        row = connection.execute(
            sa.select(uploads).where(uploads.c.upload_id == upload_id)
        ).one_or_none()
        if row is None:
            console.fail(f"there is no upload {upload_id}")
        if row.source not in ("http", "drop", "reload") or row.type is None:
            console.fail(f"upload {upload_id} ({row.source}) has no landed file that can be loaded")
        if row.domain == "book_sales":
            job_id = imports.land_import(
                connection, settings(), tenant_id=row.tenant_id, platform=row.type,
                payload={"upload_id": upload_id},
            )  # fmt: skip
            console.say(f"job {job_id} imports upload {upload_id} again")
            return
        new = land_upload(
            connection, tenant_id=row.tenant_id, entity=ENTITIES[row.type],
            file_name=row.file_name, source="reload", location=row.location, size=row.bytes,
            sha256=row.sha256, max_attempts=settings().job_attempts,
        )  # fmt: skip
    console.say(f"upload {new} loads the file of upload {upload_id} again")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
    }
