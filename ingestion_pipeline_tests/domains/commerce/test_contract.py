"""Which file holds what, by its name."""

import pytest

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, entity_of_file
from ingestion_pipeline.foundation.errors import ContractError


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize(
    "ending", ["ndjson", "jsonl", "csv", "ndjson.gz", "csv.zst", "jsonl.zst", "NDJSON.GZ"]
)
def test_every_entity_comes_in_every_format(entity: str, ending: str) -> None:
    assert entity_of_file(f"{entity}_2024-01.{ending}").name == entity


def test_the_longest_prefix_wins() -> None:
    assert entity_of_file("order_items_1.ndjson").name == "order_items"
    assert entity_of_file("orders_items_1.ndjson").name == "orders"


def test_folders_and_letter_case_do_not_matter() -> None:
    assert entity_of_file("2024/customers_old/ORDERS_1.ndjson").name == "orders"


@pytest.mark.parametrize("name", ["order_1.ndjson", "ordersx.ndjson", "my_orders_1.ndjson", ".csv"])
def test_a_name_that_fits_none_is_refused_naming_the_four(name: str) -> None:
    with pytest.raises(ContractError) as refused:
        entity_of_file(name)
    for entity in ENTITIES:
        assert f"{entity}_" in str(refused.value)
    assert name in str(refused.value)


@pytest.mark.parametrize(
    "name", ["orders_1.txt", "orders_1", "orders_1.gz", "orders_1.csv.bz2", "orders_1.csv.zst.gz"]
)
def test_an_unknown_ending_is_refused_naming_the_known(name: str) -> None:
    with pytest.raises(ContractError, match=r"must end in \.ndjson, \.jsonl, \.json, \.csv"):
        entity_of_file(name)


def test_parents_come_before_children() -> None:
    order = list(ENTITIES)
    for entity in ENTITIES.values():
        for parent in entity.parents.values():
            assert order.index(parent) < order.index(entity.name)
