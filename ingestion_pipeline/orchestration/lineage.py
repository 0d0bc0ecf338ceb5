"""Where each column of an asset comes from, said once an asset.

The open-source UI keeps `dagster/column_lineage` and does not show it, so descriptions of columns
say it, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import sqlalchemy as sa


@dataclass(frozen=True)
class Origin:
    """The table that a table's rows are made of.

    A column that both have comes from the parent's column of its name, unless it is named here;
    every other one has to be named here: nothing is left to be guessed.

    Attributes:
        asset: the parent.
        table: the parent's.
        made: by column, the parent's columns that it is made of.
        own: columns that no column of the parent is in: numbers, times of writing.
    """

    asset: dg.AssetKey
    table: sa.Table
    made: Mapping[str, Sequence[str]] = field(default_factory=dict)
    own: Collection[str] = ()

    def of(self, table: sa.Table) -> dict[str, tuple[str, ...]]:
        """The parent's columns that each column of a table comes from; `own` ones are left out.

        Raises:
            ValueError: a column is not accounted for, or a name is no column.
        """
        names, parents = table.columns.keys(), self.table.columns.keys()
        named = {*self.made, *self.own}
        same = [name for name in names if name in parents and name not in named]
        faults = [
            *(f"{table.name}.{name} comes from nowhere" for name in names
              if name not in named and name not in same),
            *(f"{table.name} has no column {name}" for name in sorted(named - {*names})),
            *(f"{self.table.name} has no column {name}" for of in self.made.values() for name in of
              if name not in parents),
            *(f"{table.name}.{name} is made and own" for name in self.own if name in self.made),
        ]  # fmt: skip
        if faults:
            raise ValueError("; ".join(faults))
        made = {name: tuple(of) for name, of in self.made.items()}
        return {name: made.get(name) or (name,) for name in names if name not in self.own}

    def lineage(self, table: sa.Table) -> dg.TableColumnLineage:
        """The same as Dagster has it."""
        return dg.TableColumnLineage(
            {
                name: [dg.TableColumnDep(self.asset, each) for each in of]
                for name, of in self.of(table).items()
            }
        )

    def said(self, table: sa.Table) -> dict[str, str]:
        """The same in words, by column."""
        parent = self.asset.to_user_string()
        return {name: f"from {parent}.{', '.join(of)}" for name, of in self.of(table).items()}
