"""The checks that wings build the same way: a pandera schema, published documents, a query for
offenders."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.foundation.watch.offenders import Offenders, Query
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Configuration, Database
from ingestion_pipeline.orchestration.wing import Wing

if TYPE_CHECKING:
    import pandera.pandas as pa

OfRun = Callable[[Mapping[str, str]], Any]  # tags of a run → what it wrote
Differing = Callable[[sa.Connection, int], list[str]]

_SHOWN = 20


def schema_check(
    *,
    asset: dg.AssetKey,
    table: sa.Table,
    newest_first: sa.ColumnElement[Any],
    schema: Callable[[], "pa.DataFrameSchema"],
) -> dg.AssetChecksDefinition:
    """A check that a table's newest rows obey a pandera schema.

    Reads at most `CHECK_ROWS` rows, so that neither memory nor time grows with the table; says
    how many of how many it read. The schema is built at first use (importing pandera is slow).
    """

    @dg.asset_check(
        name="schema",
        asset=asset,
        description="The newest rows obey the contract: types, lengths, ranges, unique keys.",
    )
    def check(configuration: Configuration, database: Database) -> dg.AssetCheckResult:
        import pandas as pd
        from pandera.errors import SchemaErrors

        with database.engine().connect() as connection:
            most = configuration.read().check_rows
            newest = sa.select(table).order_by(newest_first.desc()).limit(most)
            # coerce_float would turn exact amounts into floats
            rows = pd.read_sql(newest, connection, coerce_float=False)
            total = row_count(connection, table)
        metadata: dict[str, Any] = {"rows_checked": len(rows), "rows_in_table": total}
        failures: list[dict[str, str]] = []
        try:
            schema().validate(rows, lazy=True)
        except SchemaErrors as errors:
            columns = ["column", "check", "failure_case"]
            cases = errors.failure_cases[columns].head(_SHOWN)
            failures = [
                {str(name): str(value) for name, value in row.items()}
                for row in cases.to_dict("records")
            ]
            metadata["failures"] = len(errors.failure_cases)
            metadata["examples"] = as_table(failures)
        return dg.AssetCheckResult(passed=not failures, metadata=metadata)

    return check


def documents_check(
    *, asset: dg.AssetKey, description: str, differing: Differing, most: int
) -> dg.AssetChecksDefinition:
    """A check that published documents say what the tables say.

    `differing(connection, most)` compares so many documents and returns the keys of those that do
    not; all in one snapshot, so that what is written meanwhile is no difference.
    """

    @dg.asset_check(name="documents_equal_tables", asset=asset, description=description)
    def check(database: Database) -> dg.AssetCheckResult:
        return documents_result(database.engine(), lambda connection: differing(connection, most))

    return check


def documents_result(
    engine: sa.Engine, differing: Callable[[sa.Connection], list[str]]
) -> dg.AssetCheckResult:
    """What a check of documents comes to: the keys of those that differ, all in one snapshot."""
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as connection:
        found = differing(connection)
    metadata: dict[str, Any] = {"offenders": len(found)}
    if found:
        metadata["examples"] = as_table([{"key": each} for each in found[:_SHOWN]])
    return dg.AssetCheckResult(passed=not found, metadata=metadata)


def checks_of(
    wing: Wing, offenders: ModuleType, *, of_run: OfRun = dict
) -> list[dg.AssetChecksDefinition]:
    """A check of each query that a wing's `offenders.py` declares by `must_not_be(_of)`.

    Args:
        wing: whose assets are checked.
        offenders: the module.
        of_run: what blocking queries are asked for, by the tags of their run.
    """
    found = [each if isinstance(each, tuple) else (each,) for each in vars(offenders).values()]
    declared = [each for some in found for each in some if isinstance(each, Offenders)]
    return [_check_of(wing, each, of_run) for each in declared]


def _check_of(wing: Wing, offenders: Offenders, of_run: OfRun) -> dg.AssetChecksDefinition:
    asset, name = offenders.check.split(":")
    if offenders.blocking:
        return _blocking_check(wing.key(asset), name, offenders, of_run)
    return offenders_check(
        asset=wing.key(asset),
        name=name,
        description=offenders.holds,
        offenders=offenders,
        warning=offenders.warning,
        left_out=offenders.left_out,
    )


def _blocking_check(
    asset: dg.AssetKey, name: str, offenders: Offenders, of_run: OfRun
) -> dg.AssetChecksDefinition:
    """A check that stops, where it fails, what would follow in its run."""

    @dg.asset_check(
        name=name,
        asset=asset,
        description=f"{offenders.holds} A failure stops what follows.",
        blocking=True,
    )
    def check(context: dg.AssetCheckExecutionContext, database: Database) -> dg.AssetCheckResult:
        return offenders_result(database.engine(), offenders(of_run(context.run.tags)))

    return check


def offenders_check(
    *,
    asset: dg.AssetKey,
    name: str,
    description: str,
    offenders: Callable[[], sa.Select[Any]],
    warning: bool = False,
    left_out: Mapping[str, Query] | None = None,
) -> dg.AssetChecksDefinition:
    """A check that a query finds nothing; what it finds is counted and the first rows are shown.

    Args:
        asset: what is checked.
        name: of the check.
        description: what holds where it passes.
        offenders: makes the query, one row an offender.
        warning: a failure is a warning, not an error.
        left_out: what the query passes over, by the names under which it is counted.
    """

    @dg.asset_check(name=name, asset=asset, description=description)
    def check(database: Database) -> dg.AssetCheckResult:
        passed_over = {name: query() for name, query in (left_out or {}).items()}
        return offenders_result(
            database.engine(), offenders(), warning=warning, left_out=passed_over
        )

    return check


def offenders_result(
    engine: sa.Engine,
    query: sa.Select[Any],
    *,
    warning: bool = False,
    left_out: Mapping[str, sa.Select[Any]] | None = None,
) -> dg.AssetCheckResult:
    """What a check by a query comes to; what it finds is counted and the first rows are shown."""
    with engine.connect() as connection:
        counted = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(each.subquery()))
            for name, each in {"offenders": query, **(left_out or {})}.items()
        }
        number = counted["offenders"]
        rows = connection.execute(query.limit(_SHOWN)).mappings().all() if number else []
    metadata: dict[str, Any] = counted
    if rows:
        metadata["examples"] = as_table([{k: str(v) for k, v in row.items()} for row in rows])
    severity = dg.AssetCheckSeverity.WARN if warning else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(passed=number == 0, severity=severity, metadata=metadata)
