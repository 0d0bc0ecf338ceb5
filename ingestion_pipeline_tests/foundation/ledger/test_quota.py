"""One tenant could fill the disk of all: what it keeps is counted, limited, and freed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import QuotaError
from ingestion_pipeline.foundation.ledger import landed, quota, tenants, uploads
from ingestion_pipeline.foundation.storage.landing import Landing

DEFAULT = 5_000  # bytes


def keep(engine: sa.Engine, tenant_id: int, size: int, *, source: str = "http") -> int:
    with engine.begin() as connection:
        if source in ("http", "drop"):
            quota.take(connection, tenant_id, size, default=DEFAULT)
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain="commerce", type_="orders", file_name="orders",
            source=source, location=f"somewhere/{size}", size=size,
        )  # fmt: skip
        assert upload_id is not None
        return upload_id


def limit(engine: sa.Engine, tenant_id: int, landed_bytes: int | None) -> None:
    with engine.begin() as connection:
        quota.set_limit(connection, tenant_id, landed_bytes)


def room(engine: sa.Engine, tenant_id: int) -> quota.Room:
    with engine.connect() as connection:
        return quota.room_of(connection, tenant_id, default=DEFAULT)


def test_exactly_the_limit_has_room_and_one_byte_more_has_not(
    engine: sa.Engine, tenant_id: int
) -> None:
    limit(engine, tenant_id, 100)
    keep(engine, tenant_id, 60)
    keep(engine, tenant_id, 40, source="drop")
    with pytest.raises(QuotaError, match=r"acme keeps 100 of at most 100 bytes"):
        keep(engine, tenant_id, 1)
    with engine.connect() as connection, pytest.raises(QuotaError):
        quota.begin(connection, tenant_id, default=DEFAULT)
    assert room(engine, tenant_id).left == 0


def test_what_takes_no_room_is_not_counted_and_neither_are_others(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "globex")
    keep(engine, other, 1000)
    keep(engine, tenant_id, 1000, source="ingest")
    keep(engine, tenant_id, 1000, source="reload")
    assert room(engine, tenant_id).used == 0


def test_the_default_holds_for_who_has_no_limit_of_its_own(
    engine: sa.Engine, tenant_id: int
) -> None:
    assert (room(engine, tenant_id).limit, room(engine, tenant_id).own) == (DEFAULT, False)
    limit(engine, tenant_id, 0)
    assert (room(engine, tenant_id).limit, room(engine, tenant_id).own) == (0, True)
    limit(engine, tenant_id, None)
    assert room(engine, tenant_id).limit == DEFAULT


def test_ten_at_once_do_not_take_the_same_room(engine: sa.Engine, tenant_id: int) -> None:
    limit(engine, tenant_id, 35)

    def taken(_: int) -> bool:
        try:
            keep(engine, tenant_id, 10)
        except QuotaError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(taken, range(10))) == 3


def test_retention_removes_what_is_loaded_and_old_and_frees_its_room(
    engine: sa.Engine, tenant_id: int, tmp_path: Path
) -> None:
    landing = Landing((tmp_path / "landing").as_uri())
    statuses = {"old": "loaded", "failed": "failed", "due": "recorded", "new": "loaded",
                "read again": "loaded"}  # fmt: skip
    files = {name: landing.write(f"acme/{name}", [b"x" * 10]) for name in statuses}
    for name, status in statuses.items():
        upload_id = keep(engine, tenant_id, 10)
        with engine.begin() as connection:
            uploads.update(
                connection, upload_id, status=status, location=files[name].location,
                recorded_at=sa.func.now() - timedelta(days=0 if name == "new" else 31),
            )  # fmt: skip
    again = keep(engine, tenant_id, 10, source="reload")
    with engine.begin() as connection:
        uploads.update(connection, again, location=files["read again"].location)
    assert landed.remove_old(engine, landing, keep=timedelta(days=30)) == 2
    assert landed.remove_old(engine, landing, keep=timedelta(days=30)) == 0
    left = {path.name for path in (tmp_path / "landing" / "acme").iterdir()}
    assert left == {"due", "new", "read again"}
    assert room(engine, tenant_id).used == 30
