"""The sandbox's process."""

import uvicorn

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline.foundation.sandbox.app import create_app
from ingestion_pipeline.foundation.sandbox.faults import Faults


def serve(
    data: AceData, *, host: str, port: int, key: str, faults: Faults, keep_pages: int
) -> None:
    """Serve until Ctrl-C.

    Raises:
        TransientError: it did not start, because the port is taken.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(data, key=key, faults=faults, keep_pages=keep_pages),
            host=host,
            port=port,
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="critical",  # a connection that is broken off on purpose is no news
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    try:
        server.run()
    except KeyboardInterrupt:
        return
    if not server.started:
        raise TransientError(f"the sandbox did not start; is port {port} taken?")
