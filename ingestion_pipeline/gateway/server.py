"""The gateway's process: uvicorn with one worker, which stops when what it accepted is answered."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import uvicorn

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch.gathering import Questions
from ingestion_pipeline.gateway import logs
from ingestion_pipeline.gateway.app import create_app
from ingestion_pipeline.gateway.protocol import BoundedProtocol

_CONNECTIONS = 2_000
_OBJECTS = 10_000  # that are made before the collector looks for those that nobody has any more
_STOP_SECONDS = 30
# Longer than clients and proxies keep an idle connection, so that they close it and not we, in the
# very moment in which they send.
_IDLE_SECONDS = 75


def serve(
    configuration: Settings,
    *,
    routers: Sequence[Any],
    questions: Mapping[str, Questions],
    mappings: Mappings,
) -> None:
    """Serve until SIGINT or SIGTERM; then take no more, finish what is under way, and return."""
    logs.configure()
    app = create_app(configuration, routers=routers, questions=questions, mappings=mappings)
    server = _Server(
        uvicorn.Config(
            app,
            host=configuration.gateway_host,
            port=configuration.gateway_port,
            # uvloop let some of 200 connections starve: 2 s at the 99th percentile against 65 ms.
            loop="asyncio",
            http=_protocol(configuration),
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=2048,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    server.ending = app.ending
    server.run()
    if not server.started:
        raise TransientError("the gateway did not start; its log says why")


def _protocol(configuration: Settings) -> type[BoundedProtocol]:
    class Configured(BoundedProtocol):
        most_of_an_address = configuration.peer_connections
        trusted = frozenset(configuration.trusted_proxy_addresses)

    return Configured


class _Server(uvicorn.Server):
    ending: Sequence[Callable[[], None]] = ()  # what ends streams, which would not by themselves

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, and leave it at that: uvicorn's own would then raise it once more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # A body of many small arrays is decoded in a third of the time.
        gc.set_threshold(_OBJECTS, 10, 10)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, and let what is under way end."""
        for end in self.ending:
            end()
        await super().shutdown(sockets)
