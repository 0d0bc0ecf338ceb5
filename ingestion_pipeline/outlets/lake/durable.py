"""Files of a local folder are on the disk before the catalogue names them: power may fail.

pyiceberg's own leaves them to the operating system, which writes when it likes; the catalogue's
commit is on the disk at once. Stores of objects keep what they have acknowledged.
"""

import io
import os
from pathlib import Path

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO


class DurableFileIO(PyArrowFileIO):
    """pyiceberg's files; local ones are written through."""

    def new_output(self, location: str) -> PyArrowFile:
        """The file at a location, to be written."""
        output = super().new_output(location)
        scheme, _, path = self.parse_location(location, self.properties)
        if scheme != "file":
            return output
        return _Durable(location, path, output._filesystem)


class _Durable(PyArrowFile):
    def create(self, overwrite: bool = False) -> io.BufferedWriter:
        """Begin to write it."""
        path = Path(self._path)
        make_folder(path.parent)
        return WrittenThrough(path, overwrite=overwrite)


class WrittenThrough(io.BufferedWriter):
    """A new file that is on the disk, with its name, when it is closed."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        super().__init__(io.FileIO(path, "wb" if overwrite else "xb"), 2**20)
        self._folder = path.parent

    def close(self) -> None:
        """Write it through."""
        if not self.closed:
            self.flush()
            os.fsync(self.fileno())
            super().close()
            write_names_through(self._folder)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they are there after a loss of power."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        write_names_through(folder.parent)


def write_names_through(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
