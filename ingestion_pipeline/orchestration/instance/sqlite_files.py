"""The files of Dagster's SQLite storage: opened once a process, and kept open.

Dagster makes an engine for every statement, which opens the file, compiles the statement and throws
both away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

_BUSY_SECONDS = 20  # Dagster's own patience with the event log
ready: set[str] = set()  # URLs of files that this process has seen with all their tables


@lru_cache(maxsize=16)
def engine(url: str) -> sa.Engine:
    """One a file; a connection is kept, so that statements are prepared and the file is open."""
    return sa.create_engine(
        url, pool_size=1, max_overflow=-1, connect_args={"timeout": _BUSY_SECONDS}
    )


@contextmanager
def transaction(url: str) -> Iterator[sa.Connection]:
    """A transaction in a file."""
    with engine(url).begin() as connection:
        yield connection


def is_ready(url: str) -> bool:
    """Whether a file is there, and has been seen with all its tables."""
    path = sa.make_url(url).database
    return url in ready and path is not None and Path(path).exists()
