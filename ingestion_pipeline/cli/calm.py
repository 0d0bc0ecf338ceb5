"""Dagster's processes on a machine that mostly idles, calm.

`python -m ingestion_pipeline.cli.calm MODULE …` is `python -m MODULE …` with longer intervals.

Each of Dagster's processes asks the code server every second, twice, whether it is there and the
same; all of it goes through a process in between. And the daemon reads the whole workspace anew
every minute, though a thread of its own hears of every change within seconds. Together that was
more than half of what `up` did while nothing happened. There is no setting for it, so the
constants of the exactly pinned version are set; what a process starts is started alike.

Each question is also asked through a connection of its own, made and thrown away: most of what a
question costs, on both sides. Here a client keeps its connection.

And each run is a new interpreter, which imports Dagster and all libraries before it does anything.
Here the code server's runs are forks of a process that has imported them (`multiprocessing`'s
forkserver). Not of ours: a run reads the code and the files of sources as they are when it starts.
"""

import multiprocessing
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ASK_SECONDS = 4.0
_WATCH_SECONDS = 10.0  # until a code server that was started anew is noticed
_READ_ANEW_SECONDS = 300.0
_RECONNECT_MS = 1000
_CHANNEL = "_kept_channel"
# What a run imports that is not ours; nothing that starts a thread, which would not be forked.
_IMPORTED = (
    "dagster", "sqlalchemy.dialects.postgresql", "psycopg", "pydantic_settings", "httpx", "fsspec",
    "cryptography.fernet", "msgspec", "stamina",
)  # fmt: skip


def main() -> None:
    """Run the module that the first argument names, with the arguments behind it."""
    module = sys.argv[1]
    calm(daemon=module == "dagster._daemon")
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def calm(*, daemon: bool = False) -> None:
    """Set the intervals of this process, and of those that it starts."""
    from dagster._grpc import client, server, server_watcher

    modules: Any = (client, server, server_watcher)
    its_client, its_server, its_watcher = modules
    its_client.CLIENT_HEARTBEAT_INTERVAL = _ASK_SECONDS
    its_client.DagsterGrpcClient._channel = kept_channel
    its_watcher.WATCH_INTERVAL = _WATCH_SECONDS
    its_server.open_ipc_subprocess = starting_calm(its_server.open_ipc_subprocess)
    its_server.DagsterApiServer.__init__ = forking(its_server.DagsterApiServer.__init__)
    if daemon:
        from dagster._daemon import controller

        its_controller: Any = controller
        its_controller.RELOAD_WORKSPACE_INTERVAL = _READ_ANEW_SECONDS


@contextmanager
def kept_channel(client: Any) -> Iterator[Any]:
    """The connection of a client to its server, made at the first question and kept.

    A server that is started anew has another address, and so another client; where one comes back
    at the same, it is found within a second.
    """
    import grpc
    from dagster._grpc.utils import max_rx_bytes, max_send_bytes

    known = vars(client)
    if _CHANNEL not in known:
        made = grpc.insecure_channel(
            client._server_address,
            options=[
                ("grpc.max_receive_message_length", max_rx_bytes()),
                ("grpc.max_send_message_length", max_send_bytes()),
                ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
            ],
            compression=grpc.Compression.Gzip,
        )
        if known.setdefault(_CHANNEL, made) is not made:  # another thread was first
            made.close()
    yield known[_CHANNEL]


def starting_calm(start: Any) -> Any:
    """What starts a process of a module, calm."""

    def started(parts: list[str], **kwargs: Any) -> Any:
        at = parts.index("-m") + 1
        return start([*parts[:at], "ingestion_pipeline.cli.calm", *parts[at:]], **kwargs)

    return started


def forking(initialise: Any) -> Any:
    """What makes a code server, with runs that are forked where the system can do it."""

    def initialised(server: Any, *args: Any, **kwargs: Any) -> None:
        initialise(server, *args, **kwargs)
        if "forkserver" in multiprocessing.get_all_start_methods():
            server._mp_ctx = multiprocessing.get_context("forkserver")
            server._mp_ctx.set_forkserver_preload(list(_IMPORTED))

    return initialised


if __name__ == "__main__":
    main()
