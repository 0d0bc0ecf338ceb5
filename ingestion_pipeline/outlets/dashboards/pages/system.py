"""System: how the installation does, for whoever runs it. Signed in to with CRON_SECRET.

All tenants' rows are seen here, as operators' dashboards see them (`ingestion_reader`): no payload,
no key, and no tenant ever sees this page.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.receipts import balances
from ingestion_pipeline.outlets.receipts.senders import SENDERS

_LEVELS = {
    "GREEN": "good", "YELLOW": "warn", "RED": "bad", "CLOSED": "good", "HALF_OPEN": "warn",
    "OPEN": "bad", "completed": "good", "failed": "bad", "dead": "bad",
}  # fmt: skip
_SHOWN = 50
# Received → in the tables, of the last hour; and what waits since when. Windows are spelled out, so
# that the planner knows how short they are.
_FLOWS = sa.text("""
    SELECT 'files' AS flow, count(*) AS came,
           count(*) FILTER (WHERE status = 'loaded') AS merged,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM loaded_at - recorded_at))
               AS p50,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM loaded_at - recorded_at))
               AS p95,
           (SELECT min(recorded_at) FROM uploads WHERE status IN ('recorded', 'staged')) AS oldest
    FROM (SELECT status, recorded_at, loaded_at FROM uploads
          WHERE upload_id > (SELECT coalesce(max(upload_id), 0) - 20000 FROM uploads)
            AND recorded_at >= now() - interval '1 hour' AND mapped_from IS NULL) AS newest
    UNION ALL
    SELECT 'events', count(*), count(*) FILTER (WHERE status = 'applied'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds),
           (SELECT min(received_at) FROM ingestion_events WHERE status IN ('received', 'validated'))
    FROM (SELECT status, extract(epoch FROM applied_at - received_at) AS seconds
          FROM ingestion_events
          WHERE received_at >= now() - interval '1 hour' ORDER BY received_at DESC LIMIT 20000)
         AS newest
    UNION ALL
    SELECT 'readings', coalesce(sum(sent), 0), coalesce(sum(stored + corrected), 0), 0, 0,
           (SELECT min(received_at) FROM kpi_updates WHERE pending)
    FROM (SELECT sent, stored, corrected FROM kpi_receipts
          WHERE receipt_id > (SELECT coalesce(max(receipt_id), 0) - 200000 FROM kpi_receipts)
            AND received_at >= now() - interval '1 hour') AS newest
""")
_QUEUES = sa.text("""
    SELECT kind, count(*) FILTER (WHERE status = 'pending') AS pending,
           count(*) FILTER (WHERE status = 'processing') AS processing,
           count(*) FILTER (WHERE status = 'retrying') AS retrying, min(created_at) AS oldest,
           max(error) AS error
    FROM jobs
    WHERE status IN ('pending', 'processing', 'retrying') AND NOT starts_with(kind, 'outside.')
    GROUP BY kind ORDER BY oldest LIMIT :limit
""")
_FINISHED = sa.text("""
    SELECT kind, count(*) FILTER (WHERE status = 'completed') AS completed,
           count(*) FILTER (WHERE status <> 'completed' AND senders_fault) AS of_senders,
           count(*) FILTER (WHERE status <> 'completed' AND NOT senders_fault) AS of_ours,
           max(updated_at) AS last
    FROM (SELECT kind, status, senders_fault, updated_at FROM jobs
          WHERE status IN ('completed', 'failed', 'dead')
            AND updated_at >= now() - interval '1 day' AND NOT starts_with(kind, 'outside.')
          ORDER BY updated_at DESC LIMIT 200000) AS newest
    GROUP BY kind ORDER BY of_ours DESC, kind LIMIT :limit
""")
_BREAKERS = sa.text("""
    SELECT name, upper(state) AS state, failures, opened_at, last_error, updated_at
    FROM circuit_breakers ORDER BY state DESC, name LIMIT :limit
""")
_CRON = sa.text("""
    SELECT DISTINCT ON (name) name, trigger, status, processed, failed, error, started_at,
           extract(epoch FROM finished_at - started_at) AS seconds
    FROM cron_logs WHERE started_at >= now() - interval '7 days'
    ORDER BY name, started_at DESC LIMIT :limit
""")
_LATENCIES = sa.text("""
    SELECT window_start AS at, requests, failures, p50_ms, p95_ms, p99_ms
    FROM api_latencies(interval '5 minutes', interval '1 hour') WHERE service = 'gateway'
    ORDER BY at DESC
""")
_ALERTS = sa.text("""
    SELECT name, message, started_at, resolved_at, start_sent_at, recovery_sent_at,
           delivery_attempts, delivery_error
    FROM alerts ORDER BY resolved_at IS NULL DESC, alert_id DESC LIMIT :limit
