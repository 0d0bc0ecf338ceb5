"""The collector of cycles is held while an item is made, and for nothing else."""

import gc
from collections.abc import Iterator

import pytest

from ingestion_pipeline.foundation.uncollected import uncollected


def asked() -> Iterator[bool]:
    yield gc.isenabled()
    yield gc.isenabled()


def broken() -> Iterator[bool]:
    yield gc.isenabled()
    raise ValueError("the second")


def test_the_collector_is_held_while_an_item_is_made_and_not_while_it_is_used() -> None:
    assert [(made, gc.isenabled()) for made in uncollected(asked())] == [(False, True)] * 2
    assert gc.isenabled()


def test_who_fails_or_goes_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(ValueError, match="the second"):
        list(uncollected(broken()))
    assert gc.isenabled()
    half = uncollected(asked())
    next(half)
    del half
    assert gc.isenabled()


def test_who_has_turned_the_collector_off_keeps_it_off() -> None:
    gc.disable()
    try:
        list(uncollected(asked()))
        assert not gc.isenabled()
    finally:
        gc.enable()
