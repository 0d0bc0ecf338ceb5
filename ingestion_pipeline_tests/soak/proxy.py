"""A TCP proxy before several gateways: a connection goes to the next of them that takes it.

What a load balancer does, no more: a request that breaks off with its gateway is the sender's to
repeat.

    python -m ingestion_pipeline_tests.soak.proxy PORT TARGET_PORT TARGET_PORT
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Sequence

_CHUNK = 65_536


async def serve(port: int, targets: Sequence[int]) -> None:
    turns = itertools.count()

    async def handle(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        turn = next(turns)
        for place in range(len(targets)):
            target = targets[(turn + place) % len(targets)]
            with contextlib.suppress(OSError):
                gateway, requests = await asyncio.open_connection("127.0.0.1", target)
                break
        else:
            answers.close()
            return
        await asyncio.gather(_pass_on(client, requests), _pass_on(gateway, answers))

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    await server.serve_forever()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [int(target) for target in sys.argv[2:]]))
