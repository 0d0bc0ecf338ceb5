"""Child processes that `up` keeps running: started, waited for, started again when they die."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ingestion_pipeline.foundation.errors import TransientError

_START_SECONDS = 600  # on a machine that is busy Dagster takes minutes; who dies is seen at once
_STOP_SECONDS = 35  # the gateway finishes what it has accepted
_STEADY_SECONDS = 60
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Service:
    """A process group that serves something.

    Attributes:
        name: what people call it.
        command: program and arguments.
        environment: of the process.
        log: where its output goes.
        ready_url: answers 2xx once it serves.
        before: called before every start.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready_url: str
    before: Callable[[], object] | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started_at: float = 0.0
    _pause: float = 1.0

    def start(self) -> None:
        """Start it; `wait_until_ready` says when it serves."""
        if self.before is not None:
            self.before()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, env=dict(self.environment),
            )  # fmt: skip
        self._started_at = time.monotonic()

    def wait_until_ready(self) -> None:
        """Wait until it serves.

        Raises:
            TransientError: it died, or takes too long; the end of its log is in the message.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.runs:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(self.ready_url, timeout=5).is_success:
                    return
            time.sleep(0.2)
        tail = self.log.read_text(errors="replace")[-2000:]
        raise TransientError(f"{self.name} does not start; the end of {self.log}:\n{tail}")

    @property
    def runs(self) -> bool:
        """Whether its first process is alive."""
        return self._process is not None and self._process.poll() is None

    def start_again(self) -> str:
        """Start it anew after it died, later and later when it dies at once; how it had ended."""
        assert self._process is not None, "it was started"  # noqa: S101
        ended = f"exit code {self._process.returncode}"
        self._end_group(signal.SIGKILL)
        steady = time.monotonic() - self._started_at > _STEADY_SECONDS
        self._pause = 1.0 if steady else min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        time.sleep(self._pause)
        self.start()
        return ended

    def stop(self) -> None:
        """Ask it to stop, then make sure that nobody of its group is left."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        for last_word in (signal.SIGTERM, signal.SIGKILL):
            self._end_group(last_word)

    def _end_group(self, last_word: signal.Signals) -> None:
        assert self._process is not None, "it was started"  # noqa: S101
        deadline = time.monotonic() + 5
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, last_word)
            while time.monotonic() < deadline:
                self._process.poll()
                os.killpg(self._process.pid, 0)  # raises when the group is empty
                time.sleep(0.05)


@contextlib.contextmanager
def running(services: Sequence[Service], *, deaf: bool = False) -> Iterator[None]:
    """Services that run as long as the block; `deaf`: no signal interrupts their stopping."""
    try:
        for service in services:
            service.start()
        yield
    finally:
        if deaf:  # a second Ctrl-C must not leave orphans
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        for service in services:
            service.stop()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
