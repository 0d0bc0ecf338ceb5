"""Blank cells filled with what stood above them, as the mapping's `fill` says: the currency of a
settlement stands in its first row only, and its orders are records of their own."""

from collections.abc import Callable

from ingestion_pipeline.foundation.mapping.words import Fill

Filler = Callable[[dict[str, list[str]]], None]


def filler_of(fill: Fill | None) -> Filler | None:
    """What fills the columns of the parts of a file, in their order; None: nothing is filled."""
    if fill is None:
        return None
    above: dict[str, str] = {}
    stands_in: list[tuple[str, ...]] = [()]

    def do(columns: dict[str, list[str]]) -> None:
        places = zip(*(columns[name] for name in fill.within), strict=True)
        for row, place in enumerate(places):
            if place != stands_in[0]:
                stands_in[0] = place
                above.clear()
            for name in fill.columns:
                if cell := columns[name][row]:
                    above[name] = cell
                else:
                    columns[name][row] = above.get(name, "")

    return do
