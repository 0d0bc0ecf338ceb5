"""Rows, files and the state of the database, as the tests of commerce put and look at them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract import entities
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity, entity_of_file
from ingestion_pipeline.domains.commerce.land import stage
from ingestion_pipeline.domains.commerce.land.claimed import land_claimed
from ingestion_pipeline.domains.commerce.land.stage import Bounds
from ingestion_pipeline.domains.commerce.merge import uploads as merge
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.domains.commerce.merge.folder import IngestResult, data_files, merge_folder
from ingestion_pipeline.domains.commerce.tables import FINAL, STAGING
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.uploads import Counts, Upload
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing

Row = dict[str, Any]
_TIME = "2024-05-01T10:00:00+00:00"
BOUNDS = Bounds.configured(Settings())
LANDED_BYTES = Settings().tenant_landed_bytes


def number(space: int, n: int) -> str:
    """The n-th UUID of an entity's number space."""
    return str(UUID(int=(space << 64) + n))


def customer(n: int, **values: Any) -> Row:
    return {
        "customer_id": number(1, n), "name": f"Customer {n}", "email": f"c{n}@example.org",
        "metadata": {"n": n}, "created_at": _TIME,
    } | values  # fmt: skip


def product(n: int, **values: Any) -> Row:
    return {
        "product_id": number(2, n), "sku": f"SKU-{n}", "name": f"Product {n}", "price": "9.90",
        "category_id": None, "active": True, "created_at": _TIME,
    } | values  # fmt: skip


def order(n: int, of: int, **values: Any) -> Row:
    return {
        "order_id": number(3, n), "external_order_id": f"X{n}", "customer_id": number(1, of),
        "customer_name_snapshot": f"Customer {of}", "customer_email_snapshot": "c@example.org",
        "total_amount": "19.80", "currency": "EUR", "order_status": "paid", "order_date": _TIME,
        "raw_payload": {"items": [n]}, "created_at": _TIME,
    } | values  # fmt: skip


def order_item(n: int, of: int, what: int, **values: Any) -> Row:
    return {
        "order_item_id": number(4, n), "order_id": number(3, of), "product_id": number(2, what),
        "quantity": 2, "unit_price": "9.90", "line_total": "19.80",
    } | values  # fmt: skip


GOOD: dict[str, Row] = {
    "customers": customer(1), "products": product(1), "orders": order(1, 1),
    "order_items": order_item(1, 1, 1),
}  # fmt: skip


def line(row: Row, **raw: str) -> bytes:
    """A row as a line; `raw` replaces fields by JSON text as it stands."""
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in row.items()} | raw
    members = (f"{json.dumps(name)}: {text}" for name, text in texts.items())
    return ("{" + ", ".join(members) + "}").encode("utf-8", "surrogatepass")


def lines(rows: Iterable[Row]) -> bytes:
    """Rows as NDJSON."""
    return b"".join(line(row) + b"\n" for row in rows)


def write_files(folder: Path, files: Mapping[str, bytes | Iterable[Row]]) -> Path:
    """Write files of bytes or rows; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else lines(content))
    return folder


def load(
    engine: sa.Engine,
    folder: Path,
    files: Mapping[str, bytes | Iterable[Row]],
    *,
    tenant: str = "acme",
) -> IngestResult:
    """Write files into a new folder and ingest them."""
    write_files(folder, files)
    found, others = data_files(folder)
    assert others == []
    return merge_folder(engine, found, tenant=tenant, bounds=BOUNDS)


def stage_file(engine: sa.Engine, tenant_id: int, path: Path) -> Upload:
    """Record and stage one file, without merging it."""
    entity = entity_of_file(path.name)
    with engine.begin() as connection, path.open("rb") as file:
        upload_id = uploads.record(
            connection, tenant_id=tenant_id, domain=entities.DOMAIN, type_=entity.name,
            file_name=path.name, source="test", location=path.as_uri(),
        )  # fmt: skip
        assert upload_id is not None
        [upload] = uploads.find(connection, [upload_id])
        stage.land_file(connection, upload, file, bounds=BOUNDS)
    with engine.begin() as connection:
        merge.after_staging(connection, entity)
    with engine.connect() as connection:
        return uploads.find(connection, [upload_id])[0]


def merge_file(engine: sa.Engine, upload: Upload) -> Counts | None:
    """Merge one staged upload in a transaction of its own."""
    with engine.begin() as connection:
        return merge.merge_upload(connection, upload)


def finals(engine: sa.Engine, tenant: str | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """{table: {id: content}} of one tenant, or of the only one."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with engine.connect() as connection:
        for entity in ENTITIES.values():
            table = FINAL[entity.name]
            query = sa.select(*(table.c[name] for name in entity.columns))
            if tenant is not None:
                number_of = sa.text("(SELECT tenant_id FROM tenants WHERE name = :name)")
                query = query.where(table.c.tenant_id == number_of.bindparams(name=tenant))
            rows = connection.execute(query).mappings().all()
            found[entity.name] = {str(row[entity.key]): dict(row) for row in rows}
            assert len(found[entity.name]) == len(rows)
    return found


