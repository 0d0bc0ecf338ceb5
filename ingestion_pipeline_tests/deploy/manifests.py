"""What the tests of deploy/ share: its files, the commands and variables that there are."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click.testing
import typer.testing
import yaml

from ingestion_pipeline.foundation.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

SETTINGS = {name.upper() for name in Settings.model_fields}
INSTANCE = set(re.findall(r"env: ([A-Z_]+)", (DEPLOY / "dagster.yaml").read_text()))


def documents(path: str) -> list[Any]:
    """The YAML documents of a file in deploy/."""
    return [each for each in yaml.safe_load_all((DEPLOY / path).read_text()) if each is not None]


def kubernetes() -> Iterator[dict[str, Any]]:
    """Every object of deploy/kubernetes, as its kustomization lists them."""
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    for name in kustomization["resources"]:
        yield from documents(f"kubernetes/{name}")


def complaint_about(command: Sequence[str]) -> str | None:
    """What is wrong with a command line: no such program, subcommand or option; None if nothing.

    The command does not run: it is parsed as far as `--help`, which is added.
    """
    program, *arguments = command
    runner: click.testing.CliRunner = click.testing.CliRunner()
    if program == "ingestion-pipeline":
        from ingestion_pipeline.cli.app import app

        outcome: Any = typer.testing.CliRunner().invoke(app, [*arguments, "--help"])
    elif program == "dagster":
        from dagster._cli import cli as dagster

        outcome = runner.invoke(dagster, [*arguments, "--help"])
    elif program == "dagster-daemon":
        from dagster._daemon.cli import cli as daemon

        outcome = runner.invoke(daemon, [*arguments, "--help"])
    elif program == "dagster-webserver":
        from dagster_webserver.cli import dagster_webserver as webserver

        outcome = runner.invoke(webserver, [*arguments, "--help"])
    elif program == "python" and arguments[0] == "-c":
        compile(arguments[1], "deploy", "exec")
        return None
    else:
        return f"{program} is not a program of ours"
    return None if outcome.exit_code == 0 else str(outcome.output)
