"""What steps print, on any fsspec file system: Dagster's compute logs where all machines see them.

Dagster has managers for S3, GCS and Azure, each in a package of its own; this one is for whatever
`LANDING_URL` can be. `deploy/dagster.yaml` names it:

    {url}/{run id}/compute_logs/{step}.out            and .err, when the step has ended
    {url}/{run id}/compute_logs/{step}.out.partial    and .err.partial, while it is under way

It belongs to Dagster's instance, not to a code location: the UI, the daemon and the runs load it.
"""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import dagster as dg
from dagster._core.storage.cloud_storage_compute_log_manager import (
    PollingComputeLogSubscriptionManager,
    TruncatingCloudStorageComputeLogManager,
)
from dagster._core.storage.compute_log_manager import CapturedLogSubscription, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from ingestion_pipeline.foundation.storage.landing import Landing, chunks_of, file_system

_PARTIAL = ".partial"


class FsspecComputeLogManager(
    TruncatingCloudStorageComputeLogManager[dg.DagsterInstance], ConfigurableClass
):
    """Captures to a local folder, and copies from there to a URL.

    Of a log the first 50 MB are kept (`DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES`).

    Attributes:
        url: folder of the logs, any fsspec URL.
        upload_interval: seconds between copies of a log that is still being written.
    """

    def __init__(
        self, url: str, upload_interval: int, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inst_data = inst_data
        self._url = url.rstrip("/")
        self._upload_interval = upload_interval
        self._landing = Landing(self._url)
        folder = tempfile.mkdtemp(prefix="compute-logs-")
        self._clean_up = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._local_manager = LocalComputeLogManager(folder)
        self._subscriptions = PollingComputeLogSubscriptionManager(self)  # type: ignore[no-untyped-call]

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The keys under `compute_logs.config` in dagster.yaml."""
        return {
            "url": dg.StringSource,
            "upload_interval": dg.Field(dg.IntSource, is_required=False, default_value=30),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The manager that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How a run's process finds the same manager."""
        return self._inst_data

    @property
    def local_manager(self) -> LocalComputeLogManager:
        """Where logs are captured first: a folder of this process, gone with it."""
        return self._local_manager

    @property
    def upload_interval(self) -> int:
        """Seconds between copies of a log that is still being written."""
        return self._upload_interval

    def cloud_storage_has_logs(
        self, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> bool:
        """Whether a log is at the URL."""
        files, path = self._place(log_key, io_type, partial=partial)
        return bool(files.exists(path))

    def download_from_cloud_storage(
        self, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> None:
        """Copy a log to the local folder, from which the UI serves its download."""
        files, path = self._place(log_key, io_type, partial=partial)
        local = Path(
            self._local_manager.get_captured_local_path(
                log_key, IO_TYPE_EXTENSION[io_type], partial=partial
            )
        )
        local.parent.mkdir(parents=True, exist_ok=True)
        files.get_file(path, str(local))

    def get_log_data_for_type(
        self, log_key: Sequence[str], io_type: ComputeIOType, offset: int, max_bytes: int | None
    ) -> tuple[bytes | None, int]:
        """A piece of a log and the offset after it; nothing is copied on the way."""
        if self.has_local_file(log_key, io_type):
            return super().get_log_data_for_type(log_key, io_type, offset, max_bytes)
        for partial in (False, True):
            files, path = self._place(log_key, io_type, partial=partial)
            try:
                with files.open(path, "rb") as file:
                    file.seek(offset)
                    data: bytes = file.read(-1 if max_bytes is None else max_bytes)
            except FileNotFoundError:
                continue
            return data, offset + len(data)
        return None, offset

    def delete_logs(
        self, log_key: Sequence[str] | None = None, prefix: Sequence[str] | None = None
    ) -> None:
        """Delete the logs of a key, or all under a prefix."""
        self._local_manager.delete_logs(log_key=log_key, prefix=prefix)
        if log_key:
            for io_type in IO_TYPE_EXTENSION:
                for partial in (False, True):
                    name = _name(log_key, io_type, partial=partial)
                    self._landing.remove(name)
        elif prefix:
            self._landing.remove_folder(_joined(prefix))

    def get_log_keys_for_log_key_prefix(
        self, log_key_prefix: Sequence[str], io_type: ComputeIOType
    ) -> list[list[str]]:
        """The keys right under a prefix: the logs of a sensor's ticks."""
        files, root = self._fresh()
        ending = f".{IO_TYPE_EXTENSION[io_type]}"
        try:
            found = files.ls(f"{root}/{_joined(log_key_prefix)}", detail=False)
        except FileNotFoundError:
            return []
        names = (path.rsplit("/", 1)[-1] for path in found)
        return [
            [*log_key_prefix, name.removesuffix(ending)] for name in names if name.endswith(ending)
        ]

    def display_path_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str:
        """The URL of a log."""
        return f"{self._url}/{_name(log_key, io_type)}"

    def download_url_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str:
        """Where the UI serves the log: browsers need no access to the store."""
        return f"/logs/{_joined(log_key)}/{IO_TYPE_EXTENSION[io_type]}"

    def on_subscribe(self, subscription: CapturedLogSubscription) -> None:
        """Tell a browser what is new, again and again."""
        self._subscriptions.add_subscription(subscription)

    def on_unsubscribe(self, subscription: CapturedLogSubscription) -> None:
        """A browser has gone."""
        self._subscriptions.remove_subscription(subscription)

    def dispose(self) -> None:
        """Stop, and remove the local folder."""
        self._subscriptions.dispose()
        super().dispose()  # type: ignore[no-untyped-call]
        self._clean_up()

    def _upload_file_obj(
        self,
        data: IO[bytes],
        log_key: Sequence[str],
        io_type: ComputeIOType,
        partial: bool = False,
    ) -> None:
        self._landing.write(_name(log_key, io_type, partial=partial), chunks_of(data))
        if not partial:
            name = _name(log_key, io_type, partial=True)
            self._landing.remove(name)

    def _place(
        self, log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool
    ) -> tuple[Any, str]:
        files, root = self._fresh()
        return files, f"{root}/{_name(log_key, io_type, partial=partial)}"

    def _fresh(self) -> tuple[Any, str]:
        """The file system and the path of the URL; what another process wrote is seen."""
        files, root = file_system(self._url)
        files.invalidate_cache()
        return files, root


def _name(log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool = False) -> str:
    return f"{_joined(log_key)}.{IO_TYPE_EXTENSION[io_type]}{_PARTIAL if partial else ''}"


def _joined(log_key: Sequence[str]) -> str:
    """A key as a relative path; keys come from browsers, too, and must not lead elsewhere."""
    if not log_key or any(part in {"", ".", ".."} or "/" in part for part in log_key):
        raise ValueError(f"not a key of a log: {list(log_key)}")
    return "/".join(log_key)
