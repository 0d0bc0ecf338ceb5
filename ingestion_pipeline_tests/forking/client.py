"""`subprocess.Popen` for tests: our commands are forked, anything else is started as ever.

A command spends its first second with imports, and a run of the tests starts hundreds. What is
forked is a process of its own: with the pid that `kill` reaches, its own environment, folder, files
and session; it reads its settings when it begins. All that differs is that its parent is the server
and that its command line is the server's. Started from scratch is

- what is not `[sys.executable, "-m", "ingestion_pipeline…", …]` without other options,
- what is given variables that are no settings of ours and that differ from those of the tests:
  libraries read them when they are imported (`PYTHON…`, `TERM`, `NO_COLOR`),
- everything where the system is not Linux, and with `TESTS_FORK=0`;
- and in every run what `up` and the soak start, and the commands of README and the handbook.
"""

import atexit
import inspect
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.forking.server import WORD

_Plain = subprocess.Popen
_SIGNATURE = inspect.signature(_Plain._execute_child)  # type: ignore[attr-defined]
# What may differ from one fork to the other: it is read when a command begins, if at all.
_OURS = {
    *(name.upper() for name in Settings.model_fields), "DAGSTER_HOME", "PYTEST_CURRENT_TEST",
    # pandera sets them when a test imports it, as it does in each command that needs it.
    "SPARK_LOCAL_IP", "PYARROW_IGNORE_TIMEZONE",
    "POLARS_ICEBERG_PLANNER",  # by `demo`, in the process of the tests
}  # fmt: skip
_ROOT = Path(__file__).parents[2]
# What the plain one does without; whoever asks for more gets a process from scratch.
_ORDINARY: dict[str, object] = {
    "executable": None, "preexec_fn": None, "close_fds": True, "pass_fds": (), "shell": False,
    "restore_signals": True, "gid": None, "gids": None, "uid": None, "umask": -1,
    "process_group": -1,
}  # fmt: skip


class Server:
    """The process that forks, started when it is first needed, with the environment of now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._environment = dict(os.environ)

    def takes(self, asked: Mapping[str, Any]) -> bool:
        """Whether what is asked of a `Popen` can be forked."""
        if sys.platform != "linux" or os.environ.get("TESTS_FORK") == "0":
            return False
        arguments = asked["args"]
        if not isinstance(arguments, list | tuple) or len(arguments) < 3:
            return False
        if any(asked.get(name, value) != value for name, value in _ORDINARY.items()):
            return False
        program, option, module = map(os.fspath, arguments[:3])
        if (program, option) != (sys.executable, "-m") or not module.startswith("ingestion_"):
            return False
        environment = os.environ if asked["env"] is None else asked["env"]
        others = environment.items() ^ self._environment.items()
        return {name for name, _ in others} <= _OURS

    def fork(self, asked: Mapping[str, Any]) -> tuple[int, int]:
        """Pid of the new process, and the pipe on which its status comes."""
        environment = os.environ if asked["env"] is None else asked["env"]
        order = {
            "arguments": [os.fsdecode(each) for each in asked["args"][2:]],
            "environment": dict(environment),
            "folder": os.fspath(asked["cwd"] or Path.cwd()),
            "session": asked["start_new_session"],
        }
        handles = asked["p2cread"], asked["c2pwrite"], asked["errwrite"]
        files = [given if given != -1 else own for own, given in enumerate(handles)]
        pipe, told = os.pipe()
        try:
            socket.send_fds(self._socket, [json.dumps(order).encode()], [*files, told])
        finally:
            os.close(told)
        return WORD.unpack(os.read(pipe, WORD.size))[0], pipe

    @cached_property
    def _started(self) -> socket.socket:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "ingestion_pipeline_tests.forking.server"]
        with its:
            process = _Plain(
                [*command, str(its.fileno())], pass_fds=[its.fileno()], cwd=_ROOT,
                env=self._environment, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(process.wait)
        atexit.register(ours.close)
        return ours

    @property
    def _socket(self) -> socket.socket:
        with self._lock:
            return self._started


class Popen(_Plain[Any]):
    """A `subprocess.Popen`, forked where it can be."""

    server: Server
    _status: int | None = None

    def _execute_child(self, *given: Any) -> None:
        asked = _SIGNATURE.bind(self, *given).arguments
        if not self.server.takes(asked):
            super()._execute_child(*given)  # type: ignore[misc]
            return
        self.pid, self._status = self.server.fork(asked)
        self._child_created = True
        names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in names))  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._status is None:
            found: tuple[int, int] = super()._try_wait(flags)  # type: ignore[misc]
            return found
        if flags & os.WNOHANG and not select.select([self._status], [], [], 0)[0]:
            return 0, 0
        (status,) = WORD.unpack(os.read(self._status, WORD.size))
        os.close(self._status)
        return self.pid, status

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self._status is None:
            return super()._internal_poll(*given, **named)  # type: ignore[misc,no-any-return]
        if self.returncode is None and self._waitpid_lock.acquire(False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid:
                        self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def install() -> Callable[[], None]:
    """Have all of this process start commands so; what is called to undo it."""
    Popen.server = Server()
    subprocess.Popen = Popen  # type: ignore[misc]

    def undo() -> None:
        subprocess.Popen = _Plain  # type: ignore[misc]

    return undo