def sizes(engine: sa.Engine) -> dict[str, int]:
    """{table: rows} of the finals."""
    return {name: len(rows) for name, rows in finals(engine).items()}


def staged_rows(engine: sa.Engine) -> int:
    """Rows in all staging tables, arrived or waiting."""
    with engine.connect() as connection:
        return sum(
            connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in STAGING.values()
        )


def statuses(engine: sa.Engine) -> set[str]:
    """Every status that an upload has."""
    with engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT status FROM uploads").scalars())


def all_counts(engine: sa.Engine) -> dict[int, Counts]:
    """The counts of every upload."""
    with engine.connect() as connection:
        ids = connection.exec_driver_sql("SELECT upload_id FROM uploads").scalars().all()
        return dict(sorted(uploads.counts_of(connection, ids).items()))


def rejections(engine: sa.Engine) -> dict[int, tuple[str, list[tuple[str, str]]]]:
    """{line number: (raw, [(field, rule)])} of the rejected lines."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(rejected_rows)).all()
    return {
        row.line_number: (row.raw, [(r["field"], r["rule"]) for r in row.reasons]) for row in rows
    }


def assert_sound(engine: sa.Engine) -> None:
    """What holds at every moment: foreign keys, and every line accounted for."""
    for upload_id, counts in all_counts(engine).items():
        assert counts.add_up, f"upload {upload_id}: {counts}"
    with engine.connect() as connection:
        for entity in ENTITIES.values():
            for field, parent in entity.parents.items():
                assert _orphans(connection, entity, field, parent) == 0
        waiting = connection.exec_driver_sql("SELECT sum(waiting) FROM uploads").scalar() or 0
        there = sum(
            connection.exec_driver_sql(f"SELECT count(*) FROM {name}_staging_waiting").scalar() or 0
            for name in ENTITIES
        )
        assert waiting == there


def _orphans(connection: sa.Connection, entity: Entity, field: str, parent: str) -> int:
    return int(
        connection.exec_driver_sql(
            f"SELECT count(*) FROM {entity.name} c LEFT JOIN {parent} p"
            f" ON p.tenant_id = c.tenant_id AND p.{ENTITIES[parent].key} = c.{field}"
            " WHERE p.tenant_id IS NULL"
        ).scalar()
        or 0
    )


def load_everything(
    engine: sa.Engine,
    *,
    lease: timedelta = timedelta(minutes=1),
    backoff: timedelta = timedelta(seconds=1),
    landing: Path | None = None,
) -> None:
    """Drain the queue once, parents before children: what a Dagster run does, without Dagster.

    Args:
        landing: where files have landed, unless it is as configured.
    """
    store = Landing(landing.as_uri() if landing else settings().landing)
    for entity in ENTITIES.values():
        land_claimed(
            engine, entity, landing=store, bounds=BOUNDS, limit=10,
            worker=Worker("test", None, lease, backoff),
        )  # fmt: skip
        merge_claimed(engine, entity)


@contextmanager
def landed_in(folder: Path) -> Iterator[None]:
    """Settings whose landing store is a folder."""
    # Not mock.patch.dict, which empties the environment for a moment: other threads start programs.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDING_URL", folder.as_uri())
        settings.cache_clear()
        yield
    settings.cache_clear()
