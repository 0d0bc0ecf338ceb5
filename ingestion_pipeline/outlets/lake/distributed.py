"""Marts over the lake on a cluster of dask: past what one database answers.

    the table's files ─▶ a part a task, each worked out where a worker is ─▶ parts merged by eights

Dask is an extra (`lake-cluster`). A cluster of some processes on this machine, or any other whose
scheduler's address is given, is the same to what follows; its workers need this package, and reach
the lake's files under the same paths, with keys of their own environment. Tasks change nothing:
what a worker that dies had worked out is worked out again by another.

Amounts are exact decimals, and so are their sums, in whatever order parts are merged. Means are of
doubles, and agree with PostgreSQL's but for the last digits.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingestion_pipeline.outlets.lake import files
from ingestion_pipeline.outlets.marts.orders import NOTHING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import Table

FILES_A_TASK = 16
_MERGED_AT_ONCE = 8


@dataclass(frozen=True)
class ClusterMart:
    """A mart that is worked out in parts.

    Attributes:
        source: the table of the lake whose rows it is of.
        columns: of these that it needs.
        by: what its rows are by.
        prepared: the rows as they are added up, given the zone by whose clock days are told.
        sums: how columns of these are added up: (name, function of Arrow), of rows and of parts.
        finished: the mart's own columns, of those that were added up.
    """

    source: str
    columns: tuple[str, ...]
    by: tuple[str, ...]
    prepared: Callable[["pa.Table", str], "pa.Table"]
    sums: tuple[tuple[str, str], ...]
    finished: Callable[["pa.Table"], "pa.Table"]


@contextmanager
def cluster(address: str | None, *, processes: int = 2) -> Iterator[Any]:
    """A client of a cluster: of the scheduler at an address; None: of processes of our own."""
    import distributed

    if address:
        with distributed.Client(address, set_as_default=False) as client:
            yield client
        return
    with (
        distributed.LocalCluster(
            n_workers=processes, threads_per_worker=1, dashboard_address=None
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        yield client


def work_out(
    client: Any, mart: ClusterMart, table: "Table", *, zone: str, times: int = 1
) -> "pa.Table":
    """Work a mart out of the newest snapshot of a table.

    Args:
        client: of a cluster.
        mart: which.
        table: of the lake, whose source it is.
        zone: by whose clock days are told.
        times: how often each file is taken, for measuring; 1 otherwise.

    Returns:
        A row a group, sorted by what it is by.
    """
    paths = files.paths(table) * times
    # What a client was told of keys stays here: workers have their own.
    store = {
        name: value
        for name, value in table.io.properties.items()
        if name in ("s3.endpoint", "s3.region")
    }
    chunks = [paths[at : at + FILES_A_TASK] for at in range(0, len(paths), FILES_A_TASK)]
    # Not `pure`: the same files, taken again, would be worked out once.
    parts = client.map(part, chunks, mart=mart, zone=zone, store=store, pure=False)
    while len(parts) > 1:
        eights = [parts[at : at + _MERGED_AT_ONCE] for at in range(0, len(parts), _MERGED_AT_ONCE)]
        parts = [client.submit(merged, some, mart=mart, pure=False) for some in eights]
    found = parts[0].result() if parts else part([], mart=mart, zone=zone, store=store)
    return mart.finished(found).sort_by([(name, "ascending") for name in mart.by])


def part(
    paths: Sequence[str], *, mart: ClusterMart, zone: str, store: dict[str, str]
) -> "pa.Table":
    """What some files come to; one of them is in memory at a time."""
    from pyarrow import parquet
    from pyiceberg.io.pyarrow import PyArrowFileIO

    io = PyArrowFileIO(store)
    parts = []
    for path in paths:
        with io.new_input(path).open() as source:
            rows = parquet.read_table(source, columns=list(mart.columns))
        parts.append(_added_up(mart.prepared(rows, zone), mart))
    return merged(parts, mart=mart)


def merged(parts: "Sequence[pa.Table]", *, mart: ClusterMart) -> "pa.Table":
    """Parts, added up."""
    import pyarrow as pa

    return _added_up(pa.concat_tables(parts), mart)


def _added_up(rows: "pa.Table", mart: ClusterMart) -> "pa.Table":
    """Rows, or parts, by group; the columns have the names that they had, and the same types."""
    found = rows.group_by(list(mart.by)).aggregate(list(mart.sums))
    names = [name for name, _ in mart.sums]
    order = [*(f"{name}_{how}" for name, how in mart.sums), *mart.by]
    return found.select(order).rename_columns([*names, *mart.by])


def day_of(instants: Any, zone: str) -> Any:
    """The day of each instant by a clock."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.local_timestamp(instants.cast(pa.timestamp("us", zone))).cast(pa.date32())


