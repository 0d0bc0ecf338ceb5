"""Landed files: whole or not at all, on a disk and elsewhere."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.errors import LandedFileError
from ingestion_pipeline.foundation.storage.landing import Landing, chunks_of


@pytest.fixture(params=["disk", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store on the disk, and one that is none."""
    if request.param == "disk":
        yield (tmp_path / "landing").as_uri()
        return
    yield "memory://landing"
    fsspec.filesystem("memory").store.clear()


def _names(url: str) -> list[str]:
    files, root = fsspec.core.url_to_fs(url)
    return (
        sorted(name.rsplit("/", 1)[-1] for name in files.find(root)) if files.exists(root) else []
    )


def _breaking() -> Iterator[bytes]:
    yield b"the first half"
    raise ConnectionResetError("the sender went away")


@pytest.mark.parametrize("chunks", [[], [b""], [b"abc"], [b"ab", b"", b"c"], [b"x" * 3_000_000]])
def test_a_file_is_kept_as_it_came(url: str, chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    landed = Landing(url).write("acme/orders_1.ndjson", chunks)
    assert landed.size == len(content)
    assert landed.sha256 == hashlib.sha256(content).hexdigest()
    with Landing(url).open(landed.location) as file:
        assert b"".join(chunks_of(file)) == content


def test_a_sender_who_breaks_off_leaves_nothing(url: str) -> None:
    with pytest.raises(ConnectionResetError):
        Landing(url).write("acme/orders_1.ndjson", _breaking())
    assert _names(url) == []


def test_a_broken_rewrite_leaves_the_earlier_file(url: str) -> None:
    landing = Landing(url)
    landed = landing.write("acme/orders_1.ndjson", [b"first"])
    with pytest.raises(ConnectionResetError):
        landing.write("acme/orders_1.ndjson", _breaking())
    with landing.open(landed.location) as file:
        assert file.read() == b"first"
    assert _names(url) == ["orders_1.ndjson"]


def test_nothing_is_seen_under_the_name_before_the_last_byte(url: str) -> None:
    seen = []

    def chunks() -> Iterator[bytes]:
        yield b"first"
        seen.append(f"{url}/acme/orders_1.ndjson" in _names(url))
        seen.append("orders_1.ndjson" in _names(url))
        yield b"last"

    Landing(url).write("acme/orders_1.ndjson", chunks())
    assert seen == [False, False]
    assert _names(url) == ["orders_1.ndjson"]


def test_a_file_that_is_gone_is_a_permanent_failure(url: str) -> None:
    landing = Landing(url)
    landed = landing.write("acme/orders_1.ndjson", [b"x"])
    landing.remove(landed.location)
    with pytest.raises(LandedFileError, match=r"orders_1\.ndjson"):
        landing.open(landed.location)


def test_a_folder_with_spaces_is_not_taken_for_its_percent_encoding(tmp_path: Path) -> None:
    """`INGESTION_HOME=~/my data` put files into `~/my%20data`, outside the home."""
    home = tmp_path / "my dätä"
    landing = Landing((home / "landing").as_uri())
    landed = landing.write("orders_1.ndjson", [b"x"])
    assert (home / "landing" / "orders_1.ndjson").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["my dätä"]
    with landing.open(landed.location) as file:
        assert file.read() == b"x"


_names_of_files = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="/\x00"),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in (".", "..", ".partial") and len(name.encode()) < 200)


