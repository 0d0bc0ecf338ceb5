"""Keeping other people's log lines about our requests from being written."""

import logging
from functools import lru_cache

from stamina.instrumentation import set_on_retry_hooks


@lru_cache(maxsize=1)
def say_no_urls() -> None:
    """Once a process: httpx logs whole URLs, keys in their queries included; httpcore, at DEBUG,
    the headers of answers: cookies, and the signed URLs that redirects lead to.

    stamina's own lines go too: ours say more, and where structlog is installed it would write its
    to standard output, among the JSON of a command.
    """
    for name in ("httpx", "httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_nothing)
    set_on_retry_hooks([])


def _nothing(_: logging.LogRecord) -> bool:
    return False
