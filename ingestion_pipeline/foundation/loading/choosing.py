"""Which mapping reads a file: it is named, or found by the mapping's `match`.

A file that none fits, or two, is refused: to guess would be to load it as something else.
"""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from typing import IO

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.formats import open_table
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.mapping.faults import MappingError, meant
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.storage.file_kinds import Limits

Open = Callable[[], IO[bytes]]


class Mappings:
    """The mappings that files may be sent to."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._by_name = {each.name: each for each in known}

    def __iter__(self) -> Iterator[Known]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Known | None:
        """That of a name, `source/mapping`; None: there is none."""
        return self._by_name.get(name)

    def at(self, address: str, *, tenant: str) -> list[Known]:
        """Those of a tenant that an address may mean; none, where there is none.

        Args:
            address: `source/mapping`, `source`, or the name of a mapping.
            tenant: who sends.
        """
        return [each for each in self.named(address) if each.is_for(tenant)]

    def named(self, address: str) -> list[Known]:
        """Those that an address may mean, whoever sends."""
        if exact := self._by_name.get(address):
            return [exact]
        return [each for each in self if address in (each.mapped.source, each.mapped.name)]

    def why_none(self, address: str, *, tenant: str) -> str:
        """Why an address means none."""
        names = [each.name for each in self if each.is_for(tenant)]
        return (
            f"there is no mapping {address!r}{meant(address, names) or ': none is described yet'}"
        )


def choose(
    among: list[Known], open_file: Open, *, file_name: str, limits: Limits, address: str
) -> Known:
    """The one whose `match` fits a file; where there is only one that is named, that one.

    Args:
        among: mappings that it may be of.
        open_file: opens it from its beginning.
        file_name: as it came.
        limits: of what a packed file may come to.
        address: as it was sent to; where that is the source alone, `match` is asked.

    Raises:
        ContractError: none fits, or several do.
    """
    if len(among) == 1 and (address != among[0].mapped.source or not _has_match(among[0].mapped)):
        return among[0]
    fitting = [each for each in among if fits(each.mapped, open_file, file_name, limits)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(each.name for each in fitting or among)
    said = f"fits {names} by their `match`" if fitting else f"fits the `match` of none of {names}"
    if not fitting:
        said += f" ({'; '.join(_wanted(each) for each in among)})"
    raise ContractError(f"{file_name}: {said}: name the one that is meant")


def _has_match(mapped: Mapped) -> bool:
    return bool(mapped.header) or mapped.file_name is not None


def _wanted(known: Known) -> str:
    """What the `match` of a mapping looks for."""
    mapped, wanted = known.mapped, []
    if mapped.file_name is not None:
        wanted.append(f"a file named {mapped.file_name!r}")
    if mapped.header:
        wanted.append(f"the columns {', '.join(map(repr, mapped.header))}")
    return f"{known.name} looks for {' and '.join(wanted) or 'nothing: it has no `match`'}"


def fits(mapped: Mapped, open_file: Open, file_name: str, limits: Limits) -> bool:
    """Whether a mapping's `match` fits a file; one that has none fits nothing."""
    if not _has_match(mapped):
        return False
    if mapped.file_name is not None and not fnmatch(file_name, mapped.file_name):
        return False
    if not mapped.header:
        return True
    try:
        with open_file() as file:
            table = open_table(file, mapped, file_name, limits)
    except (ContractError, MappingError):  # of another shape
        return False
    there = set(table.header)
    there |= {name for ours, theirs in mapped.names.items() if ours in there for name in theirs}
    return there.issuperset(mapped.header)
