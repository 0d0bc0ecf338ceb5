"""The APIs that are asked by files: how each is asked, and the mapping of its records.

Whatever is wrong is told with line and column. What records a mapping may make, the domains say; so
whoever asks hands it in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.folder import Described, Source
from ingestion_pipeline.foundation.described.kinds import HttpSeries, MappedFiles
from ingestion_pipeline.foundation.described.mappings import MappedSource, mapped_source
from ingestion_pipeline.foundation.http_api.parsing import WORDS, read_api
from ingestion_pipeline.foundation.http_api.words import HttpApi
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.faults import Place
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.targets import Target

_FIELD = r"(?:\*|[0-9]{1,2}(?:-[0-9]{1,2})?(?:,[0-9]{1,2}(?:-[0-9]{1,2})?)*)(?:/[0-9]{1,2})?"
_CRON = re.compile(rf"{_FIELD}(?: +{_FIELD}){{4}}")
_AFTER_THE_DAY = timedelta(minutes=30)
_MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True)
class SeriesSource:
    """An API that a file describes.

    Attributes:
        mapped: the mapping of its records, and the file that describes it.
        tenant: whose records they are.
        schedule: as cron has it, on the clock of the window's zone.
    """

    mapped: MappedSource
    api: HttpApi
    tenant: str
    schedule: str


def series_sources(
    described: Described, targets: Mapping[str, Target]
) -> tuple[list[SeriesSource], list[Fault]]:
    """The APIs whose files are sound, and the faults of the others."""
    sound: list[SeriesSource] = []
    faults: list[Fault] = []
    for source in described.sources:
        if isinstance(source.attributes, HttpSeries):
            read = _series(source, source.attributes, targets)
            if isinstance(read, SeriesSource):
                sound.append(read)
            else:
                faults += read
    return sound, faults


def _series(
    source: Source, said: HttpSeries, targets: Mapping[str, Target]
) -> SeriesSource | list[Fault]:
    reader = Reader(source.file)
    words = {name: each for name in WORDS if (each := getattr(said, name)) is not None}
    root = Node(Place(source.document.line(("attributes",)), 1), "attributes", words)
    api = read_api(reader, root, words)
    tenant = reader.text(said.tenant)
    schedule = _schedule(reader, said.schedule, api)
    faults = [
        Fault(source.file, each.place.line, each.path, each.rule, source.kind, each.place.column)
        for each in sorted(reader.faults, key=lambda each: each.place)
    ]
    files = MappedFiles.model_construct(
        mapping=said.mapping, source=said.source, settings=said.settings, tenants=[tenant],
        description=said.description,
    )  # fmt: skip
    mapped = mapped_source(source, files, targets)
    if not isinstance(mapped, MappedSource):
        return faults + mapped
    return faults or SeriesSource(mapped, api, tenant, schedule)


def _schedule(reader: Reader, node: Node | None, api: HttpApi) -> str:
    """As the file says; else half an hour after a day is complete."""
    if node is None:
        lag = timedelta() if api.window is None else api.window.lag
        minutes = int((lag + _AFTER_THE_DAY).total_seconds() // 60) % _MINUTES_OF_A_DAY
        return f"{minutes % 60} {minutes // 60} * * *"
    text = node.value if isinstance(node.value, str) else ""
    if not _CRON.fullmatch(text):
        reader.fault(
            node, f"must be five fields of cron, such as 15 2 * * *, and is {node.describe()}"
        )
    return text
