"""What a mapping is written of: a file that was looked at, and what was said of its columns."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingestion_pipeline.foundation.intake.guessing import Found, found_in, readings
from ingestion_pipeline.foundation.intake.sampling import Sample, sample_of
from ingestion_pipeline.foundation.storage.file_kinds import Limits

OPEN = '"?"'


@dataclass
class Draft:
    """What a mapping is written of.

    Attributes:
        columns: of the file, by name.
        dated: columns that are used as dates; `numeric`: as numbers. To be filled while the rest
            is written, as they decide what to say of dates and numbers.
        notes: what is to be said of all of it, as a sentence each.
    """

    sample: Sample
    columns: Mapping[str, Found]
    dated: list[Found] = field(default_factory=list)
    numeric: list[Found] = field(default_factory=list)
    formats: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def date(self, name: str) -> str:
        """A column as a date; where its format is another than the first one's, with it."""
        found = self.columns[name]
        certain = found.dates[:1] if len(readings(found)) == 1 else found.mixed
        if certain:
            self.formats = self.formats or certain
            if certain != self.formats and not set(self.formats) <= set(found.dates):
                return f"{{of: {quoted(name)}, date: {quoted(list(certain))}}}"
        self.dated.append(found)
        return quoted(name)

    def number(self, name: str) -> str:
        """A column as a number."""
        self.numeric.append(self.columns[name])
        return quoted(name)

    def cells(self, name: str) -> list[str]:
        """The texts of a column in the sample's rows."""
        at = self.sample.header.index(name)
        return [row[at].strip() if at < len(row) else "" for row in self.sample.rows]


def draft_of(path: Path, limits: Limits | None = None, encoding: str | None = None) -> Draft:
    """A file, looked at.

    Args:
        encoding: of a text that has no mark; None: it is found out.

    Raises:
        ContractError: the file is no table that can be looked at.
        OSError: it can't be read.
    """
    sample = sample_of(path, limits, encoding)
    columns = {}
    for place, name in enumerate(sample.header):
        if name:
            cells = [row[place] for row in sample.rows if place < len(row)]
            columns[name] = found_in(name, cells)
    return Draft(sample, columns)


def quoted(value: object) -> str:
    """As YAML has it, quoted; JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
