"""Files that somebody puts into a folder of the drop folder, as all wings look at them.

Names that begin with a dot or end in .part, .partial or .tmp are left alone, so that senders can
write first and rename then. Links are left alone, too, and whatever is reached by one: whoever may
drop files would choose what of ours is read, or removed. Only the drop folder itself may be one.
"""

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.storage.landing import is_local, last_modified

logger = logging.getLogger(__name__)
_UNFINISHED = (".part", ".partial", ".tmp")


@dataclass(frozen=True)
class DroppedFile:
    """A file in the drop folder.

    Attributes:
        path: on the file system.
        tenant: by the name of its folder.
        version: tells this content of the path from earlier and later ones.
        changed: when it was last written, UTC.
        root: the drop folder.
        put: tells it from the same content that is put there again with the old time (`cp -p`,
            `rsync -a`); on a store of objects, whose times are its own, empty.
    """

    path: str
    tenant: str
    name: str
    size: int
    version: str
    changed: datetime
    root: str
    put: str = ""


@dataclass(frozen=True)
class _State:
    """What tells one content of a path from another."""

    size: int
    changed: datetime
    put: str = ""

    @property
    def version(self) -> str:
        return f"{self.size}@{self.changed.isoformat()}"


def folders_in(files: Any, folder: str) -> list[tuple[str, str]]:
    """The folders in a folder, each with its name and path."""
    return [(name, entry["name"]) for name, entry in _entries(files, folder, "directory")]


def files_in(files: Any, folder: str, *, root: str, tenant: str) -> list[DroppedFile]:
    """The files in a folder of the drop folder `root`, those in folders below it not among them."""
    found: list[DroppedFile] = []
    for name, entry in _entries(files, folder, "file"):
        if name.startswith(".") or name.endswith(_UNFINISHED):
            continue
        try:
            state = _listed(files, entry)
        except FileNotFoundError:
            continue
        found.append(
            DroppedFile(
                entry["name"], tenant, name, state.size, state.version, state.changed, root,
                state.put,
            )
        )  # fmt: skip
    return found


def open_dropped(files: Any, path: str, *, root: str | None = None) -> IO[bytes]:
    """Open a dropped file.

    Args:
        files: where it lies.
        path: of the file.
        root: the folder that may be reached by links; None: none above the file's own.

    Raises:
        FileNotFoundError: it is gone, or it or a folder on the way has become something else since.
        ContractError: it may not be read.
    """
    if not is_local(files):
        return files.open(path, "rb")  # type: ignore[no-any-return]
    try:
        with _folder_of(path, root) as (folder, name):
            # Who opens a pipe would wait for somebody to write.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            opened = os.open(name, flags, dir_fd=folder)
    except PermissionError as error:
        raise ContractError(f"it can't be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise FileNotFoundError(path)
    return os.fdopen(opened, "rb")


def is_unchanged(files: Any, dropped: DroppedFile) -> bool:
    """Whether what lies there is what was listed.

    Raises:
        FileNotFoundError: it is gone, or has become a link since, or a folder on the way has.
    """
    if not is_local(files):
        files.invalidate_cache()
        size = files.info(dropped.path)["size"]
        return _State(size, last_modified(files, dropped.path)).version == dropped.version
    with _folder_of(dropped.path, dropped.root) as (folder, name):
        return _is_it(dropped, folder, name)


def take_out(files: Any, dropped: DroppedFile) -> bool:
    """Remove a dropped file; one that came under its name since it was listed stays."""
    if not is_local(files):
        if is_there := is_unchanged(files, dropped):
            files.rm(dropped.path)
        return is_there
    try:
        with _folder_of(dropped.path, dropped.root) as (folder, name):
            if is_there := _is_it(dropped, folder, name):
                os.unlink(name, dir_fd=folder)
            return is_there
    except FileNotFoundError:  # by another scan, or by the sender
        return False
    except PermissionError as error:
        logger.warning("%s can't be taken out: %s", printable(dropped.path), error.strerror)
        return False


def _entries(files: Any, folder: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is in a folder, with the names; what is left alone is said once, with the files."""
    try:
        entries = files.ls(folder, detail=True)
    except FileNotFoundError:
        return
    except PermissionError as error:  # who shuts his folder does not stop those of others
        logger.warning("%s can't be read: %s", printable(folder), error.strerror)
        return
    for entry in entries:
        name = entry["name"].rstrip("/").rsplit("/", 1)[-1]
        if entry.get("islink"):
            problem = "is a link, which is not followed"
        elif not _is_text(name):
            problem = "has a name that is no UTF-8"
        elif entry["type"] == kind:
            yield name, entry
            continue
        else:
            continue
        if kind == "file":
            logger.warning("%s %s", printable(entry["name"]), problem)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(files: Any, entry: dict[str, Any]) -> _State:
    if is_local(files):
        return _state(os.lstat(entry["name"]))
    return _State(entry["size"], last_modified(files, entry["name"]))


def _state(found: os.stat_result) -> _State:
    changed = datetime.fromtimestamp(found.st_mtime, tz=UTC)
    return _State(found.st_size, changed, f"{found.st_ino}.{found.st_ctime_ns}")


def _is_it(dropped: DroppedFile, folder: int, name: str) -> bool:
    state = _state(os.stat(name, dir_fd=folder, follow_symlinks=False))
    return (state.version, state.put) == (dropped.version, dropped.put)


@contextmanager
def _folder_of(path: str, root: str | None) -> Iterator[tuple[int, str]]:
    """The folder of a file, open, and the file's name in it; no step below the root is a link."""
    above, _, name = path.rpartition("/")
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        if root is None:
            steps: tuple[str, ...] = ()
            folder = os.open(above, flags | os.O_NOFOLLOW)
        else:
            steps = Path(above).relative_to(root).parts
            folder = os.open(root, flags)
        try:
            for step in steps:
                inner = os.open(step, flags | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder, name
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError(path) from None
        raise
