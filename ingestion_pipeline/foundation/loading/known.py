"""A mapping and the domain that takes its records."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.intake.sinks import Sink
from ingestion_pipeline.foundation.mapping.words import Mapped

DOMAIN = "intake"
KIND = f"{DOMAIN}.load."


def name_of(mapped: Mapped) -> str:
    """What a mapping is called beside others: `source/mapping`."""
    return f"{mapped.source}/{mapped.name}"


def kind_of(name: str) -> str:
    """The kind of the jobs that load files by a mapping, by its name."""
    return f"{KIND}{name}"


@dataclass(frozen=True)
class Known:
    """A mapping and the domain that takes its records.

    Attributes:
        tenants: who may send; None: all.
    """

    mapped: Mapped
    sink: Sink
    tenants: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What it is called beside others."""
        return name_of(self.mapped)

    @property
    def targets(self) -> list[str]:
        """The types of records that it makes."""
        return list(dict.fromkeys(emit.target.name for emit in self.mapped.emits))

    def is_for(self, tenant: str) -> bool:
        """Whether a tenant may send such files."""
        return self.tenants is None or tenant in self.tenants


def known_of(
    mapped: Mapped, sinks: Mapping[str, Sink], tenants: tuple[str, ...] | None = None
) -> Known:
    """A mapping with the domain that takes its records.

    Args:
        mapped: the mapping.
        sinks: by type of records, the domain that takes them.
        tenants: who may send; None: all.

    Raises:
        ConfigurationError: its records are of several domains, or of one that takes none yet.
    """
    found: dict[int, tuple[Sink, list[str]]] = {}
    for name in dict.fromkeys(emit.target.name for emit in mapped.emits):
        if name not in sinks:
            raise ConfigurationError(f"{mapped.file}: emit.{name}: nothing takes {name} yet")
        found.setdefault(id(sinks[name]), (sinks[name], []))[1].append(name)
    if len(found) > 1:
        both = " and ".join(", ".join(names) for _, names in found.values())
        raise ConfigurationError(
            f"{mapped.file}: emit makes records of two domains ({both}), which can't be loaded in "
            "one transaction: write a mapping for each, of the same source"
        )
    [(sink, _)] = found.values()
    return Known(mapped, sink, tenants)
