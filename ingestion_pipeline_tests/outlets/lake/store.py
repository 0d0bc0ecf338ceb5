"""A server of S3's wire: SeaweedFS, on ports of its own, with keys that may do different things."""

import json
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import fs

BUCKET = "lake"
PREFIX = "a/prefix"
_PATIENCE = 60  # seconds until it answers
_APART = 10_000  # SeaweedFS's own ports of gRPC are as far from those of HTTP


@dataclass(frozen=True)
class Key:
    """A key of the store: its name and its secret."""

    name: str
    secret: str


WRITER = Key("writer", "the-secret-of-the-writer")


@dataclass(frozen=True)
class Store:
    """A store that runs.

    Attributes:
        endpoint: its URL.
    """

    endpoint: str

    @property
    def url(self) -> str:
        """Where the lake is."""
        return f"s3://{BUCKET}/{PREFIX}"

    @property
    def properties(self) -> dict[str, str]:
        """What pyiceberg needs to know of it, besides keys."""
        return {"s3.endpoint": self.endpoint, "s3.region": "us-east-1"}

    @property
    def address(self) -> str:
        """Host and port."""
        return self.endpoint.removeprefix("http://")

    def environment(self, key: Key) -> dict[str, str]:
        """What whoever has a key puts into the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key.name,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def opened(self, key: Key) -> Any:
        """The store as Arrow's file system, with a key."""
        return fs.S3FileSystem(
            access_key=key.name, secret_key=key.secret, endpoint_override=self.endpoint,
            region="us-east-1", allow_bucket_creation=True,
        )  # fmt: skip


@contextmanager
def running(home: Path, *, readers: dict[str, Key]) -> Iterator[Store]:
    """Run a store until the block is left.

    Args:
        home: where it keeps everything.
        readers: keys by the prefix that each may read, and no more.
    """
    (home / "keys.json").write_text(json.dumps({"identities": [
        _identity(WRITER, ["Admin", "Read", "Write", "List", "Tagging"]),
        *(_identity(key, [f"Read:{BUCKET}/{prefix}*", f"List:{BUCKET}/{prefix}*"])
          for prefix, key in readers.items()),
    ]}))  # fmt: skip
    master, volume, filer, store = _free_ports(4)
    log = (home / "log").open("w")
    process = subprocess.Popen(
        [
            Path(sysconfig.get_path("scripts")) / "weed", "server", f"-dir={home}",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
            f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
            "-s3", f"-s3.port={store}", f"-s3.config={home / 'keys.json'}", "-s3.port.iceberg=0",
            "-s3.port.lance=0", f"-filer.localSocket={home / 'filer.sock'}", "-volume.max=20",
            f"-s3.localSocket={home / 's3.sock'}",
            "-master.volumeSizeLimitMB=64", "-volume.minFreeSpace=100MiB",
        ],
        stdout=log, stderr=subprocess.STDOUT, cwd=home,
    )  # fmt: skip
    try:
        found = Store(f"http://127.0.0.1:{store}")
        _until_it_works(found, process)
        yield found
    finally:
        process.kill()  # its own way down takes half a minute
        process.wait()
        log.close()


def _identity(key: Key, actions: list[str]) -> dict[str, Any]:
    return {
        "name": key.name,
        "credentials": [{"accessKey": key.name, "secretKey": key.secret}],
        "actions": actions,
    }


def _free_ports(count: int) -> list[int]:
    """Ports of which also the one for gRPC is free."""
    sockets, found = [], []
    while len(found) < count:
        one, other = socket.socket(), socket.socket()
        sockets += [one, other]
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        if port + _APART > 65535:
            continue
        try:
            other.bind(("127.0.0.1", port + _APART))
        except OSError:
            continue
        found.append(port)
    for each in sockets:
        each.close()
    return found


def _until_it_works(store: Store, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            opened = store.opened(WRITER)
            opened.create_dir(BUCKET)
            with opened.open_output_stream(f"{BUCKET}/works") as file:
                file.write(b"yes")
            opened.delete_file(f"{BUCKET}/works")
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return
