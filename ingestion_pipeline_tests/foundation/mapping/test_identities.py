"""Ids are UUIDs of version 5, as everybody's library makes them."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.mapping.batch import Batch
from ingestion_pipeline.foundation.mapping.identities import Ids, identity_maker
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Column, Identity

SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "acme/shop")


def ids(rows: list[tuple[object, ...]], *, occurrence: bool = False) -> list[object]:
    width = len(rows[0])
    identity = Identity("kind", (Column("?"),) * width, occurrence=occurrence)
    columns = [[row[place] for row in rows] for place in range(width)]
    parts = [lambda _, column=column: column for column in columns]
    make = identity_maker(identity, parts, Ids(SPACE))  # type: ignore[arg-type]
    return list(make(Batch({}, [0] * len(rows), [""] * len(rows))))


@given(st.uuids(), st.text())
def test_an_id_is_that_of_the_library(space: uuid.UUID, name: str) -> None:
    assert Ids(space).of([name]) == [str(uuid.uuid5(space, name))]


def test_an_id_is_made_of_kind_and_parts_and_of_a_number_where_rows_are_told_apart() -> None:
    one, two = (str(uuid.uuid5(SPACE, f"kind\x1fa\x1fb{end}")) for end in ("", "\x1f2"))
    assert ids([("a", "b"), (" a", "b ")]) == [one, one]
    assert ids([("a", "b"), ("a", "b")], occurrence=True)[1] == two


def test_a_part_that_is_refused_refuses_its_own_row() -> None:
    refused = Refusal("is none of a, b", "c")
    made = ids([("a", "b"), ("a", refused), (Refusal("first"), refused), ("", "")], occurrence=True)
    assert made[0] == str(uuid.uuid5(SPACE, "kind\x1fa\x1fb\x1f1"))
    assert made[1:3] == [refused, Refusal("first")]
    assert made[3] == Refusal("has nothing to make an id of")


def test_a_number_that_a_spreadsheet_has_shortened_makes_no_id() -> None:
    [made] = ids([("1.23457E+12",)])
    assert isinstance(made, Refusal)
    assert "a spreadsheet has shortened this number" in made.rule


def test_ids_of_many_names_are_each_its_own_also_when_they_come_again() -> None:
    names = [f"name {number % 130_000}" for number in range(150_000)]
    made, expected = Ids(SPACE), [str(uuid.uuid5(SPACE, name)) for name in names[::10_000]]
    assert made.of(names)[::10_000] == expected
    assert made.of(names)[::10_000] == expected
    assert made.of([]) == []
