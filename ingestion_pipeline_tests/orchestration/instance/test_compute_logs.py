"""The output of steps on fsspec file systems, read by another process than the one that wrote."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType

from ingestion_pipeline.orchestration.instance.compute_logs import FsspecComputeLogManager

OUT, ERR = ComputeIOType.STDOUT, ComputeIOType.STDERR
KEY = ["run-1", "compute_logs", "abcdefgh"]


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    # A space, as in many a home folder: fsspec and URLs disagree about it.
    of_files = (tmp_path / "compute logs").as_uri()
    return of_files if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def writer(url: str) -> Iterator[FsspecComputeLogManager]:
    yield from _manager(url)


@pytest.fixture
def reader(url: str) -> Iterator[FsspecComputeLogManager]:
    yield from _manager(url)


def _manager(url: str) -> Iterator[FsspecComputeLogManager]:
    manager = FsspecComputeLogManager(url, upload_interval=30)
    yield manager
    manager.dispose()


def _write(manager: FsspecComputeLogManager, text: str, *, key: list[str] = KEY) -> None:
    with manager.open_log_stream(key, ERR) as stream:
        assert stream is not None
        stream.write(text)


def test_what_one_process_wrote_another_reads_in_pieces(
    writer: FsspecComputeLogManager, reader: FsspecComputeLogManager
) -> None:
    assert not reader.is_capture_complete(KEY)
    assert reader.get_log_data_for_type(KEY, ERR, 0, None) == (None, 0)
    _write(writer, "grüße\nsecond line\n")
    assert reader.is_capture_complete(KEY)
    first, offset = reader.get_log_data_for_type(KEY, ERR, 0, 8)
    rest, end = reader.get_log_data_for_type(KEY, ERR, offset, None)
    assert first is not None
    assert rest is not None
    assert (first + rest).decode() == "grüße\nsecond line\n"
    assert reader.get_log_data_for_type(KEY, ERR, end, None) == (b"", end)


def test_a_step_under_way_is_seen_and_its_partial_copy_goes_when_it_ends(
    writer: FsspecComputeLogManager, reader: FsspecComputeLogManager
) -> None:
    with writer.open_log_stream(KEY, ERR) as stream:
        assert stream is not None
        stream.write("half")
        stream.flush()
        writer.on_progress(KEY)
        assert reader.get_log_data_for_type(KEY, ERR, 0, None) == (b"half", 4)
        assert not reader.is_capture_complete(KEY)
        stream.write(" and half")
    assert reader.get_log_data_for_type(KEY, ERR, 0, None) == (b"half and half", 13)
    assert not reader.cloud_storage_has_logs(KEY, ERR, partial=True)


def test_the_ui_serves_a_log_as_a_file(
    writer: FsspecComputeLogManager, reader: FsspecComputeLogManager
) -> None:
    _write(writer, "text")
    shown = reader.get_log_metadata(KEY)
    assert shown.stderr_download_url == "/logs/run-1/compute_logs/abcdefgh/err"
    reader.download_from_cloud_storage(KEY, ERR)
    local = Path(reader.local_manager.get_captured_local_path(KEY, "err"))
    assert local.read_text() == "text"
    reader.dispose()
    assert not local.exists()


def test_logs_of_ticks_are_listed_and_those_of_a_run_deleted(
    writer: FsspecComputeLogManager, reader: FsspecComputeLogManager
) -> None:
    ticks = [["sensors", "alerts", number] for number in ("1", "2")]
    for tick in ticks:
        _write(writer, "tick", key=tick)
    assert reader.get_log_keys_for_log_key_prefix(["sensors", "nobody"], ERR) == []
    assert sorted(reader.get_log_keys_for_log_key_prefix(["sensors", "alerts"], ERR)) == ticks
    reader.delete_logs(log_key=ticks[0])
    assert reader.get_log_keys_for_log_key_prefix(["sensors", "alerts"], ERR) == ticks[1:]
    reader.delete_logs(prefix=["sensors"])
    assert reader.get_log_keys_for_log_key_prefix(["sensors", "alerts"], ERR) == []
    reader.delete_logs(prefix=["sensors"])


def test_a_long_log_is_cut_off(
    writer: FsspecComputeLogManager,
    reader: FsspecComputeLogManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES", "10")
    _write(writer, "x" * 1000)
    assert reader.get_log_data_for_type(KEY, ERR, 0, None) == (b"x" * 10, 10)


@pytest.mark.parametrize("key", [["..", "secret"], ["run", "../../secret"], ["", "secret"], []])
def test_a_key_from_a_browser_leads_nowhere_else(
    reader: FsspecComputeLogManager, tmp_path: Path, key: list[str]
) -> None:
    (tmp_path / "secret.err").write_text("secret")
    with pytest.raises(ValueError, match="not a key of a log"):
        reader.cloud_storage_has_logs(key, ERR)
