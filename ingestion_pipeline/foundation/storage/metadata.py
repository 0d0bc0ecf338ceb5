"""One metadata for all tables; the wings add theirs in their `tables.py`."""

import sqlalchemy as sa

PERSONAL = {"personal": True}  # `info` of columns that no preview shows

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)
