"""Metrics are written in batches, and losing them fails nobody."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import metrics
from ingestion_pipeline.foundation.ledger.batched import Batched
from ingestion_pipeline.foundation.ledger.metrics import cache_row
from ingestion_pipeline.foundation.ledger.tables.operations import cache_metrics

AWAY = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"


def _count(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_what_is_noted_is_written(engine: sa.Engine) -> None:
    for _ in range(3):
        metrics.log_cache_metric(engine, service="macro", cache_key="macro_data", outcome="hit")
    metrics.log_api_request(
        engine, service="prediction", request_id="r", route="/predict", status=200, duration_ms=3.5
    )
    metrics.flush()  # or the writer was faster
    assert _count(engine, "cache_metrics") == 3
    assert _count(engine, "api_requests") == 1


def test_what_two_databases_are_told_stays_apart(engine: sa.Engine) -> None:
    """While one is away its rows wait for it, and are not written into the other."""
    away = sa.create_engine(AWAY)
    metrics.log_cache_metric(away, service="macro", cache_key="k", outcome="miss")
    metrics.log_cache_metric(engine, service="macro", cache_key="k", outcome="hit")
    metrics.flush()
    assert _count(engine, "cache_metrics") == 1
    metrics._batched.pop((away, "cache_metrics")).backlog.take()
    away.dispose()


def test_while_the_database_is_away_they_wait(engine: sa.Engine) -> None:
    away = sa.create_engine(AWAY)
    there: list[sa.Engine] = [away]
    batched = Batched(cache_metrics, lambda: there[0])
    batched.add(cache_row(service="macro", cache_key="k", outcome="miss"))
    assert batched.flush() == 0
    there[0] = engine
    assert batched.flush() == 1
    assert batched.backlog.dropped == 0
    away.dispose()


def test_a_row_that_the_database_refuses_is_dropped_and_holds_nothing_up(
    engine: sa.Engine,
) -> None:
    batched = Batched(cache_metrics, lambda: engine)
    batched.add(cache_row(service="macro", cache_key="k", outcome="wrong"))  # type: ignore[arg-type]
    assert (batched.flush(), batched.backlog.dropped) == (0, 1)
    batched.add(cache_row(service="macro", cache_key="k", outcome="miss"))
    assert batched.flush() == 1


def test_where_too_many_wait_the_oldest_are_dropped() -> None:
    batched = Batched(cache_metrics, lambda: sa.create_engine(AWAY))
    for number in range(50_010):
        batched.add({"number": number})
    assert batched.backlog.dropped == 10
    assert [row["number"] for row in batched.backlog.take(50_001)] == list(range(10, 50_010))


def test_a_table_that_is_gone_fails_nobody(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE cache_metrics CASCADE")
    batched = Batched(cache_metrics, lambda: engine)
    batched.add(cache_row(service="macro", cache_key="k", outcome="hit"))
    assert batched.flush() == 0
    batched.backlog.take()


def test_a_retry_counts_and_losing_it_fails_nobody(engine: sa.Engine) -> None:
    metrics.log_retry(engine, service="fred", method="GET")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT api_retry_count()").scalar() == 1
        latency = connection.exec_driver_sql("SELECT api_latency_ms(0.95)").scalar()
    assert latency is None  # it is no request to us
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE api_requests CASCADE")
    metrics.log_retry(engine, service="fred", method="GET")