def _orders(rows: "pa.Table", zone: str) -> "pa.Table":
    """Orders as `outlets/marts/orders.py` counts them, whose definitions these are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    amount = pa.decimal128(20, 2)  # room to add, beyond the 14 digits of the database's
    zero = pa.scalar(0, amount)
    total, discount, refunded = (
        rows[name].cast(amount) for name in ("total_amount", "discount_amount", "refunded_amount")
    )
    told = pc.is_valid(total)
    net, refunded = pc.coalesce(total, zero), pc.coalesce(refunded, zero)
    before = pc.if_else(told, pc.add(net, refunded).cast(amount), zero)
    status = pc.utf8_lower(pc.utf8_trim(rows["order_status"], " "))
    nothing = pc.is_in(status, pa.array(NOTHING))
    returned = pc.less(before, zero)
    counts = pc.and_not(pc.invert(nothing), returned)
    something = pc.invert(nothing)

    def amount_where(condition: Any, amount: Any) -> Any:
        return pc.if_else(condition, amount, zero)

    def number_where(condition: Any) -> Any:
        return condition.cast(pa.int64())

    back = pc.subtract(refunded, pc.if_else(returned, before, zero)).cast(amount)
    return pa.table(
        {
            "day": day_of(rows["order_date"], zone),
            "currency": rows["currency"],
            "orders": number_where(counts),
            "untold": number_where(pc.and_not(counts, told)),
            "discounts": amount_where(pc.and_(counts, told), pc.coalesce(discount, zero)),
            "refunds": amount_where(pc.and_(something, told), back),
            "net": amount_where(something, net),
            "returns": number_where(pc.and_(something, returned)),
            "cancelled": number_where(nothing),
            "cancelled_amount": amount_where(nothing, net),
            "has_net": number_where(pc.and_(something, told)),
            "has_some": number_where(something),
        }
    )


def _orders_daily(found: "pa.Table") -> "pa.Table":
    """Amounts that nobody told are NULL: 0 would be a sum."""
    import pyarrow as pa
    import pyarrow.compute as pc

    unknown = pc.and_(pc.equal(found["has_net"], 0), pc.greater(found["has_some"], 0))
    exact = pa.decimal128(36, 2)
    sums = {name: found[name].cast(exact) for name in ("net", "discounts", "refunds")}
    net = pc.if_else(unknown, pa.scalar(None, exact), sums["net"])
    gross = pc.add(pc.add(net, sums["discounts"]).cast(exact), sums["refunds"])
    return (
        found.set_column(found.column_names.index("net"), "net", net)
        .append_column("gross", gross)
        .drop_columns(["has_net", "has_some"])
    )


def _points(rows: "pa.Table", zone: str) -> "pa.Table":
    """Readings; each a day's part of one."""
    import pyarrow as pa

    value = rows["value"]
    return pa.table(
        {
            "kpi_id": rows["kpi_id"],
            "day": day_of(rows["observed_at"], zone),
            "points": pa.repeat(pa.scalar(1, pa.int64()), len(rows)),
            "minimum": value,
            "maximum": value,
            "sum": value,
        }
    )


def _kpi_daily(found: "pa.Table") -> "pa.Table":
    import pyarrow.compute as pc

    mean = pc.divide(found["sum"], found["points"])
    mean = pc.min_element_wise(pc.max_element_wise(mean, found["minimum"]), found["maximum"])
    return found.append_column("mean", mean).drop_columns(["sum"])


ORDERS_DAILY = ClusterMart(
    source="orders",
    columns=(
        "order_date", "currency", "order_status", "total_amount", "discount_amount",
        "refunded_amount",
    ),
    by=("day", "currency"),
    prepared=_orders,
    sums=tuple(
        (name, "sum")
        for name in (
            "orders", "untold", "discounts", "refunds", "net", "returns", "cancelled",
            "cancelled_amount", "has_net", "has_some",
        )
    ),
    finished=_orders_daily,
)  # fmt: skip
KPI_DAILY = ClusterMart(
    source="kpi_points",
    columns=("kpi_id", "observed_at", "value"),
    by=("kpi_id", "day"),
    prepared=_points,
    sums=(("points", "sum"), ("minimum", "min"), ("maximum", "max"), ("sum", "sum")),
    finished=_kpi_daily,
)
