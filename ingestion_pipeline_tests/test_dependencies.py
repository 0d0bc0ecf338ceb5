"""requirements.lock: exact, without hosts, and with all that pyproject.toml leads to."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "requirements.lock").read_text().splitlines()
PINNED = {
    canonicalize_name(name): version for name, version in (line.split("==") for line in LINES)
}

RUNTIME = PROJECT["project"]["dependencies"]
EXTRAS = [each for some in PROJECT["project"]["optional-dependencies"].values() for each in some]
DEVELOPMENT = PROJECT["dependency-groups"]["dev"]


def test_every_line_is_a_name_and_an_exact_version() -> None:
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+", line), line
    assert len(PINNED) == len(LINES)


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    for requirement in map(Requirement, [*RUNTIME, *EXTRAS, *DEVELOPMENT]):
        if requirement.marker is None or requirement.marker.evaluate():
            pinned = PINNED.get(canonicalize_name(requirement.name))
            assert pinned, f"{requirement.name} is not in requirements.lock"
            assert requirement.specifier.contains(Version(pinned), prereleases=True), requirement


def test_nothing_is_installed_that_is_not_pinned() -> None:
    """With the lock as a constraint, as the image is made, no version is left to the day."""
    needed = _closure([*RUNTIME, *EXTRAS, *DEVELOPMENT])
    assert needed - PINNED.keys() <= {"setuptools"}  # `pip freeze` leaves that out
    assert len(needed) > 100


def _closure(requirements: Iterable[str]) -> set[str]:
    """The names of all packages that some lead to, on this machine."""
    seen: dict[str, set[str]] = {}
    waiting = [(Requirement(each), {""}) for each in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        ):
            continue
        name, wanted = canonicalize_name(requirement.name), {"", *requirement.extras}
        if wanted <= seen.get(name, set()):
            continue
        seen[name] = seen.get(name, set()) | wanted
        try:
            further = requires(name) or []
        except PackageNotFoundError:
            raise AssertionError(f"{name} is needed and not installed") from None
        waiting += [(Requirement(each), seen[name]) for each in further]
    return set(seen)


def test_dg_shows_its_commands() -> None:
    """With typer 0.26 or newer, which brings a click of its own, `dg --help` lists none."""
    dg = Path(sys.executable).with_name("dg")
    for arguments, command in ((["--help"], "scaffold"), (["list", "--help"], "defs")):
        shown = subprocess.run([dg, *arguments], capture_output=True, text=True, check=True).stdout
        assert re.search(rf"^\W*{command}\b", shown, re.MULTILINE), shown
