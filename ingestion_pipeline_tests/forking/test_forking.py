"""A forked command is what one started from scratch would be, to whoever started it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from ingestion_pipeline_tests.forking.client import Popen
from ingestion_pipeline_tests.forking.server import IMPORTED

if sys.platform != "linux":
    pytest.skip("nothing is forked here", allow_module_level=True)

CLI = [sys.executable, "-m", "ingestion_pipeline.cli"]
SANDBOX = [*CLI, "sandbox", "--port", "0"]
# Says what a process is, and ends as it is told; what it leaves to the end is done.
SHOW = """
import atexit, os, sys
atexit.register(print, "at its end")
print(sys.argv[1:], __name__, os.getcwd(), os.environ["JOB_LEASE"], os.getsid(0) == os.getpid())
print(sys.stdin.read(), sys.path[0])
print("complaint ä", file=sys.stderr)
raise {end}
"""


@pytest.fixture(autouse=True)
def environment_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """What libraries have put into the environment since is no reason not to fork here."""
    monkeypatch.setattr(Popen.server, "_environment", dict(os.environ))


def both(command: list[str], **kwargs: Any) -> list[subprocess.CompletedProcess[str]]:
    """A command forked, and from scratch."""
    done = []
    for plain in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if plain:
                patch.setenv("TESTS_FORK", "0")
            with Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
            ) as process:
                assert (process._status is None) == plain
                said = process.communicate("typed" if "stdin" in kwargs else None, timeout=120)
            done.append(subprocess.CompletedProcess(command, process.returncode, *said))
    return done


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["jobs", "--help"], ["nonsense"], ["sample-data", "/dev/null/x"], ["db", "url"]],
)
def test_it_says_the_same_and_ends_alike(arguments: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    forked, plain = both([*CLI, *arguments], env=environment, cwd=tmp_path)
    assert (forked.returncode, forked.stdout) == (plain.returncode, plain.stdout)
    assert last_line(forked) == last_line(plain)


@pytest.mark.parametrize(
    "end", ["SystemExit", "SystemExit(7)", "SystemExit('why')", "ValueError('x')",
            "KeyboardInterrupt"]
)  # fmt: skip
@pytest.mark.parametrize("session", [True, False])
def test_it_is_what_it_was_asked_to_be(end: str, session: bool, tmp_path: Path) -> None:
    (tmp_path / "ingestion_pretending.py").write_text(SHOW.format(end=end))
    forked, plain = both(
        [sys.executable, "-m", "ingestion_pretending", "a b", ""],
        env={**os.environ, "JOB_LEASE": "20"}, cwd=tmp_path, start_new_session=session,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert forked.returncode == plain.returncode
    assert forked.stdout == plain.stdout
    assert f"{tmp_path} 20 {session}\ntyped {tmp_path}\nat its end" in forked.stdout
    assert "complaint ä" in forked.stderr
    assert last_line(forked) == last_line(plain)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.splitlines() or [""])[-1]


def test_its_settings_are_its_own() -> None:
    forked, plain = both([*CLI, "jobs", "list"], env={**os.environ, "JOB_LEASE": "often"})
    assert forked.returncode == plain.returncode == 1
    assert forked.stderr == plain.stderr
    assert forked.stderr.startswith("JOB_LEASE: ")


def test_a_signal_reaches_it_and_it_alone() -> None:
    first, second = Popen(SANDBOX), Popen(SANDBOX)
    assert first.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        first.wait(0.05)
    first.kill()
    assert first.wait(60) == -9
    assert not psutil.pid_exists(first.pid)
    assert second.poll() is None
    second.terminate()
    assert second.wait(60) == -15


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        ([sys.executable, "-c", ""], {}),
        ([sys.executable, "-W", "ignore", *CLI[1:], "--help"], {}),
        ([sys.executable, "-m", "json.tool", "--help"], {}),
        ([*CLI, "--help"], {"NO_COLOR": "1"}),
        ([*CLI, "--help"], {"PYTHONPATH": "/elsewhere"}),
    ],
)
def test_what_a_fork_could_not_be_is_started_from_scratch(
    command: list[str], changed: Mapping[str, str]
) -> None:
    with Popen(command, env={**os.environ, **changed}, stdout=subprocess.DEVNULL) as process:
        assert process._status is None
        assert process.wait(120) == 0


def test_nothing_that_is_imported_before_looks_at_settings() -> None:
    program = f"""
import importlib, sys
from ingestion_pipeline.foundation.environment import settings
for name in {IMPORTED}:
    importlib.import_module(name)
print(settings.cache_info().misses, "ingestion_pipeline.definitions" in sys.modules)
"""
    said = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert said.split() == ["0", "False"]
