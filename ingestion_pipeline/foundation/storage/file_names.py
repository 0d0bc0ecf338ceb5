"""The one rule of file names, for every door: what a name must be to be one on any disk."""

MOST_NAME_BYTES = 200  # a disk takes 255, and landing puts something in front


def file_name_problem(name: str) -> str | None:
    """Why a name can't be used; None: it can. Bytes count, because disks count them."""
    if name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable():
        return f"must be a name without folders and control characters, got {name[:80]!r}"
    if len(name.encode(errors="replace")) > MOST_NAME_BYTES:
        return f"must be at most {MOST_NAME_BYTES} bytes long"
    return None
