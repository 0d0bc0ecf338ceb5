"""The process that forks: `python -m ingestion_pipeline_tests.forking.server FD`.

It imports what our commands import, reads no settings, starts no thread of its own, and then forks
once for each request that comes on the socket FD. The fork becomes `python -m MODULE …` with the
environment, folder and files that it was given, and leaves this program's stack before it does.

    request   JSON {arguments, environment, folder, session}, and with it four files:
              standard input, output and error of the fork, and a pipe to tell its fate
    pipe      pid of the fork; when it has ended, its status as of waitpid(2); 4 bytes each
"""

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import struct
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

# What commands import at once or when they need it. Nothing of it may look at our settings:
# `ingestion_pipeline.definitions` does, so each process imports that itself.
IMPORTED = (
    "ingestion_pipeline.cli.app",
    "ingestion_pipeline.cli.local.pages",
    "ingestion_pipeline.cli.local.secrets",
    "ingestion_pipeline.domains.registry",
    "ingestion_pipeline.foundation.sandbox.server",
    "ingestion_pipeline.gateway.server",
    "ingestion_pipeline.outlets.dashboards.routes",
    "sqlalchemy.dialects.postgresql",
    "uvicorn.protocols.http.httptools_impl",
)
WORD = struct.Struct("i")
_LONGEST_REQUEST = 2**20


class Order(NamedTuple):
    """What a fork becomes."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str | None
    session: bool


def main() -> None:
    """Fork until nobody asks any more; a fork becomes what it was asked to be."""
    for name in IMPORTED:
        importlib.import_module(name)
    # What is here stays where it is, so that it is shared with the forks.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to us as well
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        _become(order)


def _serve(requests: socket.socket) -> Order | None:
    """None at the end; in a fork, what it becomes."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    pipes: dict[int, int] = {}  # by pid
    while True:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_fates(pipes)
        if requests in ready:
            request, files, _, _ = socket.recv_fds(requests, _LONGEST_REQUEST, 4)
            if not request:
                return None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of numpy's threads, which know of forks
                pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for number, file in enumerate(files[:3]):
                    os.dup2(file, number)
                requests.detach()
                os.closerange(3, os.sysconf("SC_OPEN_MAX"))
                return Order(**json.loads(request))
            *given, pipes[pid] = files
            for file in given:
                os.close(file)
            _tell(pipes[pid], pid)


def _tell_fates(pipes: dict[int, int]) -> None:
    """Tell of those that have ended."""
    while pipes:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        pipe = pipes.pop(pid)
        _tell(pipe, status)
        os.close(pipe)


def _tell(pipe: int, word: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know
        os.write(pipe, WORD.pack(word))


def _become(order: Order) -> None:
    """Be a process that has just been started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order.session:
        os.setsid()
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    random.seed()
    if order.folder is not None:
        os.chdir(order.folder)
    sys.path[0] = str(Path.cwd())
    sys.stdin, sys.stdout, sys.stderr = _standard_files()
    module, *sys.argv[1:] = order.arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _standard_files() -> tuple[TextIO, TextIO, TextIO]:
    """As an interpreter opens them."""
    files = (
        open(0, encoding="utf-8", closefd=False),  # noqa: SIM115 - as long as the process
        open(1, "w", encoding="utf-8", closefd=False),  # noqa: SIM115
        open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False),  # noqa: SIM115
    )
    files[1].reconfigure(line_buffering=files[1].isatty())
    files[2].reconfigure(line_buffering=True)
    return files


if __name__ == "__main__":
    main()
