"""Dagster forgets old runs: it purges ticks by itself, runs only when somebody deletes them.

A gateway that receives all day means thousands of runs a day, and some fifty events a run. What may
not go is what the UI and backfills judge assets by: a run stays as long as it is the one that last
materialized an asset, or a partition of one, or last ran a check.
"""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

_PAGE = 500
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_CHECKED = dg.DagsterEventType.ASSET_CHECK_EVALUATION


class RunHistory:
    """What the instance remembers of runs; made for one sweep."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._newest: dict[dg.AssetKey, frozenset[str]] = {}
        self._newest_checks: dict[dg.AssetCheckKey, str] = {}

    def forget(self, *, before: datetime) -> tuple[int, int]:
        """Delete finished runs created before an instant, with their events and output.

        Returns:
            (deleted, kept because they are an asset's last word).
        """
        deleted = kept = 0
        # Listed before the first is deleted: Dagster pages relative to a run that has to be there.
        for run_id in list(self._finished(before)):
            if self._is_last_word(run_id):
                kept += 1
                continue
            self._instance.compute_log_manager.delete_logs(prefix=[run_id])
            self._instance.delete_run(run_id)
            deleted += 1
        return deleted, kept

    def _finished(self, before: datetime) -> Iterator[str]:
        old = dg.RunsFilter(statuses=list(FINISHED_STATUSES), created_before=before)
        cursor = None
        while page := self._instance.get_run_ids(old, cursor=cursor, limit=_PAGE):
            yield from page
            cursor = page[-1]

    def _is_last_word(self, run_id: str) -> bool:
        """Whether a run made the newest of something."""
        records = self._instance.get_records_for_run(
            run_id, of_type={_MATERIALIZED, _CHECKED}
        ).records
        for record in records:
            event = record.event_log_entry.get_dagster_event()
            if event.event_type is _CHECKED:
                check = event.asset_check_evaluation_data.asset_check_key
                if self._newest_check_run(check) == run_id:
                    return True
            elif event.asset_key is not None and run_id in self._newest_runs(event.asset_key):
                return True
        return False

    def _newest_runs(self, key: dg.AssetKey) -> frozenset[str]:
        """The runs that last materialized an asset, and each of its partitions."""
        if key not in self._newest:
            fetch = self._instance.fetch_materializations
            records = list(fetch(key, limit=1).records)
            by_partition = self._instance.get_latest_storage_id_by_partition(key, _MATERIALIZED)
            storage_ids = sorted(by_partition.values())
            for start in range(0, len(storage_ids), _PAGE):
                some = dg.AssetRecordsFilter(
                    asset_key=key, storage_ids=storage_ids[start : start + _PAGE]
                )
                records += fetch(some, limit=_PAGE).records
            self._newest[key] = frozenset(record.run_id for record in records)
        return self._newest[key]

    def _newest_check_run(self, key: dg.AssetCheckKey) -> str:
        """The run that last evaluated a check."""
        if key not in self._newest_checks:
            storage = self._instance.event_log_storage
            last = storage.get_asset_check_execution_history(key, limit=1)
            self._newest_checks[key] = last[0].run_id if last else ""
        return self._newest_checks[key]
