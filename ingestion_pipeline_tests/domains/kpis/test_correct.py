"""A wrong value put right: it replaces the old one everywhere, and the old one stays readable."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.land.corrections import read_point
from ingestion_pipeline.domains.kpis.land.readings import CONFLICT, DUPLICATE, NEW, Accepted
from ingestion_pipeline.domains.kpis.publish.summary import publish_summary
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.kpis.builders import (
    DAY,
    NOW,
    body,
    documents,
    publish_all,
    rows,
    send,
    update,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

INSTANT = "2026-03-10T12:00:00Z"
POINT = f"/api/kpis/btc-price/points/{INSTANT}"


@pytest.fixture
def engine(configured: Settings) -> sa.Engine:
    """The configured database, with a tenant whose documents can be published."""
    engine = database.engine(settings())
    with engine.begin() as connection:
        assert tenants.ensure(connection, "acme") == 1
    return engine


def values(engine: sa.Engine) -> list[float]:
    return [row[0] for row in rows(engine, "SELECT value FROM kpi_points ORDER BY observed_at")]


def history(engine: sa.Engine) -> list[tuple[Any, ...]]:
    return rows(
        engine,
        "SELECT old_value, new_value, trace_id FROM kpi_corrections ORDER BY correction_id",
    )


def test_a_correction_replaces_the_value_and_keeps_the_old_one(engine: sa.Engine) -> None:
    assert send(engine, update(value=2.1)) == [NEW]
    assert send(engine, update(value=1234.5)) == [CONFLICT]
    assert values(engine) == [2.1]
    assert send(engine, update(value=1234.5, trace="fix", correct=True)) == [Accepted(replaced=2.1)]
    assert values(engine) == [1234.5]
    assert history(engine) == [(2.1, 1234.5, "fix")]
    with engine.connect() as connection:
        point = read_point(connection, tenant_id=1, kpi_id="btc-price", observed_at=NOW)
    assert point is not None
    [before] = point["corrections"]
    assert (before["value"], before["data"], before["replacedBy"]) == (2.1, {"value": 2.1}, 1234.5)


def test_a_correction_sent_again_is_a_duplicate_and_no_second_entry(engine: sa.Engine) -> None:
    send(engine, update(value=1.0))
    right = update(value=2.0, correct=True)
    assert send(engine, right) == [Accepted(replaced=1.0)]
    assert send(engine, right, right) == [DUPLICATE, DUPLICATE]
    assert history(engine) == [(1.0, 2.0, "trace-1")]


def test_what_was_corrected_and_sent_again_by_its_first_sender_changes_nothing(
    engine: sa.Engine,
) -> None:
    wrong = update(value=1.0)
    send(engine, wrong)
    send(engine, update(value=2.0, trace="fix", correct=True))
    publish_all(engine)
    assert send(engine, wrong) == [CONFLICT]
    publish_all(engine)
    assert values(engine) == [2.0]
    assert documents()["package:trace-1:btc-price"]["data"] == {"value": 2.0}
    assert rows(engine, "SELECT quality FROM kpi_points") == [("high",)]


def test_a_correction_of_what_nobody_sent_is_a_reading(engine: sa.Engine) -> None:
    assert send(engine, update(value=5.0, correct=True)) == [NEW]
    assert (values(engine), history(engine)) == ([5.0], [])


def test_corrections_within_one_batch_come_one_after_the_other(engine: sa.Engine) -> None:
    results = send(
        engine,
        update(value=1.0), update(value=2.0, trace="b", correct=True),
        update(value=3.0, trace="c", correct=True), update(value=2.0, trace="d"),
        update(value=3.0, trace="e", correct=True),
    )  # fmt: skip
    assert results == [NEW, Accepted(replaced=1.0), Accepted(replaced=2.0), CONFLICT, DUPLICATE]
    assert values(engine) == [3.0]
    assert history(engine) == [(1.0, 2.0, "b"), (2.0, 3.0, "c")]
    assert rows(engine, "SELECT old_data FROM kpi_corrections ORDER BY correction_id") == [
        ({"value": 1.0},), ({"value": 2.0},),
    ]  # fmt: skip
    kept = rows(engine, "SELECT trace_id, value FROM kpi_updates ORDER BY trace_id")
    assert [value for trace, value in kept if trace != "d"] == [3.0] * 4


def test_documents_packages_and_summary_of_the_day_are_made_again(engine: sa.Engine) -> None:
    wrong = update(value="2.1", chart={"url": "u"}, metadata={"source": "n8n"})
    wrong.data["unit"] = "EUR"
    later = update(value=9.0, at=NOW + timedelta(hours=1))
    send(engine, wrong, later)
    publish_all(engine)
    publish_summary(engine, DAY)
    send(engine, update(value=1234.5, trace="fix", correct=True))
    pending = "SELECT count(*) FROM kpi_updates WHERE pending"
    assert rows(engine, pending) == [(2,)]  # the old package, and the new one
    publish_all(engine)
    made = documents()
    assert made["package:trace-1:btc-price"]["timestamp"] == later.timestamp_text.replace(
        "+00:00", "Z"
    )
    assert made["package:fix:btc-price"]["data"] == {"value": 1234.5}
    assert [point["value"] for point in made["timeseries:btc-price"]["dataPoints"]] == [1234.5, 9]
    stored = rows(engine, "SELECT data FROM kpi_updates WHERE trace_id = 'trace-1' ORDER BY 1")
    assert ({"value": 1234.5, "unit": "EUR"},) in stored
    assert rows(engine, "SELECT pending FROM kpi_days") == [(True,)]
    assert publish_summary(engine, DAY)["maximum"].tolist() == [1234.5]
    assert rows(engine, pending) == [(0,)]


def test_the_change_of_the_next_day_follows_what_was_corrected_or_came_late(
    engine: sa.Engine,
) -> None:
    next_day, change = (
        DAY + timedelta(days=3),
        "SELECT change FROM kpi_daily_summary WHERE day = :d",
    )
    send(engine, update(value=1.0), update(at=NOW + timedelta(days=3), value=5.0))
    due = "SELECT day FROM kpi_days WHERE pending ORDER BY day"
    for day in (DAY, next_day):
        publish_all(engine, day)
        publish_summary(engine, day)
    assert (rows(engine, change, d=next_day), rows(engine, due)) == ([(4.0,)], [])
    for sent, moved in (
        (update(value=1.5, correct=True), 3.5),
        (update(at=NOW + timedelta(hours=1), value=2.0), 3.0),
        (update(at=NOW - timedelta(hours=1), value=9.0), None),  # not the last of its day
    ):
        send(engine, sent)
        publish_all(engine)
        publish_summary(engine, DAY)
        assert rows(engine, due) == ([] if moved is None else [(next_day,)])
        if moved is not None:
            publish_summary(engine, next_day)
            assert rows(engine, change, d=next_day) == [(moved,)]
    assert rows(engine, due) == []


def test_a_day_made_anew_keeps_what_was_corrected(engine: sa.Engine) -> None:
    send(engine, update(value=1.0))
    send(engine, update(value=2.0, trace="fix", correct=True))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM kpi_points")
    publish_all(engine, again=True)
    assert values(engine) == [2.0]


def test_two_hundred_senders_of_one_correction_make_one_entry(engine: sa.Engine) -> None:
    send(engine, update(value=1.0))
    with ThreadPoolExecutor(8) as senders:
        results = list(
            senders.map(
                lambda n: send(engine, update(value=2.0, trace=f"fix-{n % 50}", correct=True)),
                range(200),
            )
        )
    assert sorted(each != [DUPLICATE] for each in results) == [False] * 199 + [True]
    assert (values(engine), len(history(engine))) == ([2.0], 1)
    assert rows(engine, "SELECT DISTINCT value FROM kpi_updates") == [(2.0,)]


def test_corrections_and_retries_of_the_same_instants_wait_and_never_in_a_circle(
    engine: sa.Engine,
) -> None:
    instants = [NOW + timedelta(minutes=n) for n in range(20)]
    send(engine, *(update(at=at, value=1.0) for at in instants))

    def work(n: int) -> None:
        order = instants if n % 2 else instants[::-1]
        send(
            engine,
            *(
                update(at=at, value=float(n % 3), trace=f"t{n % 5}", correct=n % 3 == 0)
                for at in order
            ),
        )

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(work, range(60)))
    assert values(engine) == [0.0] * 20
    assert len(history(engine)) == 20


# Over HTTP.


def test_a_wrong_value_is_put_right_over_http(sender: Sender) -> None:
    post = sender.http.post
    assert post("/api/kpi-data", json=body(at=INSTANT, value=2.1)).status_code == 202
    other = post("/api/kpi-data", json=body(at=INSTANT, value=1234.5))
    assert (other.status_code, other.json()["conflict"]) == (200, True)
    right = {**body(at=INSTANT, value=1234.5), "correct": True}
    corrected = post("/api/kpi-data", json=right)
    assert (corrected.status_code, corrected.json()["status"]) == (202, "success")
    assert (corrected.json()["corrected"], corrected.json()["previousValue"]) == (True, 2.1)
    again = post("/api/kpi-data", json=right)
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    series = sender.http.get("/api/kpis/btc-price/timeseries").json()
    assert [point["value"] for point in series["dataPoints"]] == [1234.5]
    package = sender.http.get("/api/kpi-packages/trace-1/btc-price").json()
    assert package["data"] == {"value": 1234.5}
    point = sender.http.get(POINT).json()
    assert [each["value"] for each in point["corrections"]] == [2.1]


@pytest.mark.parametrize("correct", ["true", 1, "yes", []])
def test_correct_is_true_or_false(sender: Sender, correct: Any) -> None:
    answered = sender.http.post("/api/kpi-data", json=body(at=INSTANT, correct=correct))
    assert (answered.status_code, answered.json()["errors"][0]["field"]) == (422, "correct")


def test_a_point_is_put_right_by_its_path(sender: Sender) -> None:
    sender.http.post("/api/kpi-data", json=body(at=INSTANT, value=2.1))
    put = sender.http.put("/api/kpis/btc-price/points/2026-03-10T07:00:00-05:00",
                          json={"value": 1234.5})  # fmt: skip
    assert (put.status_code, put.json()["previousValue"]) == (202, 2.1)
    assert sender.http.put(POINT, json={"data": {"value": 1234.5}}).status_code == 200
    assert sender.http.get(POINT).json()["value"] == 1234.5


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/api/kpis/nobody/points/" + INSTANT, {"value": 1}, 404),
        ("/api/kpis/btc-price/points/2026-03-11T12:00:00Z", {"value": 1}, 404),
        ("/api/kpis/btc-price/points/yesterday", {"value": 1}, 422),
        (POINT, {"value": "1,234.5"}, 422), (POINT, {}, 422), (POINT, [], 422),
        (POINT, {"value": 1, "traceId": "a b"}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_put_right_is_refused(
    sender: Sender, path: str, sent: Any, status: int
) -> None:
    sender.http.post("/api/kpi-data", json=body(at=INSTANT, value=2.1))
    assert sender.http.put(path, json=sent).status_code == status
    assert sender.http.get(POINT).json()["value"] == 2.1


def test_of_several_kpis_each_is_corrected_on_its_own(sender: Sender) -> None:
    sent = {
        "traceId": "multi", "timestamp": INSTANT, "kpiType": "cmc-multi", "kpiIds": ["a", "b"],
        "data": {"a": 1, "b": 2},
    }  # fmt: skip
    sender.http.post("/api/kpi-data", json=sent)
    right = {**sent, "data": {"a": 1, "b": 3}, "correct": True}
    first, second = sender.http.post("/api/kpi-data", json=right).json()["results"]
    assert (first["status"], second["corrected"], second["previousValue"]) == ("duplicate", True, 2)


def test_nobody_corrects_the_points_of_another_tenant(
    sender: Sender, gateway: RunningGateway
) -> None:
    sender.http.post("/api/kpi-data", json=body(at=INSTANT, value=2.1))
    send(gateway.engine, update(999, at=INSTANT, value=7.0, correct=True))
    assert sender.http.get(POINT).json()["value"] == 2.1