""")
# By the partial indexes that quotas are counted by.
_ROOM = sa.text("""
    WITH landed AS (
        SELECT tenant_id, sum(bytes) AS bytes, count(*) AS files FROM uploads
        WHERE source IN ('http', 'drop') AND removed_at IS NULL GROUP BY tenant_id),
    refused AS (
        SELECT tenant_id, sum(rejected_bytes) AS bytes FROM uploads
        WHERE rejected_bytes > 0 GROUP BY tenant_id)
    SELECT t.name AS tenant, landed.files, landed.bytes AS kept, refused.bytes AS rejected,
           t.landed_bytes_limit AS most
    FROM tenants AS t LEFT JOIN landed USING (tenant_id) LEFT JOIN refused USING (tenant_id)
    WHERE landed.bytes > 0 OR refused.bytes > 0 ORDER BY kept DESC NULLS LAST, tenant LIMIT :limit
""")
# Of all tenants, and the operator's own: silences first, then the rarer.
_UNUSUAL = sa.text("""
    SELECT coalesce(t.name, '(the operator)') AS tenant, domain, subject, kind, began_at, sentence,
           told_at
    FROM findings LEFT JOIN tenants AS t USING (tenant_id)
    WHERE state = 'open'
    ORDER BY kind <> 'silence', rarity NULLS LAST, began_at DESC LIMIT :limit
