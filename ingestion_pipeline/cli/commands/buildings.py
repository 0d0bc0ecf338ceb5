"""Buildings in a shell: collect a day."""

import json
from datetime import datetime
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import (
    AsJson,
    upgraded,
)
from ingestion_pipeline.cli.commands.numbers import Day
from ingestion_pipeline.foundation.environment import settings


def collect(
    site: Annotated[str, typer.Option(help="Name of the site at ACE IoT.")],
    day: Annotated[datetime, typer.Option(click_type=Day(), help="UTC day.")],
    as_json: AsJson = False,
) -> None:
    """Collect a day of a site from ACE IoT: its samples, and the weather beside them.

    Doing it again changes only what has changed at the source. What was interrupted goes on where
    it stopped. Exits 1 where samples or weather could not be collected, which leaves the other, or
    no record could be used.
    """
    from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints
    from ingestion_pipeline.domains.buildings.merge.day import Options, attempt_day
    from ingestion_pipeline.domains.buildings.sources.ace_iot.api import open_source
    from ingestion_pipeline.foundation.storage.key_value.choice import elsewhere

    engine, configuration = upgraded(), settings()
    with (
        open_source(engine, configuration) as source,
        console.window_progress(f"{site} {day:%Y-%m-%d}", hidden=as_json) as progressed,
    ):
        attempt = attempt_day(
            engine, source, site, day.date(), options=Options.configured(configuration),
            checkpoints=Checkpoints.kept(engine, elsewhere(configuration)), on_progress=progressed,
        )  # fmt: skip
    result = attempt.result
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    elif "samples" not in attempt.errors:
        console.show_collected(result)
    for half, error in attempt.errors.items():
        console.complain(f"{half}: {error}")
    if result.fault is not None:
        console.complain(result.fault)
    if attempt.errors or result.fault is not None:
        raise typer.Exit(1)
