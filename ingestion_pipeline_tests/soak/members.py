"""The processes of a cluster: each can be killed, and is started again as a supervisor would."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import httpx
import psutil

from ingestion_pipeline.foundation.errors import EmbeddedServerError
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

_START_SECONDS = 180


class Member(Protocol):
    """Something that runs, and may die."""

    name: str

    @property
    def runs(self) -> bool: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...
    def wait_until_ready(self) -> None: ...
    def processes(self) -> list[psutil.Process]: ...


@dataclass
class Program:
    """A process group with a log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._end_group()  # a supervisor's control group: children don't outlive their service
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill the process that was started; its children live until it is started again."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """At once: Dagster's processes take half a minute to say goodbye."""
        self._end_group()
        if self._process is not None:
            self._process.wait()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_ready():
            assert time.monotonic() < deadline, f"{self.name}:\n{self.tail()}"
            time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        if not self.runs:
            return []
        assert self._process is not None
        try:
            mine = psutil.Process(self._process.pid)
            return [mine, *mine.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def _end_group(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


@dataclass
class PostgreSQL:
    """The embedded server of a folder."""

    home: Path
    name: str = "PostgreSQL"

    @property
    def runs(self) -> bool:
        return self._server.is_running()

    def start(self) -> None:
        self._server.url()

    def kill(self) -> None:
        note = self.home / "postgres" / "data" / "postmaster.pid"
        psutil.Process(int(note.read_text().splitlines()[0])).kill()

    def stop(self) -> None:
        self._server.stop()

    def wait_until_ready(self) -> None:
        """It is when it has been started."""

    def processes(self) -> list[psutil.Process]:
        return []

    @property
    def _server(self) -> EmbeddedServer:
        return EmbeddedServer(self.home)


class Supervisor(threading.Thread):
    """Starts again what has died, a moment later, until it is left."""

    def __init__(self, members: Sequence[Member], *, pause: float = 1.0) -> None:
        super().__init__(daemon=True)
        self._members = members
        self._pause = pause
        self._over = threading.Event()
        self.restarts: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.3):
            for member in self._members:
                if member.runs or self._over.wait(self._pause):
                    continue
                # After a kill, PostgreSQL's children may hold its memory for a moment.
                with contextlib.suppress(EmbeddedServerError):
                    member.start()
                    self.restarts.append(member.name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self.join()


def listens(port: int) -> Callable[[], bool]:
    """Whether somebody listens on a port of this machine."""

    def ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready


def answers(url: str) -> Callable[[], bool]:
    """Whether a URL answers 2xx."""

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=5).is_success
        except httpx.TransportError:
            return False

    return ready
