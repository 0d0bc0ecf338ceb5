"""What is compared of a column: aggregates that PostgreSQL and Arrow compute alike.

    numbers            their exact sum; of floats a sum of the finite ones, and how often there are
                       NaN and both infinities
    texts, JSON        their bytes, and the first and last of all, byte by byte
    instants, dates    microseconds, or days, since 1970
    truth              how often it is true
    lists              their elements, and the bytes of these

and of each how many values there are. Integers are summed as decimals: 2,000 instants are past 64
bits. A float beyond 1e290 is counted only: two of them would overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion_pipeline.outlets.lake.columns import TEXTS, Column, quoted

_HUGE = "1e290"
_EXACT, _WIDEST = 38, 76  # digits of Arrow's two decimals
CLOSE = 1e-9  # of the sum of what floats amount to: they are summed in another order


@dataclass(frozen=True)
class Sum:
    """One aggregate of a column.

    Attributes:
        what: it is, for who reads a difference.
        sql: the same in PostgreSQL.
        arrow: an array → the same; None: of no rows.
        joined: two of them → one.
        close: compared with a tolerance, relative to the next one.
    """

    what: str
    sql: str
    arrow: Callable[[Any], Any]
    joined: Callable[[Any, Any], Any] = lambda one, other: one + other
    close: bool = False


def sums_of(column: Column) -> list[Sum]:
    """What is compared of a column."""
    name = quoted(column.name)
    values = Sum("values", f"count({name})", lambda array: len(array) - array.null_count)
    return [values, *_by_type(column, name)]


def _by_type(column: Column, name: str) -> list[Sum]:
    if column.type in ("float4", "float8"):
        return _floats(f"CAST({name} AS float8)")
    if column.digits or column.type in ("int2", "int4", "int8"):
        return [Sum("sum", f"sum(CAST({name} AS numeric))", _total)]
    if column.type in TEXTS:
        return _texts(column.as_text)
    if column.type in ("timestamptz", "timestamp"):
        micros = f"sum(extract(epoch FROM {name}) * 1000000) FILTER (WHERE isfinite({name}))"
        return [Sum("sum of microseconds", micros, lambda array: _total(_integers(array)))]
    if column.type == "date":
        days = f"sum(CAST({name} - DATE '1970-01-01' AS numeric)) FILTER (WHERE isfinite({name}))"
        return [Sum("sum of days", days, lambda array: _total(_integers(array)))]
    if column.type == "bool":
        return [Sum("true", f"count(*) FILTER (WHERE {name})", _true)]
    return _lists(name)


def _floats(name: str) -> list[Sum]:
    small = f"FILTER (WHERE abs({name}) < {_HUGE})"
    return [
        Sum("sum", f"sum({name}) {small}", lambda array: _sum(_small(array)), close=True),
        Sum("sum of amounts", f"sum(abs({name})) {small}", _amounts, close=True),
        Sum("finite", f"count(*) {small}", lambda array: len(_small(array))),
        *(
            Sum(which, f"count(*) FILTER (WHERE {name} = '{which}')", _counter(which))
            for which in ("NaN", "Infinity", "-Infinity")
        ),
    ]


def _texts(name: str) -> list[Sum]:
    return [
        Sum("bytes", f"sum(octet_length({name}))", lambda array: _total(_lengths(array))),
        Sum("first", f'min({name} COLLATE "C")', lambda array: _extreme(array, "min"), min),
        Sum("last", f'max({name} COLLATE "C")', lambda array: _extreme(array, "max"), max),
    ]


def _lists(name: str) -> list[Sum]:
    import pyarrow.compute as pc

    return [
        Sum("elements", f"sum(cardinality({name}))", lambda a: _total(pc.list_value_length(a))),
        Sum(
            "bytes",
            f"sum(octet_length(array_to_string({name}, '')))",
            # Of no elements PostgreSQL has no bytes, and Arrow no value.
            lambda array: _total(_lengths(pc.list_flatten(array))) or _nothing(array),
        ),
    ]


def _nothing(array: Any) -> int | None:
    return 0 if len(array) > array.null_count else None


def _total(array: Any) -> Decimal | None:
    """The exact sum of integers or decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_decimal(array.type):
        array = array.cast(pa.int64()).cast(pa.decimal128(_EXACT, 0))
    total = pc.sum(array.cast(pa.decimal256(_WIDEST, array.type.scale))).as_py()
    return total if total is None else Decimal(total)


def _integers(array: Any) -> Any:
    import pyarrow as pa

    return array.cast(pa.int32() if pa.types.is_date32(array.type) else pa.int64())


def _small(array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = array.cast(pa.float64())
    return array.filter(pc.less(pc.abs(array), float(_HUGE)))


def _sum(array: Any) -> float | None:
    import pyarrow.compute as pc

    return pc.sum(array).as_py()  # type: ignore[no-any-return]


def _amounts(array: Any) -> float | None:
    import pyarrow.compute as pc

    return _sum(pc.abs(_small(array)))


def _counter(which: str) -> Callable[[Any], int]:
    def count(array: Any) -> int:
        import pyarrow.compute as pc

        if which == "NaN":
            return _true(pc.is_nan(array))
        return _true(pc.equal(array, float(which)))

    return count


def _true(array: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(array).as_py() or 0)


def _lengths(array: Any) -> Any:
    import pyarrow.compute as pc

    return pc.binary_length(array)


def _extreme(array: Any, which: str) -> str | None:
    import pyarrow.compute as pc

    return pc.min_max(array)[which].as_py()  # type: ignore[no-any-return]
