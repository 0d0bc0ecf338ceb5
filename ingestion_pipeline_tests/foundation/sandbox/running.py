"""A sandbox in a process of its own, as users run it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ingestion_pipeline.cli.local.services import free_port
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline_tests.gateway.running import ROOT

KEY = "sandbox-key"


class RunningSandbox:
    """`ingestion-pipeline sandbox`; `data` is what it holds."""

    def __init__(self, home: Path, *, points: int = 20, interval_seconds: int = 60) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.live_url = f"{self.url}/ace/live/api"
        self.documented_url = f"{self.url}/ace/documented/api"
        self.headers = {"Authorization": f"Bearer {KEY}"}
        self.data = AceData(points_per_site=points, interval_seconds=interval_seconds)
        self.log = home / "sandbox.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "ingestion_pipeline.cli", "sandbox",
                    "--port", str(self.port), "--points", str(points),
                    "--interval-seconds", str(interval_seconds),
                ],
                cwd=ROOT, env={**os.environ, "INGESTION_HOME": str(home)}, stdout=log, stderr=log,
            )  # fmt: skip
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.http.get("/livez").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    @contextmanager
    def fault(
        self, name: str, argument: str | None = None, *, times: int | None = None, path: str = ""
    ) -> Iterator[None]:
        """Switch a fault on, and all off in the end."""
        self.switch_on(name, argument, times=times, path=path)
        try:
            yield
        finally:
            self.heal()

    def switch_on(
        self, name: str, argument: str | None = None, *, times: int | None = None, path: str = ""
    ) -> None:
        fault = {"name": name, "argument": argument, "times": times, "path": path}
        self.http.post("/faults", json=fault).raise_for_status()

    def heal(self) -> None:
        self.http.delete("/faults").raise_for_status()

    def counts(self) -> dict[str, int]:
        """Requests served by path since the last `forget`."""
        found: dict[str, int] = self.http.get("/counts").json()["by_path"]
        return found

    def forget(self) -> None:
        self.http.delete("/counts").raise_for_status()

    def stop(self) -> int:
        self.http.close()
        self.process.terminate()
        return self.process.wait(30)
