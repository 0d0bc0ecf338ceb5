"""Each shipped mapping over its samples: counts, records, and sums to the cent."""

import io
import re
from decimal import Decimal

import pytest

from ingestion_pipeline.foundation.intake.formats import open_table
from ingestion_pipeline.foundation.intake.looking import look_at
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.mappings.expected import EXPECTED, Expected
from ingestion_pipeline_tests.mappings.samples import (
    NAMES,
    SAMPLES,
    SHIPPED,
    came_of,
    sample,
    shipped,
)

DOCS = SHIPPED.parents[1] / "docs" / "sources"
IDS = [each.file for each in EXPECTED]


def mapping_of(file: str) -> str:
    return file.partition(".")[0]


@pytest.mark.parametrize("expected", EXPECTED, ids=IDS)
def test_a_sample_comes_to_what_it_says_of_itself(expected: Expected) -> None:
    mapped = shipped(mapping_of(expected.file))
    looked = look_at(mapped, SAMPLES / expected.file, most=20)
    assert looked.rejected == []
    assert looked.counts.made == expected.made
    assert looked.counts.skipped == expected.skipped
    assert looked.counts.footer == expected.footer
    sums = {" ".join(by): amount for by, amount in looked.sums.items()}
    assert sums == {name: Decimal(amount) for name, amount in expected.sums.items()}
    assert looked.warned == expected.warned, looked.warnings


@pytest.mark.parametrize("expected", EXPECTED, ids=IDS)
def test_a_sample_read_twice_is_the_same_records(expected: Expected) -> None:
    name, content = mapping_of(expected.file), sample(expected.file)
    once, twice = came_of(name, content), came_of(name, content, content)
    assert once.made == twice.made
    different = {type_: len(records) for type_, records in once.made.items()}
    labels = {label.partition("/")[0] for label in expected.made}
    assert set(different) == labels
    for type_, number in expected.different.items():
        assert different[type_] == number
    other = came_of(name, content, tenant="globex")
    for type_ in labels - {"sales_events"}:
        if not mapped_ids_are_given(name):
            assert not set(other.made[type_]) & set(once.made[type_])


def mapped_ids_are_given(name: str) -> bool:
    """Olist's ids are UUIDs as they are."""
    return name.startswith("olist_")


@pytest.mark.parametrize("expected", EXPECTED, ids=IDS)
def test_orders_and_lines_have_their_parents(expected: Expected) -> None:
    made = came_of(mapping_of(expected.file), sample(expected.file)).made
    if {"orders", "order_items"} <= set(made):
        for order in made["orders"].values():
            assert order["customer_id"] in made["customers"]
        for line in made["order_items"].values():
            assert line["order_id"] in made["orders"]
            assert line["product_id"] in made["products"]


def test_every_mapping_has_samples_and_a_page_and_says_by_what_a_file_is_known() -> None:
    overview = (DOCS / "README.md").read_text()
    assert {mapping_of(each.file) for each in EXPECTED} == set(NAMES)
    assert {path.name for path in SAMPLES.iterdir()} == set(IDS)
    for name in NAMES:
        assert (DOCS / f"{name}.md").is_file(), name
        assert f"({name}.md)" in overview
        assert shipped(name).header, name
    pages = {path.stem for path in DOCS.glob("*.md")} - {"README"}
    assert pages == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_what_is_passed_over(name: str) -> None:
    page = " ".join((DOCS / f"{name}.md").read_text().split())
    for reason in shipped(name).skip:
        assert reason in page, reason
    for check in shipped(name).checks:
        assert check.name in page, check.name


PERSONAL = re.compile(r"street|address|phone|zip|city|token|password|note\b|card", re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES)
def test_no_address_phone_or_secret_is_kept(name: str) -> None:
    """What is read only to make an id or a key of it is not kept."""
    mapped = shipped(name)
    for emit in mapped.emits:
        for field, value in emit.fields:
            if field.kind == "object":
                columns = [each.name for each in value.values]  # type: ignore[union-attr]
                assert [each for each in columns if PERSONAL.search(each)] == []


@pytest.mark.parametrize("expected", EXPECTED, ids=IDS)
def test_what_is_no_column_of_the_mapping_is_nowhere_in_the_records(expected: Expected) -> None:
    made = came_of(mapping_of(expected.file), sample(expected.file)).made
    kept = str(made)
    for text in ("1 Example Road", "01234", "ring twice", "0:3:"):
        assert text not in kept


@pytest.mark.parametrize("expected", EXPECTED, ids=IDS)
def test_the_mapping_knows_its_sample_by_its_header(expected: Expected) -> None:
    mapped = shipped(mapping_of(expected.file))
    content = sample(expected.file)
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    for name in mapped.header:
        known = (name, *mapped.names.get(name, ()))
        assert any(each in text.replace('""', '"') for each in known), name


def test_samples_are_small() -> None:
    assert all(path.stat().st_size < 8_000 for path in SAMPLES.iterdir())


def test_the_charter_names_each_mapping() -> None:
    charter = (SHIPPED / "__init__.py").read_text()
    assert set(re.findall(r"^(\w+)\.yaml", charter, re.MULTILINE)) == set(NAMES)


ALIKE = {"ebay_orders", "ebay_orders_comma"}  # the same columns; numbers tell them apart


@pytest.mark.parametrize("name", NAMES)
def test_the_file_of_another_platform_is_not_read(name: str) -> None:
    for expected in EXPECTED:
        own = mapping_of(expected.file)
        if name != own and {name, own} != ALIKE:
            with pytest.raises((WrongFileError, MappingError)):
                open_table(io.BytesIO(sample(expected.file)), shipped(name), expected.file)


def test_amounts_of_the_other_notation_are_refused() -> None:
    for file in ("ebay_orders.1.csv", "ebay_orders.2.csv"):
        assert came_of("ebay_orders_comma", sample(file)).made["orders"] == {}
