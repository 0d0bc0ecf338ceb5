"""What has become of a file of a mapping, as its sender is told."""

import re
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.intake import intake_deliveries
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.ledger.uploads import rejected_by_reason
from ingestion_pipeline.foundation.loading.known import DOMAIN
from ingestion_pipeline.foundation.loading.refused import first_rejected

_SAID = (
    "made", "became", "refused", "not_read", "new_columns", "sums", "file_says", "warned",
    "warnings", "mapping_sha256",
)  # fmt: skip
_SHOWN = 20  # refused rows
_PLACE = re.compile(r"^.*?\.ya?ml:\d+:\d+: ", re.MULTILINE)


def for_sender(error: str | None, mapping: str) -> str | None:
    """An error without the places of files on the server, which are the operator's business."""
    return None if error is None else _PLACE.sub(lambda _: f"mapping {mapping}: ", error)


def upload_document(
    connection: sa.Connection, tenant_id: int, upload_id: int
) -> dict[str, Any] | None:
    """A file, what became of its lines, and why some were refused; None: the tenant has none such.

    Counts: lines = blank + preamble + footer + all that were passed over + rejected + used.
    """
    u, j, d = uploads.c, jobs.c, intake_deliveries.c
    query = (
        sa.select(
            uploads,
            j.status.label("job_state"),
            sa.func.coalesce(u.error, j.error).label("why"),
            d.footer,
            d.skipped,
            *(d[name] for name in _SAID),
        )
        .select_from(
            uploads.outerjoin(jobs, j.job_id == u.job_id)
            .outerjoin(intake_deliveries, d.upload_id == u.upload_id)
        )
        .where(u.upload_id == upload_id, u.tenant_id == tenant_id, u.domain == DOMAIN)
    )  # fmt: skip
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    footer, skipped = row["footer"] or 0, row["skipped"] or {}
    counts = {
        "lines": row["lines"], "blank": row["blank"],
        "preamble": row["preamble"] - footer - sum(skipped.values()), "footer": footer,
        "rejected": row["rejected"], "used": row["staged"],
    }  # fmt: skip
    loaded_at = row["loaded_at"]
    return {
        "upload_id": upload_id,
        "job_id": row["job_id"],
        "file_name": row["file_name"],
        "mapping": row["type"],
        "bytes": row["bytes"],
        "sha256": row["sha256"],
        "state": row["status"],
        "job_state": row["job_state"],
        "error": for_sender(row["why"], row["type"]),
        "recorded_at": row["recorded_at"].isoformat(),
        "loaded_at": loaded_at.isoformat() if loaded_at else None,
        "counts": counts,
        "passed_over": skipped,
        "rejected_by_reason": rejected_by_reason(connection, [upload_id]),
        "first_rejected": [
            {name: row[name] for name in ("line", "reasons")}
            for row in first_rejected(connection, [upload_id], most=_SHOWN)
        ],
        **{name: row[name] for name in _SAID},
    }
