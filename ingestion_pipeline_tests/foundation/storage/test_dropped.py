"""Files of the drop folder: nobody but us chooses what is read, or removed."""

import logging
import os
from pathlib import Path

import fsspec
import pytest

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.dropped import (
    DroppedFile,
    files_in,
    folders_in,
    is_unchanged,
    open_dropped,
    take_out,
)
from ingestion_pipeline.foundation.storage.landing import file_system

SECRET = b"of somebody else"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "drop" / "acme" / "kiosk"
    made.mkdir(parents=True)
    (made / "a.csv").write_text("own")
    outside = tmp_path / "outside" / "kiosk"
    outside.mkdir(parents=True)
    (outside / "a.csv").write_bytes(SECRET)
    return tmp_path / "drop"


def files_of(root: Path) -> tuple[object, str]:
    return file_system(root.as_uri())


def dropped(root: Path) -> DroppedFile:
    files, top = files_of(root)
    [found] = files_in(files, f"{top}/acme/kiosk", root=top, tenant="acme")
    return found


def swap(folder: Path, outside: Path) -> None:
    """A link in the place of a folder."""
    folder.rename(folder.with_name("before"))
    folder.symlink_to(outside)


def test_links_are_not_seen_at_any_depth_and_are_named(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, top = files_of(root)
    outside = tmp_path / "outside"
    for link in ("globex", "acme/stall", "acme/kiosk/b.csv"):
        (root / link).symlink_to(outside if link[-1] != "v" else outside / "kiosk" / "a.csv")
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in folders_in(files, top)] == ["acme"]
        assert [name for name, _ in folders_in(files, f"{top}/acme")] == ["kiosk"]
        assert dropped(root).name == "a.csv"
    assert f"{top}/acme/kiosk/b.csv is a link, which is not followed" in caplog.messages


@pytest.mark.parametrize("swapped", ["acme", "acme/kiosk"])
def test_a_folder_that_becomes_a_link_once_it_was_listed_leads_nowhere(
    root: Path, tmp_path: Path, swapped: str
) -> None:
    found, (files, _) = dropped(root), files_of(root)
    outside = tmp_path / "outside"
    swap(root / swapped, outside if swapped == "acme" else outside / "kiosk")
    with pytest.raises(FileNotFoundError):
        open_dropped(files, found.path, root=found.root)
    with pytest.raises(FileNotFoundError):
        is_unchanged(files, found)
    assert not take_out(files, found)
    assert (outside / "kiosk" / "a.csv").read_bytes() == SECRET


def test_the_drop_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "by link"
    link.symlink_to(root)
    found, (files, _) = dropped(link), files_of(link)
    with open_dropped(files, found.path, root=found.root) as file:
        assert file.read() == b"own"
    assert take_out(files, found)
    assert not (root / "acme" / "kiosk" / "a.csv").exists()


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(root: Path) -> None:
    found, (files, _) = dropped(root), files_of(root)
    Path(found.path).unlink()
    os.mkfifo(found.path)
    with pytest.raises(FileNotFoundError):
        open_dropped(files, found.path, root=found.root)


@pytest.mark.parametrize("as_before", [False, True])
def test_a_file_that_came_under_the_name_of_one_that_was_read_stays(
    root: Path, as_before: bool
) -> None:
    """It was taken out with the one before it, and nobody had read it."""
    found, (files, _) = dropped(root), files_of(root)
    newer = root / "acme" / "kiosk" / "new"
    newer.write_text("new")
    if as_before:  # as `cp -p` leaves it: of the same size, and of the same time
        times = Path(found.path).stat()
        os.utime(newer, ns=(times.st_atime_ns, times.st_mtime_ns))
    newer.replace(found.path)
    assert not is_unchanged(files, found)
    assert not take_out(files, found)
    assert Path(found.path).read_text() == "new"


def test_a_file_or_a_folder_that_may_not_be_read_stops_nobody_elses(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, (files, top) = dropped(root), files_of(root)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as shut:
        shut.setattr(os, "scandir", refuse)
        assert folders_in(files, top) == []
    with monkeypatch.context() as shut:
        shut.setattr(os, "unlink", refuse)
        assert not take_out(files, found)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ContractError, match="it can't be read: Permission denied"):
        open_dropped(files, found.path, root=found.root)


def test_names_that_are_no_text_are_left_alone_and_stop_nobody_elses(root: Path) -> None:
    """The database refused them, and the scan with them."""
    odd = os.fsencode(root / "acme" / "kiosk") + b"/b\xff.csv"
    os.close(os.open(odd, os.O_CREAT | os.O_WRONLY))
    Path(os.fsdecode(os.fsencode(root) + b"/t\xff")).mkdir()
    assert dropped(root).name == "a.csv"
    files, top = files_of(root)
    assert [name for name, _ in folders_in(files, top)] == ["acme"]


def test_on_a_store_of_objects_a_newer_one_stays_too() -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/dropped/acme/kiosk/a.csv", b"own")
    [found] = files_in(files, "/dropped/acme/kiosk", root="/dropped", tenant="acme")
    with open_dropped(files, found.path, root=found.root) as file:
        assert file.read() == b"own"
    files.pipe("/dropped/acme/kiosk/a.csv", b"newer")
    assert not take_out(files, found)
    files.pipe("/dropped/acme/kiosk/a.csv", b"own")
    [found] = files_in(files, "/dropped/acme/kiosk", root="/dropped", tenant="acme")
    assert take_out(files, found)
    assert not files.exists("/dropped/acme/kiosk/a.csv")