""")
_SIZE = sa.text("SELECT pg_database_size(current_database())")


@page("/system", nav="System", operator=True)
def system(ask: Ask) -> Shown:
    """All that one looks at first when somebody says that something is wrong."""
    flows = _rows(ask, _FLOWS)
    open_alerts = [row for row in _rows(ask, _ALERTS) if row["resolved_at"] is None]
    oldest = min((row["oldest"] for row in flows if row["oldest"]), default=None)
    health = ask.health or {}
    return Shown(
        "system.html", "System",
        (
            _services(health), _flows(flows), _queues(ask), _finished(ask), _latencies(ask),
            _alerts(ask), _unusual(ask), _breakers(ask), _cron(ask), _room(ask), _unexplained(ask),
        ),
        {
            "status": health.get("status", "?"), "status_level": _level(health.get("status")),
            "said": health.get("message", ""), "oldest": oldest,
            "alerts_open": len(open_alerts),
            "untold": sum(_told(row)["level"] == "bad" for row in open_alerts),
            "size": (ask.connection.scalar(_SIZE) or 0) / 2**20,
        },
    )  # fmt: skip


def _services(health: Mapping[str, Any]) -> Table:
    rows = [
        {"service": name, "status": each.get("status", "?"), "level": _level(each.get("status")),
         "said": each.get("problem") or str(each.get("condition") or "").lower(),
         "fresh": each.get("last_success_at")
         and datetime.fromisoformat(each["last_success_at"])}
        for name, each in health.get("services", {}).items()
    ]  # fmt: skip
    columns = (
        Column("service", "service"), Column("status", "state", level="level"),
        Column("said", "what it says"), Column("fresh", "last success", "instant"),
    )  # fmt: skip
    return Table("services", "Health of the services", columns, rows)


def _flows(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("flow", "what"), Column("came", "came in an hour", "count"),
        Column("merged", "in the tables", "count"),
        Column("p50", "half within", "number", unit="s"),
        Column("p95", "95 % within", "number", unit="s"),
        Column("oldest", "oldest that waits", "instant"),
    )  # fmt: skip
    return Table("flows", "Received → recorded → in the tables", columns, rows)


def _queues(ask: Ask) -> Table:
    columns = (
        Column("kind", "kind"), Column("pending", "pending", "count"),
        Column("processing", "at work", "count"), Column("retrying", "to be retried", "count"),
        Column("oldest", "oldest", "instant"), Column("error", "an error of them"),
    )  # fmt: skip
    return Table("queues", "Queues", columns, _rows(ask, _QUEUES), empty="All is dealt with.")


def _finished(ask: Ask) -> Table:
    columns = (
        Column("kind", "kind"), Column("completed", "completed", "count"),
        Column("of_senders", "failed by what was sent", "count"),
        Column("of_ours", "failed by us", "count", level="level"),
        Column("last", "last", "instant"),
    )  # fmt: skip
    rows = [{**row, "level": "bad" if row["of_ours"] else ""} for row in _rows(ask, _FINISHED)]
    return Table("finished", "Jobs that ended in a day", columns, rows)


def _latencies(ask: Ask) -> Table:
    columns = (
        Column("at", "five minutes from", "instant"), Column("requests", "requests", "count"),
        Column("failures", "failures", "count", level="level"),
        Column("p50_ms", "p50", "number", unit="ms"), Column("p95_ms", "p95", "number", unit="ms"),
        Column("p99_ms", "p99", "number", unit="ms"),
    )  # fmt: skip
    rows = [{**row, "level": "bad" if row["failures"] else ""} for row in _rows(ask, _LATENCIES)]
    return Table("latencies", "The gateway's answers, of an hour", columns, rows)


def _alerts(ask: Ask) -> Table:
    columns = (
        Column("name", "alert"), Column("message", "what it says"),
        Column("started_at", "since", "instant"), Column("resolved_at", "until", "instant"),
        Column("told", "delivered", level="level"),
    )  # fmt: skip
    rows = [{**row, **_told(row)} for row in _rows(ask, _ALERTS)]
    return Table("alerts", "Alerts, and whether they were delivered", columns, rows, empty="None.")


def _told(row: Mapping[str, Any]) -> dict[str, str]:
    if (error := row["delivery_error"]) and not row["delivery_attempts"]:
        return {"told": error, "level": "bad"}  # there is nobody
    if error:
        times = "once" if row["delivery_attempts"] == 1 else f"{row['delivery_attempts']} times"
        return {"told": f"no, tried {times}: {error}", "level": "bad"}
    if row["start_sent_at"] is None:
        return {"told": "not yet", "level": "warn"}
    if row["resolved_at"] is not None and row["recovery_sent_at"] is None:
        return {"told": "its beginning, not its end yet", "level": "warn"}
    return {"told": "yes", "level": "good"}


def _unusual(ask: Ask) -> Table:
    columns = (
        Column("tenant", "tenant"), Column("domain", "domain"), Column("subject", "of"),
        Column("kind", "what"), Column("began_at", "since", "instant"),
        Column("sentence", "what it says"), Column("told_at", "told", "instant"),
    )  # fmt: skip
    return Table(
        "unusual", "Who has gone quiet, and what is out of the ordinary", columns,
        _rows(ask, _UNUSUAL), empty="Everybody sends as usual, and everything is as usual.",
    )  # fmt: skip


def _breakers(ask: Ask) -> Table:
    columns = (
        Column("name", "upstream"), Column("state", "circuit", level="level"),
        Column("failures", "failures", "count"), Column("opened_at", "opened", "instant"),
        Column("last_error", "last error"),
    )  # fmt: skip
    rows = [{**row, "level": _level(row["state"])} for row in _rows(ask, _BREAKERS)]
    return Table("breakers", "Circuit breakers", columns, rows, empty="No upstream has failed yet.")


def _cron(ask: Ask) -> Table:
    columns = (
        Column("name", "what ran"), Column("status", "how", level="level"),
        Column("started_at", "last", "instant"), Column("seconds", "took", "number", unit="s"),
        Column("processed", "dealt with", "count"), Column("failed", "failed", "count"),
        Column("trigger", "begun by"), Column("error", "error"),
    )  # fmt: skip
    rows = [{**row, "level": _level(row["status"])} for row in _rows(ask, _CRON)]
    return Table("cron", "What runs by the clock, its last tick", columns, rows)


def _room(ask: Ask) -> Table:
    columns = (
        Column("tenant", "tenant"), Column("files", "landed files", "count"),
        Column("kept", "they take", "number", unit="MiB"),
        Column("most", "limit of their own", "number", unit="MiB"),
        Column("rejected", "refused rows", "number", unit="MiB"),
    )  # fmt: skip
    names = ("kept", "most", "rejected")
    rows = [
        {**row, **{name: _mebibytes(row[name]) for name in names}} for row in _rows(ask, _ROOM)
    ]  # fmt: skip
    return Table("room", "What tenants keep", columns, rows)


def _mebibytes(size: int | None) -> float | None:
    return None if size is None else round(float(size) / 2**20, 2)


def _unexplained(ask: Ask) -> Table:
    columns = (
        Column("tenant_id", "tenant"), Column("sender", "way in"), Column("receipt", "receipt"),
        Column("name", "name"), Column("at", "came", "instant"), Column("sent", "sent", "count"),
        Column("unexplained", "unexplained", "count"),
    )  # fmt: skip
    since = sa.func.now() - sa.text("interval '1 day'")
    found = ask.connection.execute(balances.unexplained(since).limit(_SHOWN)).mappings()
    rows = [{**row, "sender": SENDERS[row["sender"]].title} for row in found]
    return Table(
        "unexplained", "What nobody can explain, of a day", columns, rows,
        empty="Everything that was sent is stored, refused or waiting.",
    )  # fmt: skip


def _rows(ask: Ask, query: sa.TextClause) -> list[dict[str, Any]]:
    named = {"limit": _SHOWN} if ":limit" in query.text else {}
    return [dict(row) for row in ask.connection.execute(query, named).mappings()]


def _level(state: str | None) -> str:
    return _LEVELS.get(state or "", "")
