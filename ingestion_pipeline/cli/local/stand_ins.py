"""The sandbox as `up` and `demo` start it: stand-ins for upstreams that nobody has configured."""

import sys

from ingestion_pipeline.cli.local.services import Service
from ingestion_pipeline.foundation.environment import environment_of
from ingestion_pipeline.foundation.settings import Settings

KEY = "sandbox-key"  # which it accepts


def sandbox(configuration: Settings, *, port: int, points: int, interval_seconds: int) -> Service:
    """The sandbox on a port of this machine; it has the sites that are to be collected.

    Args:
        configuration: of the project; its home is where the log goes.
        port: to listen on.
        points: of every site.
        interval_seconds: from one sample of a point to the next.
    """
    options = {"--port": port, "--points": points, "--interval-seconds": interval_seconds}
    arguments = [str(part) for option in options.items() for part in option]
    arguments += [f"--site={site}" for site in configuration.site_names]
    return Service(
        name="the sandbox",
        command=[sys.executable, "-m", "ingestion_pipeline.cli", "sandbox", *arguments],
        environment=environment_of(configuration),
        log=configuration.home / "sandbox" / "sandbox.log",
        ready_url=f"http://127.0.0.1:{port}/livez",
    )


def upstreams(configuration: Settings, port: int) -> dict[str, str]:
    """The environment of who is to take a sandbox on that port for all that is not configured."""
    at = f"http://127.0.0.1:{port}"
    environment = {
        "ACE_IOT_API_BASE_URL": f"{at}/ace/documented/api",
        "ACE_IOT_API_KEY": KEY,
        "ACE_REQUESTS_PER_MINUTE": "100000",  # it is our own
    }
    if configuration.fred_api_key is None:
        environment |= {"FRED_API_BASE_URL": f"{at}/fred", "FRED_API_KEY": KEY}
    if "gumroad_api_base_url" not in configuration.model_fields_set:
        environment |= {"GUMROAD_API_BASE_URL": f"{at}/gumroad/v2"}
    return environment
