"""Files that a tenant has put into its own part of the landing store: `storagePath`.

The path is relative to the tenant's folder there, as it stands: what would have to be decoded,
resolved or followed to know where it leads is refused.
"""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ingestion_pipeline.foundation.errors import ContractError, FieldError, MissingReportError
from ingestion_pipeline.foundation.storage.landing import Landing, file_system, is_local

FIELD = "payload.storagePath"  # as orders of imports name it
UPLOADS = "uploads"
_LONGEST = 1024  # bytes


def fault_of(path: Any) -> str | None:
    """What is wrong with a path as it was sent; None: nothing."""
    if not isinstance(path, str) or not path.strip():
        return "must be a path, like uploads/report.csv"
    if not path.isprintable() or len(path.encode("utf-8", "replace")) > _LONGEST:
        return f"must be at most {_LONGEST} bytes of printable characters"
    if set(path) & set("\\:*?[]~") or unquote(path) != path:
        return "must be a plain path: no URL, nothing encoded, no backslash, no pattern"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "must be relative and normalised: no leading, trailing or double slash, no '..'"
    return None


def require_folder(landing: str, tenant: str, path: str, *, field: str = FIELD) -> None:
    """Refuse a path whose first folder the tenant's part does not have: another tenant's name, say.

    Whether the name is some tenant's is not asked: the answer would tell which tenants there are.
    The folder of the originals' example is taken before anything was put there.

    Raises:
        ContractError: there is no such folder.
    """
    folder, _, rest = path.partition("/")
    if not rest or folder == UPLOADS or folder in Landing(landing).folders(tenant):
        return
    rule = (
        f"names the folder {folder[:100]!r}, which your part of the store does not have: the path "
        f"is relative to that part, like {UPLOADS}/report.csv"
    )
    raise ContractError(f"{field}: {rule}", [FieldError(field, rule)])


def require_inside(landing: str, tenant: str, path: str, *, field: str = FIELD) -> None:
    """Refuse a path that a link leads out of the tenant's part of the store.

    Raises:
        ContractError: it leads elsewhere.
    """
    files, root = file_system(f"{landing.rstrip('/')}/{tenant}")
    if not is_local(files):
        return  # object stores have no links
    inside = Path(root).resolve()
    if not (Path(root) / path).resolve().is_relative_to(inside):
        rule = "leads out of your part of the store"
        raise ContractError(f"{field}: {rule}", [FieldError(field, rule)])


def require_there(landing: str, tenant: str, path: str) -> None:
    """Fail where there is no such report.

    Raises:
        MissingReportError: it is not there, or not below the tenant's folder.
    """
    if rule := fault_of(path):
        raise MissingReportError(f"storagePath: {rule}")
    try:
        require_inside(landing, tenant, path)
    except ContractError as error:
        raise MissingReportError(str(error)) from None
    if not Landing(landing).exists(f"{tenant}/{path}"):
        rule = f"there is no file {path!r} in your part of the store"
        raise MissingReportError(f"storagePath: {rule}")
