"""The UUID of a job is its number in another spelling, in Python and in SQL alike."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.job_ids import job_id_of, uuid_of

NUMBERS = st.integers(min_value=1, max_value=2**62 - 1)


@given(NUMBERS)
def test_a_uuid_names_its_job_and_no_other(number: int) -> None:
    named = uuid_of(number)
    assert (named.version, named.variant) == (8, "specified in RFC 4122")
    for spelling in (str(named), str(named).upper(), named.hex):
        assert job_id_of(spelling) == number


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "+1", "1.0", "１２", "9" * 19, "../1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
     "696e676a-6f62-7000-8000-00000000002a", "696e676a-6f62-8000-4000-00000000002a"],
)  # fmt: skip
def test_what_is_no_jobs_names_none(text: str) -> None:
    assert job_id_of(text) is None


def test_a_number_that_was_told_before_names_its_job() -> None:
    assert job_id_of("42") == 42


def test_sql_and_python_say_the_same_and_an_index_finds_it(engine: sa.Engine) -> None:
    numbers = [1, 42, 2**48, 2**62 - 1]
    with engine.begin() as connection:
        for number in numbers:
            assert connection.scalar(sa.select(sa.func.job_uuid(number))) == uuid_of(number)
        job_id = jobs.enqueue(
            connection, kind="book_sales.import.gumroad", payload={}, max_attempts=1
        )
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for view, column in (("ingestion_jobs", "id"), ("ingestion_attempts", "job_id")):
            query = f"SELECT * FROM {view} WHERE {column} = '{uuid_of(job_id)}'"
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())
            assert "_uuid_idx" in plan, plan
        [row] = connection.exec_driver_sql("SELECT id, job_id FROM ingestion_jobs").all()
    assert row == (uuid_of(job_id), job_id)
