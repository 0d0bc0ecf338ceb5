"""Every name of the project that others hold on to: people's habits, databases, Dagster's storage.

`python -m ingestion_pipeline_tests.public_names` writes `public_names.json` anew, after a change
that was meant.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import dagster as dg

KEPT = Path(__file__).parent / "public_names.json"


def found() -> dict[str, Any]:
    """All names, sorted, by what they name."""
    return {**_of_dagster(), **_of_the_gateway(), **_of_the_shell(), **_of_the_database()}


def _of_dagster() -> dict[str, Any]:
    from ingestion_pipeline.definitions import ours

    defs = ours()  # what files describe is not the project's
    graph = defs.resolve_asset_graph()
    repository = defs.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    return {
        "assets": {
            node.key.to_user_string(): {
                "group": node.group_name,
                "pools": sorted(node.pools) if node.is_executable else [],
                "partitions": _partitions(node.partitions_def),
            }
            for node in sorted(nodes, key=lambda node: node.key)
        },
        "checks": sorted(
            f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys
        ),
        "jobs": {job.name: dict(sorted(job.run_tags.items())) for job in jobs},
        "sensors": {
            sensor.name: str(sensor.default_status.value) for sensor in repository.sensor_defs
        },
        "schedules": {
            schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs
        },
        "resources": sorted(defs.resources or {}),
    }


def _partitions(definition: dg.PartitionsDefinition[Any] | None) -> str | None:
    if definition is None:
        return None
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return ", ".join(sorted(part.name for part in definition.partitions_defs))
    return type(definition).__name__


def _of_the_gateway() -> dict[str, Any]:
    from ingestion_pipeline.domains import registry
    from ingestion_pipeline.foundation.settings import Settings
    from ingestion_pipeline.gateway.app import create_app
    from ingestion_pipeline.outlets.dashboards.routes import router as pages

    gateway = create_app(Settings(), routers=(*registry.routers(), pages))
    document = gateway.app.app.openapi()  # type: ignore[attr-defined]
    routes = sorted(
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    )
    return {"routes": routes}


def _of_the_shell() -> dict[str, Any]:
    import typer.main

    from ingestion_pipeline.cli.app import app

    return {"commands": dict(sorted(_commands(typer.main.get_command(app))))}


def _commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, list[str]]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(" ".join(path), sorted(word for each in command.params for word in _words(each)))]
    return [row for name, each in inner.items() for row in _commands(each, (*path, name))]


def _words(parameter: Any) -> list[str]:
    options = [*parameter.opts, *parameter.secondary_opts]
    return options if options[0].startswith("-") else [options[0].upper()]


def load_all_tables() -> None:
    """Import every module that adds tables to the metadata, by its name or its package's."""
    import ingestion_pipeline

    for module in walk_packages(ingestion_pipeline.__path__, "ingestion_pipeline."):
        if ".tables." in f"{module.name}." or module.name.endswith(".key_value.postgresql"):
            import_module(module.name)


def _of_the_database() -> dict[str, Any]:
    from ingestion_pipeline.foundation.settings import Settings
    from ingestion_pipeline.foundation.storage import locks
    from ingestion_pipeline.foundation.storage.metadata import metadata
    from ingestion_pipeline.foundation.storage.privileges import GROUPS

    load_all_tables()
    return {
        "tables": {
            name: [column.name for column in table.columns]
            for name, table in sorted(metadata.tables.items())
        },
        "locks": {
            name: _lock(value)
            for name, value in sorted(vars(locks).items())
            if isinstance(value, locks.Lock | locks.Family | locks.Named | dict) and name.isupper()
        },
        "roles": sorted(GROUPS),
        "settings": sorted(name.upper() for name in Settings.model_fields),
    }


def _lock(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lock(each) for name, each in value.items()}
    return vars(value)


if __name__ == "__main__":
    KEPT.write_text(json.dumps(found(), indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"{KEPT} written\n")
