"""What Prometheus is told, as Prometheus' own parser reads it."""

from prometheus_client.parser import text_string_to_metric_families

from ingestion_pipeline.gateway.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_and_their_durations_fall_into_buckets_that_add_up() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.005, 0.3, 100.0):
        metrics.observe(method="POST", route="/a", status=202, seconds=seconds)
    metrics.observe(method="GET", route="/a", status=404, seconds=0.001)
    metrics.in_progress, metrics.log_dropped = 2, 7
    told = samples(metrics)
    assert told["ingestion_requests_total['/a', '202', 'POST']"] == 4
    assert told["ingestion_requests_total['/a', '404', 'GET']"] == 1
    assert told["ingestion_request_seconds_bucket['/a', '0.005']"] == 3  # a bound is within
    assert told["ingestion_request_seconds_bucket['/a', '0.25']"] == 3
    assert told["ingestion_request_seconds_bucket['/a', '0.5']"] == 4
    assert told["ingestion_request_seconds_bucket['/a', '60.0']"] == 4
    assert told["ingestion_request_seconds_bucket['+Inf', '/a']"] == 5
    assert told["ingestion_request_seconds_count['/a']"] == 5
    assert round(told["ingestion_request_seconds_sum['/a']"], 3) == 100.307
    assert told["ingestion_requests_in_progress[]"] == 2
    assert told["ingestion_request_log_dropped[]"] == 7
