"""What is checked of the files of a day: that nothing is lost, and what the mapping itself asks."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion_pipeline.foundation.loading.days import Told
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.orchestration.metadata import as_table

COUNTS, COLUMNS, HOLD, TOTALS = "counts_add_up", "columns", "checks_hold", "totals_agree"
_SHOWN = 50


def specs(key: dg.AssetKey, mapped: Mapped) -> list[dg.AssetCheckSpec]:
    """The checks of a mapping; those of which it says nothing are left out."""
    said = {COUNTS: "Every line of every file has a count, and one only."}
    said[COLUMNS] = "No file lacks a column that the mapping names; new columns are listed."
    if any(not each.whole_file for each in mapped.checks):
        said[HOLD] = "What the mapping checks of its records holds."
    if any(each.whole_file for each in mapped.checks):
        said[TOTALS] = "Each file comes to what it says of itself."
    return [
        dg.AssetCheckSpec(name, asset=key, description=text) for name, text in said.items()
    ]  # fmt: skip


def results(
    key: dg.AssetKey, mapped: Mapped, told: Sequence[Told]
) -> Iterator[dg.AssetCheckResult]:
    """What the checks of a mapping find in the files of a day."""
    found = {
        COUNTS: _uncounted(told),
        COLUMNS: _columns(told),
        HOLD: _warnings(told, of_file=False),
    }
    found[TOTALS] = _warnings(told, of_file=True)
    failed = any(each.upload["status"] == "failed" for each in told)
    for spec in specs(key, mapped):
        rows = found[spec.name]
        harmless = spec.name == HOLD or (spec.name == COLUMNS and not failed)
        yield dg.AssetCheckResult(
            check_name=spec.name,
            asset_key=key,
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN if harmless else dg.AssetCheckSeverity.ERROR,
            metadata={"found": len(rows), **({"first": as_table(rows[:_SHOWN])} if rows else {})},
        )


def _uncounted(told: Sequence[Told]) -> list[dict[str, Any]]:
    return [
        {"file": each.upload["file_name"], "upload": each.upload["upload_id"]}
        for each in told if not each.adds_up
    ]  # fmt: skip


def _columns(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Files that could not be read, and columns that the file before had not."""
    rows: list[dict[str, Any]] = []
    for each in told:
        name = each.upload["file_name"]
        if each.upload["status"] == "failed":
            rows.append({"file": name, "what": each.upload["error"] or "failed"})
        new = each.delivery["new_columns"] if each.delivery else []
        rows += [{"file": name, "what": f"new column {column!r}"} for column in new]
    return rows


def _warnings(told: Sequence[Told], *, of_file: bool) -> list[dict[str, Any]]:
    return [
        {"file": each.upload["file_name"], "line": warning["line"], "what": warning["rule"],
         "value": warning["value"]}
        for each in told if each.delivery
        for warning in each.delivery["warnings"] if (warning.get("of") == "file") is of_file
    ]  # fmt: skip
