"""Dagster's UI behind its guard: `python -m ingestion_pipeline.cli.ui`, with the arguments of
`dagster-webserver`; or of `dagster dev`, behind the word `dev`.

Dagster has no seam for a middleware, so two names of its (exactly pinned) commands are replaced:
the one that makes the application, and the one with which `dagster dev` starts the webserver.
"""

import sys
from typing import Any

from ingestion_pipeline.cli.calm import calm, starting_calm
from ingestion_pipeline.cli.ui_guard import Guard, hosts_of
from ingestion_pipeline.foundation.environment import settings


def main() -> None:
    """Serve until told to stop."""
    if sys.argv[1:2] == ["dev"]:
        _dev()
    else:
        _webserver()


def _webserver() -> None:
    from dagster_webserver import cli as webserver

    cli: Any = webserver
    configuration = settings()
    hosts = hosts_of(configuration.web_host, configuration.web_host_names)
    unguarded = cli.create_app_from_workspace_process_context

    def guarded(*args: Any, **kwargs: Any) -> Guard:
        return Guard(unguarded(*args, **kwargs), hosts)

    cli.create_app_from_workspace_process_context = guarded
    cli.main()


def _dev() -> None:
    from dagster import _cli
    from dagster._cli import dev as commands

    dagster: Any = _cli
    dev: Any = commands
    calm()
    start = starting_calm(dev.open_ipc_subprocess)

    def start_guarded(parts: list[str], **kwargs: Any) -> Any:
        ours = [
            "ingestion_pipeline.cli.ui" if part == "dagster_webserver" else part for part in parts
        ]
        return start(ours, **kwargs)

    dev.open_ipc_subprocess = start_guarded
    dagster.main()


if __name__ == "__main__":
    main()
