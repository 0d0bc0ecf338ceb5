"""Findings as SQLAlchemy sees them; made by migration 0033.

A *subject* is what is watched: a KPI, a point of a building, the orders of a currency, a sender.
"""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import (
    double,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import UPDATED_AT

_WHOSE = "Whose it is (tenants.tenant_id); NULL: the operator's own"
_DOMAIN = "commerce, buildings, kpis, markets or book_sales"
_SUBJECT = "What is watched, as its domain calls it: a KPI, a point, a currency, a sender"

QUIET = ("silence", "volume")
"""Kinds of findings of senders; all others are of series."""

findings = sa.Table(
    "findings",
    metadata,
    identity("finding_id", comment="Number of the finding"),
    integer("tenant_id", nullable=True, comment=_WHOSE),
    text("domain", comment=_DOMAIN),
    text("subject", comment=_SUBJECT),
    text("kind", comment="spike, drop, stuck, level_shift, gap, silence or volume"),
    timestamp("began_at", comment="The first instant that is not usual, UTC"),
    timestamp("ended_at", nullable=True, comment="The first that is again, UTC; NULL: it lasts"),
    timestamp("raised_at", comment="From when on it could be told, UTC"),
    timestamp("farthest_at", nullable=True, comment="When it was farthest from usual; NULL: a gap"),
    double("value", nullable=True, comment="The value farthest from usual; NULL: nothing came"),
    double("usual_low", nullable=True, comment="Least that was usual then; NULL: unknown"),
    double("usual_middle", nullable=True, comment="Middle of what was usual then; NULL: unknown"),
    double("usual_high", nullable=True, comment="Most that was usual then; NULL: unknown"),
    double("rarity", nullable=True, comment="False alarms a week, were this the threshold"),
    double("watched_weeks", comment="Weeks of history that stand behind it"),
    text("sentence", comment="What it is, in a sentence, by the tenant's clock"),
    json("history", comment="Values at the same hour of the weeks before: [[instant, value], …]"),
    text("state", comment="open, ended, expected (somebody said so) or absorbed (part of another)"),
    timestamp("expected_at", nullable=True, comment="When it was called expected; NULL: it is not"),
    text("expected_by", nullable=True, comment="Who called it expected; NULL: nobody"),
    timestamp("told_at", nullable=True, comment="When its alert was delivered; NULL: it was not"),
    now("found_at", comment="When it was first found, UTC"),
    now("updated_at", comment=UPDATED_AT),
    sa.UniqueConstraint(
        "tenant_id", "domain", "subject", "kind", "began_at",
        name="findings_once", postgresql_nulls_not_distinct=True,
    ),
    comment="What is out of the ordinary: a row a subject, kind and begin",
)  # fmt: skip

watched_subjects = sa.Table(
    "watched_subjects",
    metadata,
    identity("watched_id", comment="Number of the row"),
    integer("tenant_id", nullable=True, comment=_WHOSE),
    text("domain", comment=_DOMAIN),
    text("subject", comment=_SUBJECT),
    timestamp("seen_until", comment="Up to which instant its points were looked at, UTC"),
    timestamp("looked_at", comment="When it was looked at last, UTC"),
    text("verdict", comment="usual, unusual, or unknown: too little came so far"),
    double("usual_low", nullable=True, comment="Least that is usual now; NULL: unknown"),
    double("usual_middle", nullable=True, comment="Middle of what is usual now; NULL: unknown"),
    double("usual_high", nullable=True, comment="Most that is usual now; NULL: unknown"),
    sa.UniqueConstraint(
        "tenant_id", "domain", "subject",
        name="watched_subjects_once", postgresql_nulls_not_distinct=True,
    ),
    comment="What is watched for findings, and up to where it was looked at",
)  # fmt: skip

sa.Index("findings_newest_idx", findings.c.tenant_id, findings.c.raised_at)
