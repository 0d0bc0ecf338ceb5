"""Files that somebody puts into a folder of the drop folder, as all wings look at them.

Names that begin with a dot or end in .part, .partial or .tmp are left alone, so that senders can
write first and rename then. Links are left alone, too: whoever may drop files would choose what of
ours is read.
"""

import errno
import logging
import os
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

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
    """

    path: str
    tenant: str
    name: str
    size: int
    version: str
    changed: datetime


def folders_in(files: Any, folder: str, *, links: bool = False) -> list[tuple[str, str]]:
    """The folders in a folder, each with its name and path; those that are links if wanted."""
    return [
        (entry["name"].rstrip("/").rsplit("/", 1)[-1], entry["name"])
        for entry in files.ls(folder, detail=True)
        if entry["type"] == "directory" and (links or not entry.get("islink"))
    ]


def files_in(files: Any, folder: str, *, tenant: str) -> list[DroppedFile]:
    """The files in a folder, those in folders below it not among them."""
    found: list[DroppedFile] = []
    for entry in files.ls(folder, detail=True):
        name = entry["name"].rsplit("/", 1)[-1]
        if entry["type"] != "file" or name.startswith(".") or name.endswith(_UNFINISHED):
            continue
        if entry.get("islink"):
            logger.warning("%s is a link, which is not followed", entry["name"])
            continue
        try:
            changed = last_modified(files, entry["name"])
        except FileNotFoundError:
            continue
        version = f"{entry['size']}@{changed.isoformat()}"
        found.append(DroppedFile(entry["name"], tenant, name, entry["size"], version, changed))
    return found


def open_dropped(files: Any, path: str, *, links: bool = False) -> IO[bytes]:
    """Open a dropped file.

    Args:
        files: where it lies.
        path: of the file.
        links: whether its folder may be a link, as the operator may make a tenant's one.

    Raises:
        FileNotFoundError: it is gone, or has become a link since it was listed, or its folder has.
    """
    if not is_local(files):
        return files.open(path, "rb")  # type: ignore[no-any-return]
    folder, _, name = path.rpartition("/")
    try:
        follow = 0 if links else os.O_NOFOLLOW
        within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | follow)
        try:
            return os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=within), "rb")
        finally:
            os.close(within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError(path) from None
        raise
