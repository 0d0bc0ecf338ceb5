"""What a sender says before the bytes come: file names, sizes, hashes. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion_pipeline.domains.commerce.contract.entities import entity_of_file
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.storage.file_names import file_name_problem

MOST_FILES = 1_000  # of a session
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True)
class DeclaredFile:
    """A file that a session announces; `sha256` in lower-case hexadecimal."""

    file_name: str
    type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Range:
    """A `Content-Range`: first and last byte, both inclusive, of a file of `total` bytes."""

    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        """The number of bytes in it."""
        return self.last - self.first + 1


def type_of(file_name: str, *, only: str | None = None) -> str:
    """The type of a file by its name, which must also be a name on any disk.

    Args:
        only: the one type that is taken, where that is so.

    Raises:
        ContractError: it is no name, or fits no type, or another one.
    """
    if problem := file_name_problem(file_name):
        raise _at("file_name", problem)
    try:
        entity = entity_of_file(file_name)
    except ContractError as error:
        raise _at("file_name", str(error).removeprefix("file name: ")) from None
    if only is not None and entity.name != only:
        raise _at("file_name", f"must start with {only}_, got {file_name!r}")
    return entity.name


def declared_files(document: Any, *, largest: int) -> list[DeclaredFile]:
    """The files of `{"files": [{"file_name", "size", "sha256"}]}`.

    Args:
        document: decoded JSON.
        largest: the most bytes that a file may have.

    Raises:
        ContractError: with every field at fault.
    """
    entries = document.get("files") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_FILES:
        raise _at("files", f"must be a list of 1 to {MOST_FILES} files")
    errors: list[FieldError] = []
    files: list[DeclaredFile] = []
    names: set[str] = set()
    for position, entry in enumerate(entries):
        faults, file = _declared(entry, largest=largest)
        if file is not None and file.file_name in names:
            faults.append(FieldError("file_name", "must be there only once"))
        errors += [FieldError(f"files[{position}].{f.field}", f.message) for f in faults]
        if file is not None:
            names.add(file.file_name)
            files.append(file)
    if errors:
        raise ContractError("the files cannot be announced like this", errors)
    return files


def content_range(header: str | None) -> Range | None:
    """A `Content-Range` header; None where it is missing or not `bytes first-last/total`.

    Raises:
        ContractError: the range is no part of the file.
    """
    match = _CONTENT_RANGE.fullmatch(header or "")
    if match is None:
        return None
    found = Range(*(int(group) for group in match.groups()))
    if not found.first <= found.last < found.total:
        raise _at("Content-Range", f"must be first <= last < total, got {header!r}")
    return found


def _declared(entry: Any, *, largest: int) -> tuple[list[FieldError], DeclaredFile | None]:
    if not isinstance(entry, Mapping):
        return [FieldError("", "must be an object")], None
    name: Any = entry.get("file_name")
    size: Any = entry.get("size")
    sha256: Any = entry.get("sha256")
    faults: list[FieldError] = []
    type_ = ""
    if not isinstance(name, str):
        faults.append(FieldError("file_name", "must be a text"))
    else:
        try:
            type_ = type_of(name)
        except ContractError as error:
            faults += error.errors
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= largest:
        faults.append(FieldError("size", f"must be a whole number from 0 to {largest}"))
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        faults.append(FieldError("sha256", "must be 64 hexadecimal digits"))
    if faults:
        return faults, None
    return [], DeclaredFile(name, type_, size, sha256.lower())


def _at(field: str, message: str) -> ContractError:
    return ContractError(f"{field}: {message}", [FieldError(field, message)])
