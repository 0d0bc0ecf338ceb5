"""A row → several: a packed cell taken apart, or columns turned into rows."""

from collections.abc import Callable

from ingestion_pipeline.foundation.mapping.batch import Batch
from ingestion_pipeline.foundation.mapping.compiled import Compiler
from ingestion_pipeline.foundation.mapping.refusals import Reason
from ingestion_pipeline.foundation.mapping.words import Explode, Mapped, Unpivot

Spread = Callable[[Batch, dict[int, list[Reason]]], tuple[Batch, list[int]]]


def spread_of(mapped: Mapped, compiler: Compiler) -> Spread | None:
    """What makes several rows of each, and says of which row each is; None: nothing does."""
    if mapped.explode is not None:
        cell = mapped.explode.cell
        return _exploding(mapped.explode, (compiler.called.get(cell, cell),))
    return _unpivoting(mapped.unpivot, compiler) if mapped.unpivot else None


def _exploding(explode: Explode, columns: tuple[str, ...]) -> Spread:
    def reason(line: int, rule: str, value: str = "") -> Reason:
        return Reason(line, explode.cell, rule, value, columns)

    def spread(batch: Batch, reasons: dict[int, list[Reason]]) -> tuple[Batch, list[int]]:
        origin: list[int] = []
        new: dict[str, list[str]] = {name: [] for name in explode.columns}
        for row, cell in enumerate(batch.columns[explode.cell]):
            items = [each for each in cell.split(explode.items) if each.strip()]
            if not items:
                reasons[row].append(reason(batch.lines[row], "holds no items"))
                items = [""]
            for item in items:
                pairs = _pairs(explode, item)
                if isinstance(pairs, str):
                    reasons[row].append(reason(batch.lines[row], pairs, item[:60]))
                    pairs = {}
                origin.append(row)
                for name, column in new.items():
                    column.append(pairs.get(name, ""))
        return _spread(batch, origin, new), origin

    return spread


def _pairs(explode: Explode, item: str) -> dict[str, str] | str:
    """The names and texts of an item, or what is wrong with it."""
    found: dict[str, str] = {}
    for pair in explode.pairs.split(item.strip()) if item.strip() else ():
        name, sign, text = pair.partition(explode.sign)
        if name.strip() not in explode.columns:
            return f"holds {name.strip()!r}, which is none of {', '.join(explode.columns)}"
        if not sign:
            return f"holds {name.strip()!r} without {explode.sign!r}"
        if name.strip() in found:
            return f"holds {name.strip()!r} twice"
        found[name.strip()] = text.strip()
    return found


def _unpivoting(ways: tuple[Unpivot, ...], compiler: Compiler) -> Spread:
    def says_nothing(cell: str) -> bool:
        """Whether a cell is empty, or 0 as this source writes it."""
        return cell == "" or compiler.number[cell] == 0

    def spread(
        batch: Batch,
        reasons: dict[int, list[Reason]],  # noqa: ARG001
    ) -> tuple[Batch, list[int]]:
        origin: list[int] = []
        names = {name for way in ways for name in (*way.columns, *way.texts)}
        new: dict[str, list[str]] = {name: [] for name in names}
        for row in range(batch.size):
            for way in ways:
                cells = {new: batch.columns[name][row] for new, name in way.columns.items()}
                if all(says_nothing(cell) for cell in cells.values()):
                    continue
                origin.append(row)
                for name, column in new.items():
                    column.append(cells.get(name, way.texts.get(name, "")))
        return _spread(batch, origin, new), origin

    return spread


def _spread(batch: Batch, origin: list[int], new: dict[str, list[str]]) -> Batch:
    rows = batch.taken(origin)
    rows.columns |= new
    rows.record_of = [batch.record_of[row] for row in origin]
    seen = -1
    for place, record in enumerate(rows.record_of):
        if record != seen:
            rows.starts.append(place)
            seen = record
    return rows
