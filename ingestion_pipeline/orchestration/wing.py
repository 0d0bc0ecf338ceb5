"""A domain as Dagster has it: what all of its assets have in common is said here, once."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.orchestration.assets import REFERENCES
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import table_metadata

Decorator = Callable[[Callable[..., Any]], dg.AssetsDefinition]

_COMMON: dict[str, Any] = {"owners": ["team:data"], "code_version": "1"}
_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@dataclass(frozen=True)
class Wing:
    """The assets of a domain: their group has its name, and so their keys begin."""

    name: str

    def key(self, name: str) -> dg.AssetKey:
        """The key of one of its assets."""
        return dg.AssetKey([self.name, name])

    def spec(
        self, name: str, *, table: sa.Table, origin: Origin | None = None, **arguments: Any
    ) -> dg.AssetSpec:
        """`dg.AssetSpec`: of what comes from outside, or of one of a `multi_asset`.

        Args:
            name: of the asset.
            table: that it is.
            origin: where the table's columns come from; None: from outside.
            arguments: the others of `dg.AssetSpec`.
        """
        said = self._said(name, table, origin)
        said["metadata"] = {**said["metadata"], REFERENCES: _line_that_calls()}
        return dg.AssetSpec(**said, **arguments)

    def asset(
        self,
        name: str,
        *,
        table: sa.Table | None = None,
        origin: Origin | None = None,
        **arguments: Any,
    ) -> Decorator:
        """`dg.asset`, tried again twice.

        Args:
            name: of the asset.
            table: that it is; None: it is none.
            origin: where the table's columns come from.
            arguments: the others of `dg.asset`.
        """
        said = self._said(name, table, origin)
        return _quietly(dg.asset, retry_policy=_RETRIES, **said, **arguments)

    def multi_asset(self, **arguments: Any) -> Decorator:
        """`dg.multi_asset`, tried again twice."""
        return _quietly(dg.multi_asset, retry_policy=_RETRIES, **arguments)

    def _said(self, name: str, table: sa.Table | None, origin: Origin | None) -> dict[str, Any]:
        metadata = None if table is None else table_metadata(table, origin)
        return {"key": self.key(name), "group_name": self.name, "metadata": metadata, **_COMMON}


def _line_that_calls() -> dg.CodeReferencesMetadataValue:
    """Where the caller of the caller stands: Dagster finds the code of functions by itself only."""
    # One frame: `inspect.stack` looks through all modules for each, a second at every start.
    caller = sys._getframe(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        line = dg.LocalFileCodeReference(
            file_path=caller.f_code.co_filename, line_number=caller.f_lineno
        )
        return dg.CodeReferencesMetadataValue(code_references=[line])


def _quietly(make: Callable[..., Any], **arguments: Any) -> Decorator:
    """A decorator of Dagster with its arguments, of which it still calls one beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        decorator: Decorator = make(**arguments)
    return decorator
