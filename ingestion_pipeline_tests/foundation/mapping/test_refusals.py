"""How a reason is told."""

from ingestion_pipeline.foundation.mapping.refusals import Reason


def test_what_is_of_the_whole_file_is_of_no_line() -> None:
    """It was told of line 0."""
    assert str(Reason(0, "check", "a: 1 is not 2")) == "the whole file: check a: 1 is not 2"
    assert str(Reason(3, "amount", "is not a number", "x")) == "line 3: amount is not a number [x]"
