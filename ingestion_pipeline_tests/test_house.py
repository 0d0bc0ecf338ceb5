"""The rooms and floors of the package: each contract of `.importlinter` was seen to bite."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A file, what is written into it, and the contract that it breaks.
FAULTS = (
    ("gateway/front.py", "from ingestion_pipeline.domains import registry", "The house"),
    ("foundation/storage/bulk.py", "from ingestion_pipeline.foundation.ledger import jobs",
     "The foundation"),
    ("domains/kpis/land/jobs.py", "from ingestion_pipeline.domains.markets import tables",
     "A wing never imports"),
    ("domains/kpis/land/jobs.py", "from ingestion_pipeline.domains.kpis.merge import grade",
     "The rooms"),
    ("domains/commerce/land/stage.py", "import dagster", "Dagster is imported"),
    ("domains/commerce/land/stage.py", "import fastapi", "FastAPI is imported"),
    ("domains/markets/contract/days.py", "from ingestion_pipeline.foundation import settings",
     "The settings"),
    ("domains/kpis/merge/grade.py",
     "from ingestion_pipeline.foundation.environment import settings", "The environment"),
    *((face, "from ingestion_pipeline.foundation.environment import settings", "Dagster's code")
      for face in ("domains/kpis/checks.py", "domains/kpis/assets.py",
                   "domains/kpis/automation.py", "domains/kpis/definitions.py",
                   "orchestration/housekeeping.py", "components/kit.py", "definitions.py")),
    ("foundation/upstreams/answers.py",
     "from ingestion_pipeline.foundation.upstreams import client",
     "No circles"),
)  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package, to be spoiled."""
    shutil.copytree(
        ROOT / "ingestion_pipeline", tmp_path / "ingestion_pipeline",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def _linted(house: Path) -> tuple[str, dict[str, str]]:
    """What import-linter says: all of it, and KEPT or BROKEN by the name of each contract."""
    command = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command; lint_imports_command()"  # noqa: E501
    said = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=house, capture_output=True, text=True
    )
    verdicts = re.findall(r"^(.+) (KEPT|BROKEN)(?: .*)?$", said.stdout, re.MULTILINE)
    return said.stdout, dict(verdicts)


def test_every_contract_of_the_house_bites(house: Path) -> None:
    assert set(_linted(house)[1].values()) == {"KEPT"}
    for file, line, _ in FAULTS:
        path = house / "ingestion_pipeline" / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    said, found = _linted(house)
    for file, _, contract in FAULTS:
        [verdict] = [verdict for name, verdict in found.items() if name.startswith(contract)]
        assert verdict == "BROKEN", contract
        module = file.removesuffix(".py").replace("/", ".")
        # Of a circle, only the last names are said.
        assert f"ingestion_pipeline.{module} ->" in said or f"- .{Path(file).stem} ->" in said, file


def test_a_room_of_another_name_is_refused(house: Path) -> None:
    room = house / "ingestion_pipeline" / "domains" / "kpis" / "helpers"
    room.mkdir()
    (room / "__init__.py").write_text('"""Whatever."""\n')
    _, found = _linted(house)
    assert [name for name, verdict in found.items() if verdict == "BROKEN"] == [
        "The rooms of a wing, in the order of a datum's way"
    ]


def test_the_top_of_the_package_has_ten_entries() -> None:
    top = {path.name for path in (ROOT / "ingestion_pipeline").iterdir()}
    assert top - {"__init__.py", "__pycache__", "py.typed"} == {
        "cli", "components", "definitions.py", "defs", "domains", "foundation", "gateway",
        "mappings", "orchestration", "outlets",
    }  # fmt: skip
