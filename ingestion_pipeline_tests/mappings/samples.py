"""The synthetic samples of the shipped mappings: files written for these tests, of made-up persons.

Each is in `samples/`, named `MAPPING.csv`, `MAPPING.2.csv`, … with the ending of its platform.
"""

from functools import cache
from pathlib import Path

from ingestion_pipeline.domains.book_sales.contract import mapped as book_sales
from ingestion_pipeline.domains.commerce.contract import mapped as commerce
from ingestion_pipeline.foundation.intake.run import Counts
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline_tests.foundation.intake.running import Came, read_once

SHIPPED = Path(__file__).parents[2] / "ingestion_pipeline" / "mappings"
SAMPLES = Path(__file__).parent / "samples"
TARGETS = commerce.TARGETS | book_sales.TARGETS
NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


@cache
def shipped(name: str) -> Mapped:
    """A shipped mapping."""
    path = SHIPPED / f"{name}.yaml"
    return read_mapping(path, path.read_text(encoding="utf-8"), TARGETS)


def sample(name: str) -> bytes:
    """A sample: of the mapping `google_play`, `google_play.1.txt` and so on."""
    return (SAMPLES / name).read_bytes()


def text_of(name: str) -> str:
    """A sample in UTF-8."""
    return sample(name).decode("utf-8-sig")


def came_of(mapping: str, *files: str | bytes, tenant: str = "acme") -> Came:
    """What comes of files by a shipped mapping, one after the other, of which the later wins."""
    mapped = shipped(mapping)
    came = Came(Counts())
    for number, each in enumerate(files, start=1):
        content = each.encode() if isinstance(each, str) else each
        run = read_once(mapped, content, f"file{number}", tenant, came)
        came.counts = run.counts
        came.warnings += run.warnings
    return came