@settings(max_examples=60, deadline=None)
@given(name=_names_of_files)
def test_a_name_may_be_anything_that_a_disk_takes(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    root = tmp_path_factory.mktemp("landing")
    landing = Landing(root.as_uri())
    landed = landing.write(name, [b"content"])
    with landing.open(landed.location) as file:
        assert file.read() == b"content"
    assert (root / name).read_bytes() == b"content"


def test_a_file_that_is_discarded_leaves_nothing_not_even_a_folder(tmp_path: Path) -> None:
    file = Landing(tmp_path.as_uri()).begin("acme/2026/orders_1.ndjson")
    file.write(b"the first half")
    file.discard()
    file.discard()
    assert list(tmp_path.rglob("*")) == [tmp_path / ".partial"]


def test_files_are_joined_in_the_given_order(url: str) -> None:
    landing = Landing(url)
    parts = [landing.write(f"parts/{n}", [bytes([n]) * 2_000_000]) for n in (2, 0, 1)]
    joined = landing.join("acme/whole", [part.location for part in parts])
    content = b"".join(bytes([n]) * 2_000_000 for n in (2, 0, 1))
    assert (joined.size, joined.sha256) == (6_000_000, hashlib.sha256(content).hexdigest())
    with landing.open(joined.location) as file:
        assert file.read() == content


def test_joining_a_part_that_is_gone_leaves_nothing(url: str) -> None:
    landing = Landing(url)
    part = landing.write("parts/1", [b"x"])
    landing.remove(part.location)
    landing.remove(part.location)
    with pytest.raises(LandedFileError):
        landing.join("acme/whole", [part.location])
    assert _names(url) == []


def test_only_unfinished_files_of_the_dead_are_swept(url: str) -> None:
    landing = Landing(url)
    assert landing.remove_stale(timedelta(0)) == 0
    landing.write("acme/orders_1.ndjson", [b"x"])
    killed = landing.begin("acme/orders_2.ndjson")
    killed.write(b"x")
    killed._file.close()
    assert landing.remove_stale(timedelta(days=1)) == 0
    assert landing.remove_stale(timedelta(0)) == 1
    assert _names(url) == ["orders_1.ndjson"]


def test_folders_are_listed_and_removed(url: str) -> None:
    landing = Landing(url)
    assert landing.folders("chunks") == []
    landing.write("chunks/1/a", [b"x"])
    landing.write("chunks/2/a", [b"x"])
    assert sorted(landing.folders("chunks")) == ["1", "2"]
    landing.remove_folder("chunks/1")
    landing.remove_folder("chunks/1")
    assert landing.folders("chunks") == ["2"]


@pytest.mark.parametrize(
    "location",
    [
        "file:///proc/self/environ", "/proc/self/environ", "../secret", "acme/../../secret",
        "{url}/../secret", "{url}/acme/%2e%2e/%2e%2e/secret", "{url}/..%2fsecret", "{url}",
        "{url}/", "{url}//etc/passwd", "http://127.0.0.1:1/", "memory://secret", "local:///secret",
        "zip://secret::file:///tmp/a.zip", "simplecache::file:///etc/passwd", "a\0b", "", ".", "..",
        "acme/./orders_1.ndjson", "link/passwd", "passwd", "{url}/link/passwd",
    ],
)  # fmt: skip
def test_a_location_never_leads_out_of_the_store(tmp_path: Path, location: str) -> None:
    """A gateway's login wrote `file:///proc/self/environ`, and a run opened it."""
    root = tmp_path / "landing"
    root.mkdir()
    (tmp_path / "secret").write_text("hunter2")
    (root / "link").symlink_to("/etc")
    (root / "passwd").symlink_to("/etc/passwd")
    landing = Landing(root.as_uri())
    landing.write("acme/orders_1.ndjson", [b"x"])
    location = location.format(url=root.as_uri())
    with pytest.raises(LandedFileError):
        landing.open(location)
    with pytest.raises(LandedFileError):
        landing.join("acme/whole", [location])
    assert (tmp_path / "secret").exists()


@pytest.mark.parametrize("location", ["../secret", "link/secret", "file:///secret"])
def test_nothing_outside_of_the_store_is_removed(tmp_path: Path, location: str) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "landing" / "link").symlink_to(tmp_path)
    landing = Landing((tmp_path / "landing").as_uri())
    for remove in (landing.remove, landing.remove_folder):
        with pytest.raises(LandedFileError):
            remove(location)
    assert (tmp_path / "secret").exists()


def test_what_a_release_before_recorded_with_its_whole_url_is_still_read(url: str) -> None:
    landing = Landing(url)
    landing.write("acme/100% of ümlauts.csv", [b"x"])
    shown = "100%25%20of%20%C3%BCmlauts.csv" if url.startswith("file:") else "100% of ümlauts.csv"
    with landing.open(f"{url}/acme/{shown}") as file:
        assert file.read() == b"x"
    landing.remove(f"{url}/acme/{shown}")
    assert not landing.exists("acme/100% of ümlauts.csv")


def test_what_is_recorded_is_no_url(url: str) -> None:
    assert Landing(url).write("acme/a b.csv", [b"x"]).location == "acme/a b.csv"


def test_a_store_may_be_behind_a_link_of_the_operators(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "landing").symlink_to(tmp_path / "disk")
    landing = Landing((tmp_path / "landing").as_uri())
    with landing.open(landing.write("acme/a.csv", [b"x"]).location) as file:
        assert file.read() == b"x"
