"""Landed files: what was received, kept as it came, on any fsspec file system.

A file is written under a temporary name, hashed on the way, made durable, and renamed: either it
is there whole, or there is nothing under its name.

A location, as it is kept in the database, is the path below the store's root and no URL: whoever
may write to the database must not choose what a run opens. Only `Landing.open` opens one.
"""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

import fsspec

from ingestion_pipeline.foundation.errors import LandedFileError

_CHUNK_BYTES = 1024 * 1024
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Landed:
    """A file that is kept.

    Attributes:
        location: its path below the store's root.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
    """

    location: str
    size: int
    sha256: str


class LandingFile:
    """A file on its way into the store: nothing is under its name before `keep`.

    Every method blocks on the disk; an event loop calls them in a thread, one at a time.
    """

    def __init__(self, files: Any, *, root: str, name: str) -> None:
        self._files = files
        self._root = root
        self._name = name
        self._partial = f"{root}/{_PARTIAL}/{uuid.uuid4().hex}"
        self._digest = hashlib.sha256()
        self._size = 0
        files.makedirs(f"{root}/{_PARTIAL}", exist_ok=True)
        self._file = files.open(self._partial, "wb")

    def write(self, chunk: bytes) -> None:
        """Append to the file."""
        self._digest.update(chunk)
        self._size += self._file.write(chunk)

    @property
    def sha256(self) -> str:
        """Of the bytes so far, in hexadecimal."""
        return self._digest.hexdigest()

    def keep(self) -> Landed:
        """Make the file durable and give it its name."""
        local = is_local(self._files)
        if local:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        path = f"{self._root}/{self._name}"
        self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        self._files.mv(self._partial, path)
        if local:
            for folder in Path(self._name).parents:  # each of them may be new
                _sync_folder(Path(self._root) / folder)
        return Landed(location=self._name, size=self._size, sha256=self.sha256)

    def discard(self) -> None:
        """Leave nothing behind."""
        # A store may refuse to close what could not be written; what is there goes all the same.
        with contextlib.suppress(OSError):
            self._file.close()
        if self._files.exists(self._partial):
            self._files.rm(self._partial)


class Landing:
    """The store under one URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._files, self._root = file_system(self._url)

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end; for who reads and writes there by fsspec."""
        return self._url

    def begin(self, name: str) -> LandingFile:
        """Begin a file under `name` (a relative path): `write`, then `keep` or `discard`."""
        self._path(name)
        return LandingFile(self._files, root=self._root, name=name)

    def write(self, name: str, chunks: Iterable[bytes]) -> Landed:
        """Keep the bytes under `name` (a relative path), whole or not at all."""
        file = self.begin(name)
        try:
            for chunk in chunks:
                file.write(chunk)
            return file.keep()
        except BaseException:
            file.discard()
            raise

    def join(self, name: str, locations: Iterable[str]) -> Landed:
        """Keep landed files one after the other as one, hashed on the way.

        Raises:
            LandedFileError: one of them is gone, or not of this store.
        """
        return self.write(name, self._contents(locations))

    def open(self, location: str) -> IO[bytes]:
        """Open a landed file for reading.

        Raises:
            LandedFileError: it is not there, or the location leads out of the store.
        """
        try:
            return self._files.open(self._path(location), "rb")  # type: ignore[no-any-return]
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise LandedFileError(f"{location}: the recorded file is gone") from None

    def exists(self, location: str) -> bool:
        """Whether a landed file is there.

        Raises:
            LandedFileError: the location leads out of the store.
        """
        self._files.invalidate_cache()
        return bool(self._files.exists(self._path(location)))

    def remove(self, location: str) -> None:
        """Remove a landed file, if it is there.

        Raises:
            LandedFileError: the location leads out of the store.
        """
        path = self._path(location)
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(path)

    def folders(self, name: str) -> list[str]:
        """The names of the folders in a folder of the store."""
        self._files.invalidate_cache()
        try:
            entries = self._files.ls(f"{self._root}/{name}", detail=True)
        except FileNotFoundError:
            return []
        return [
            entry["name"].rstrip("/").rsplit("/", 1)[-1]
            for entry in entries
            if entry["type"] == "directory"
        ]

    def modified(self, name: str) -> datetime | None:
        """When the last of the files in a folder was written; None if there is none."""
        times = []
        for path in self._files.find(f"{self._root}/{name}"):
            with contextlib.suppress(FileNotFoundError):
                times.append(last_modified(self._files, path))
        return max(times, default=None)

    def remove_folder(self, name: str) -> None:
        """Remove a folder of the store with all that is in it."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(self._path(name), recursive=True)

    def remove_stale(self, age: timedelta) -> int:
        """Remove unfinished files that were last written that long ago; returns how many.

        Whoever wrote them was killed: an error removes them at once.
        """
        self._files.invalidate_cache()
        folder = f"{self._root}/{_PARTIAL}"
        if not self._files.exists(folder):
            return 0
        removed = 0
        for path in self._files.find(folder):
            with contextlib.suppress(FileNotFoundError):
                if datetime.now(UTC) - last_modified(self._files, path) >= age:
                    self._files.rm(path)
                    removed += 1
        return removed

    def _path(self, location: str) -> str:
        """A location on the file system: below the root, whatever the location says."""
        below = f"{self._url}/"
        name = location
        if location.startswith(below):  # releases before 0013 recorded whole URLs
            name = location.removeprefix(below)
            name = unquote(name) if self._url.startswith("file:") else name
        path = f"{self._root}/{name}"
        if any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
            raise LandedFileError(f"{location!r} is no path below the landing store's root")
        if is_local(self._files) and not _is_below(path, self._root):
            raise LandedFileError(f"{location!r} leads out of the landing store by a link")
        return path

    def _contents(self, locations: Iterable[str]) -> Iterator[bytes]:
        for location in locations:
            with self.open(location) as file:
                yield from chunks_of(file)


def landing_name(tenant: str, file_name: str) -> str:
    """A new name for a received file: its tenant, the day, an id of 32 hexadecimal digits."""
    return f"{tenant}/{datetime.now(UTC).date().isoformat()}/{uuid.uuid4().hex}/{file_name}"


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the URL's path on it."""
    files, path = fsspec.core.url_to_fs(url)
    if url.startswith("file:"):
        path = unquote(path)  # fsspec takes `/my%20home` for a folder of that very name
    return files, path.rstrip("/")


def is_local(files: Any) -> bool:
    """Whether a file system is this machine's disk."""
    return "file" in files.protocol


def chunks_of(file: IO[bytes]) -> Iterable[bytes]:
    """The rest of an open file in pieces of 1 MiB."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def last_modified(files: Any, path: str) -> datetime:
    """When a file was last written, in UTC where the file system names no zone."""
    changed: datetime = files.modified(path)
    return changed if changed.tzinfo else changed.replace(tzinfo=UTC)


def _is_below(path: str, root: str) -> bool:
    """Whether a path is in a folder once links are followed; the root itself may be one."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the name is in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
