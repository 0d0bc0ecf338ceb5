"""`ingestion-pipeline alert-rules …`: beyond which limits the samples of a building are alerts."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import ID, NUMBER

app = typer.Typer(help="Limits of the points of buildings.", no_args_is_help=True)


class Severity(StrEnum):
    """How bad it is."""

    info = "info"
    warning = "warning"
    critical = "critical"


@app.command(name="set")
def set_rule(
    point: Annotated[str, typer.Option(help="Name of a point; * stands for any text.")],
    site: Annotated[str, typer.Option(help="Name of a site; * stands for all.")] = "*",
    minimum: Annotated[
        float | None, typer.Option(click_type=NUMBER, help="A smaller value is an alert.")
    ] = None,
    maximum: Annotated[
        float | None, typer.Option(click_type=NUMBER, help="A larger value is an alert.")
    ] = None,
    severity: Annotated[Severity, typer.Option(help="How bad that is.")] = Severity.warning,
) -> None:
    """Set the limits of points, in place of those of the same site, point and severity.

    They hold for days that are collected from now on; for earlier ones materialize their
    partitions of buildings/alerts.
    """
    from ingestion_pipeline.domains.buildings.publish import alert_rules

    limits = alert_rules.Limits(minimum, maximum)
    with upgraded().begin() as connection:
        rule_id, new = alert_rules.set_rule(
            connection, site=site, point=point, limits=limits, severity=severity.value
        )
    console.say(f"rule {rule_id} is {'set' if new else 'changed'}")


@app.command(name="list")
def list_rules(as_json: AsJson = False) -> None:
    """List the rules."""
    from ingestion_pipeline.domains.buildings.publish import alert_rules

    with upgraded().connect() as connection:
        rules = alert_rules.all_rules(connection)
    if as_json:
        typer.echo(json.dumps([rule.as_dict() for rule in rules], indent=2))
        return
    for rule in rules:
        low = "" if rule.minimum is None else f"{rule.minimum:g} ≤ "
        high = "" if rule.maximum is None else f" ≤ {rule.maximum:g}"
        off = "" if rule.active else "   (off)"
        text = f"{rule.rule_id:>6}  {rule.severity:<8}  {rule.site_name}  {rule.point_name}"
        typer.echo(f"{text}: {low}value{high}{off}")


@app.command()
def delete(
    rule_id: Annotated[
        int,
        typer.Argument(click_type=ID, help="Number of the rule."),
    ],
) -> None:
    """Delete a rule; alerts that it has raised stay."""
    from ingestion_pipeline.domains.buildings.publish import alert_rules

    with upgraded().begin() as connection:
        gone = alert_rules.delete_rule(connection, rule_id)
    if not gone:
        console.fail(f"there is no rule {rule_id}")
    console.say(f"rule {rule_id} is deleted")
