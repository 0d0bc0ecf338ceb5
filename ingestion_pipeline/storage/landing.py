"""Landed files: what was received, kept as it came, on any fsspec file system.

A file is written under a temporary name, hashed on the way, made durable, and renamed: either it
is there whole, or there is nothing under its name.
"""

import hashlib
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote

import fsspec

from ingestion_pipeline.errors import LandedFileError

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Landed:
    """A file that is kept.

    Attributes:
        location: its URL.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
    """

    location: str
    size: int
    sha256: str


class Landing:
    """The store under one URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files, self._root = file_system(self._url)

    def write(self, name: str, chunks: Iterable[bytes]) -> Landed:
        """Keep the bytes under `name` (a relative path), whole or not at all."""
        path = f"{self._root}/{name}"
        partial = f"{self._root}/.partial/{uuid.uuid4().hex}"
        self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        self._files.makedirs(f"{self._root}/.partial", exist_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            with self._files.open(partial, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += file.write(chunk)
                if is_local(self._files):
                    file.flush()
                    os.fsync(file.fileno())
            self._files.mv(partial, path)
        except BaseException:
            if self._files.exists(partial):
                self._files.rm(partial)
            raise
        if is_local(self._files):
            for folder in Path(name).parents:  # each of them may be new
                _sync_folder(Path(self._root) / folder)
        shown = quote(name) if self._url.startswith("file:") else name
        return Landed(location=f"{self._url}/{shown}", size=size, sha256=digest.hexdigest())


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the URL's path on it."""
    files, path = fsspec.core.url_to_fs(url)
    if url.startswith("file:"):
        path = unquote(path)  # fsspec takes `/my%20home` for a folder of that very name
    return files, path.rstrip("/")


def is_local(files: Any) -> bool:
    """Whether a file system is this machine's disk."""
    return "file" in files.protocol


def open_file(location: str) -> IO[bytes]:
    """Open a landed file for reading.

    Raises:
        LandedFileError: it is not there.
    """
    files, path = file_system(location)
    try:
        return files.open(path, "rb")  # type: ignore[no-any-return]
    except FileNotFoundError:
        raise LandedFileError(f"{location}: the recorded file is gone") from None


def chunks_of(file: IO[bytes]) -> Iterable[bytes]:
    """The rest of an open file in pieces of 1 MiB."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the name is in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
