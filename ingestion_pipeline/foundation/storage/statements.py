"""SQL that would drown the Python around it stands in a file of the module's name beside it.

    -- name: grade
    -- Why it is so, for whoever reads it.
    UPDATE kpi_points …

Read once, when the module is imported. SQL that is put together stays in Python, and so does what
is short.
"""

import re
from importlib.resources import files

import sqlalchemy as sa

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)


def statements(module: str) -> dict[str, sa.TextClause]:
    """The statements in the `.sql` file of a module, by name; comment lines are left out.

    Args:
        module: its `__name__`.

    Raises:
        ValueError: two have the same name.
    """
    package, _, name = module.rpartition(".")
    text = (files(package) / f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    names = parts[::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{name}.sql has a name twice: {sorted(names)}")
    return {
        name: sa.text(_COMMENT.sub("", sql).strip())
        for name, sql in zip(names, parts[1::2], strict=True)
    }
