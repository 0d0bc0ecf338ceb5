"""Many readings in one request: each is answered on its own, exactly once."""

import gzip
import json
from typing import Any

import pytest

from ingestion_pipeline.domains.kpis.contract import batch
from ingestion_pipeline.domains.kpis.contract.batch import (
    MOST_BYTES,
    MOST_READINGS,
    Sent,
    TooLargeError,
    TooManyError,
    decoded,
)
from ingestion_pipeline_tests.domains.kpis.builders import NOW, body, execute, rows
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

PATH = "/api/kpi-data"
NDJSON = {"Content-Type": "application/x-ndjson"}
MOST_ONE = 1024 * 1024


def readings(number: int, **more: Any) -> list[dict[str, Any]]:
    return [
        body(kpi=f"k{n % 7}", at=f"2026-03-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z",
             value=float(n), **more)
        for n in range(number)
    ]  # fmt: skip


def lines(bodies: list[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in bodies)


def stored(gateway: RunningGateway, sender: Sender) -> int:
    count = "SELECT count(*) FROM kpi_points WHERE tenant_id = :tenant_id"
    [(number,)] = rows(gateway.engine, count, tenant_id=sender.tenant_id)
    return int(number)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("form", ["array", "ndjson", "ndjson that nobody announced"])
def test_history_comes_in_one_request_and_once(
    sender: Sender, gateway: RunningGateway, form: str, packed: bool
) -> None:
    bodies = readings(1200)
    content = json.dumps(bodies).encode() if form == "array" else lines(bodies)
    headers = NDJSON if form == "ndjson" else {}
    if packed:
        content = gzip.compress(content)
        headers = {**headers, "Content-Encoding": "gzip"}
    first = sender.http.post(PATH, content=content, headers=headers)
    assert first.status_code == 202
    assert first.json()["counts"] == {
        "new": 1200, "corrected": 0, "duplicates": 0, "conflicts": 0, "refused": 0,
    }  # fmt: skip
    again = sender.http.post(PATH, content=content, headers=headers)
    assert (again.status_code, again.json()["counts"]["duplicates"]) == (200, 1200)
    assert stored(gateway, sender) == 1200


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_one_bad_reading_costs_only_itself(
    sender: Sender, gateway: RunningGateway, form: str
) -> None:
    good = readings(5)
    sent: list[Any] = [
        good[0], {**good[1], "data": {"value": "1,234.5", "n": 2}}, good[2], 7, good[0],
        {**good[0], "data": {"value": 99}}, {**good[0], "data": {"value": 99}, "correct": True},
        {"traceId": "m", "timestamp": good[4]["timestamp"], "kpiType": "x", "kpiIds": ["a", "b"],
         "data": {"a": 1}},
    ]  # fmt: skip
    if form == "array":
        answered = sender.http.post(PATH, json=sent)
        place = [{"index": n} for n in range(8)]
    else:
        content = lines(sent).replace(b"\n7\n", b"\n\n{broken\r\n")
        answered = sender.http.post(PATH, content=content, headers=NDJSON)
        place = [{"line": n} for n in (1, 2, 3, 5, 6, 7, 8, 9)]
    assert answered.status_code == 202
    document = answered.json()
    results = document["results"]
    assert [{name: each[name] for name in at} for each, at in zip(results, place, strict=True)] == (
        place
    )
    assert [each["status"] for each in results] == [
        "success", "error", "success", "error", "duplicate", "duplicate", "success", "partial",
    ]  # fmt: skip
    assert results[1]["errors"][0]["field"] == "data.value"
    assert (results[1]["traceId"], results[1]["kpiId"]) == ("trace-1", "k1")
    assert results[5]["conflict"] is True
    assert (results[6]["corrected"], results[6]["previousValue"]) == (True, 0.0)
    assert [each["status"] for each in results[7]["results"]] == ["success", "missing"]
    assert document["status"] == "partial"
    assert document["counts"] == {
        "new": 3, "corrected": 1, "duplicates": 2, "conflicts": 1, "refused": 3,
    }  # fmt: skip
    assert stored(gateway, sender) == 3


@pytest.mark.parametrize("number", ["1e400", "-1e999", "1" + "0" * 400, str(2**53 + 1)])
def test_a_number_that_no_double_holds_costs_its_reading_and_names_the_field(
    sender: Sender, gateway: RunningGateway, number: str
) -> None:
    good, bad = (json.dumps(each) for each in readings(2))
    bad = bad.replace("1.0", number)
    alone = sender.http.post(PATH, content=bad.encode())
    assert alone.status_code == 422
    assert "data.value" in {fault["field"] for fault in alone.json()["errors"]}
    for content in (f"[{good}, {bad}]", f"{good}\n{bad}\n"):
        both = sender.http.post(PATH, content=content.encode())
        assert [each["status"] for each in both.json()["results"]][1] == "error"
    assert stored(gateway, sender) == 1


@pytest.mark.parametrize("odd", ["NaN", "-Infinity", "Infinity"])
def test_a_number_that_only_python_writes_refused_all_readings_of_its_array(odd: str) -> None:
    note = {"note": '"NaN, -Infinity'}
    good, bad = (json.dumps(each) for each in readings(2, metadata=note))
    content = f"[{good},{bad.replace('1.0', odd)},{good}]".encode()
    sent = decoded(content, ndjson=False, most=MOST_ONE)
    found = [batch.parsed(each, tenant_id=1, now=NOW) for each in sent]
    assert [isinstance(each, batch.Refused) for each in found] == [False, True, False]
    assert isinstance(found[1], batch.Refused)
    assert "data.value" in {fault.field for fault in found[1].faults}
    assert sent[0].body["metadata"] == sent[1].body["metadata"]


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\\\ud83d", r"\ud800\ud83d\ude00"])
@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_half_a_surrogate_pair_refused_all_readings_of_its_array(half: str, form: str) -> None:
    good, bad, named = (json.dumps(each) for each in readings(3))
    texts = [good, bad.replace('"kpiType": "', f'"kpiType": "{half}'),
             named.replace('"value":', f'"{half}": 1, "value":'), good]  # fmt: skip
    content = f"[{','.join(texts)}]" if form == "array" else "\n".join(texts)
    sent = decoded(content.encode(), ndjson=form == "ndjson", most=MOST_ONE)
    found = [batch.parsed(each, tenant_id=1, now=NOW) for each in sent]
    assert [isinstance(each, batch.Refused) for each in found] == [False, True, True, False]
    for each in found[1:3]:
        assert isinstance(each, batch.Refused)
        assert "half a surrogate pair" in each.message


@pytest.mark.parametrize("number", ["9007199254740993.0", "9.007199254740993e15"])
def test_beside_a_number_beyond_all_doubles_another_was_rounded(number: str) -> None:
    text = f'{{"data":{{"a":1e400,"value":{number}}}}}'.encode()
    for content in (text, b"[" + text + b"]"):
        found = decoded(content, ndjson=False, most=MOST_ONE)
        body = found[0].body if isinstance(found, list) else found
        assert body == {"data": {"a": float("inf"), "value": 2**53 + 1}}


def test_nothing_usable_is_no_success(sender: Sender, gateway: RunningGateway) -> None:
    answered = sender.http.post(PATH, json=[3, {}])
    assert (answered.status_code, answered.json()["status"]) == (422, "error")
    assert len(answered.json()["results"]) == 2
    assert answered.json()["errors"][0]["field"].startswith("results[0].")
    assert stored(gateway, sender) == 0


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"[]", {}, 422), (b"", NDJSON, 422), (b"\n \n", NDJSON, 422), (b"[{}", {}, 400),
        (b'{"a": 1\n{"b": 2}', {}, 400), (b'[1]\n[2]', {}, 400),
        (gzip.compress(b"[]", mtime=0)[:-5], {}, 400), (b"x", {"Content-Encoding": "gzip"}, 415),
        (b"[]", {"Content-Encoding": "br"}, 415),
    ],
)  # fmt: skip
def test_what_holds_no_reading_is_refused(
    sender: Sender, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert sender.http.post(PATH, content=content, headers=headers).status_code == status


def test_the_first_bytes_say_whether_it_is_gzip(sender: Sender, gateway: RunningGateway) -> None:
    one = json.dumps(readings(1)[0]).encode()
    assert sender.http.post(PATH, content=gzip.compress(one)).status_code == 202
    undone = sender.http.post(PATH, content=one, headers={"Content-Encoding": "gzip"})
    assert undone.json()["status"] == "duplicate"
    members = gzip.compress(b"[" + one + b",") + gzip.compress(one + b"]")
    assert sender.http.post(PATH, content=members).json()["counts"]["duplicates"] == 2
    assert stored(gateway, sender) == 1


def test_more_than_the_limits_is_refused_whole(sender: Sender, gateway: RunningGateway) -> None:
    many = [{"traceId": "t"}] * (MOST_READINGS + 1)
    kpis = [{**body(), "kpiIds": [f"k{n}" for n in range(5000)]}] * 3
    for sent in (many, kpis):
        answered = sender.http.post(PATH, json=sent)
        assert answered.status_code == 413
        assert str(MOST_READINGS) in answered.json()["message"]
    bomb = gzip.compress(b"[" + b" " * (MOST_BYTES + 1) + b"]")
    assert len(bomb) < 20_000
    assert sender.http.post(PATH, content=bomb).status_code == 413
    big = b"[" + b" " * MOST_BYTES + b"]"
    assert sender.http.post(PATH, content=big).status_code == 413
    lonely = json.dumps({**body(), "metadata": {"x": "y" * (1 << 20)}}).encode()
    assert sender.http.post(PATH, content=lonely).status_code == 413
    assert sender.http.post(PATH, content=gzip.compress(lonely)).status_code == 413
    assert stored(gateway, sender) == 0


def test_a_megabyte_and_more_is_taken_of_an_array_only_with_a_key(sender: Sender) -> None:
    padded = b"[" + b" " * (2 << 20) + json.dumps(body(at="2026-03-10T12:00:00Z")).encode() + b"]"
    assert sender.http.post(PATH, content=padded).status_code == 202
    assert sender.http.post(PATH, content=padded, headers={"X-API-Key": "x"}).status_code == 401


def test_what_the_database_cannot_keep_costs_only_itself(
    sender: Sender, gateway: RunningGateway
) -> None:
    good = readings(3)
    refuse = "ALTER TABLE kpi_updates ADD CONSTRAINT no_k1 CHECK (kpi_id <> 'k1') NOT VALID"
    execute(gateway.engine, refuse)
    answered = sender.http.post(PATH, json=good)
    assert [each["status"] for each in answered.json()["results"]] == [
        "success", "error", "success",
    ]  # fmt: skip
    execute(gateway.engine, "ALTER TABLE kpi_updates DROP CONSTRAINT no_k1")
    assert stored(gateway, sender) == 2


@pytest.mark.parametrize("ndjson", [True, False])
def test_lines_end_with_cr_too_and_may_begin_with_a_mark(ndjson: bool) -> None:
    mark = b"\xef\xbb\xbf"
    content = mark + b'{"a":1}\r{"a":2}\r\n' + mark + b'{"a":3}\n\x1e{"a":4}\r\r\n'
    content += b'{"a":9007199254740993.0}'
    found = decoded(content, ndjson=ndjson, most=MOST_ONE)
    assert found == [
        Sent({"line": 1}, {"a": 1}), Sent({"line": 2}, {"a": 2}), Sent({"line": 3}, {"a": 3}),
        Sent({"line": 4}, {"a": 4}), Sent({"line": 6}, {"a": 2**53 + 1}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "ndjson", "error"),
    [
        (b"[" + b"[]," * 2_700_000 + b"[]]", False, TooManyError),
        (b"[" + b"1," * 4_000_000 + b"1]", False, TooManyError),
        (b"\n" * MOST_BYTES, True, TooManyError),
        (b"\r" * MOST_BYTES, True, TooManyError),
        (b'{"a":[' + b"[]," * 2_700_000 + b"[]]}", False, TooLargeError),
        (b'{"a":[' + b"[]," * 2_700_000 + b"[]]}\n{}", False, TooLargeError),
    ],
    ids=["arrays", "numbers", "lines", "returns", "one", "first of several"],
)
def test_eight_thousand_bytes_of_gzip_held_everybody_up_for_eighteen_seconds(
    content: bytes, ndjson: bool, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded_bytes: list[int] = []

    def parse(text: bytes) -> Any:
        decoded_bytes.append(len(text))
        return json.loads(text)

    monkeypatch.setattr(batch, "parse", parse)
    with pytest.raises(error):
        decoded(content, ndjson=ndjson, most=MOST_ONE)
    assert decoded_bytes == []


def test_a_reading_among_many_was_decoded_however_large() -> None:
    large = b'{"a":"' + b"x" * MOST_ONE + b'"}'
    for content, ndjson in ((b"[{}," + large + b"]", False), (b"{}\n" + large, True)):
        first, second = decoded(content, ndjson=ndjson, most=MOST_ONE)
        assert (first.fault, second.fault) == (None, f"must be at most {MOST_ONE} bytes")


def test_a_small_bomb_is_refused_over_http(sender: Sender, gateway: RunningGateway) -> None:
    bomb = gzip.compress(b"[" + b"[]," * 2_700_000 + b"[]]")
    refused = sender.http.post(PATH, content=bomb, headers={"Content-Encoding": "gzip"})
    assert refused.status_code == 413


def test_gzip_that_a_proxy_has_packed_again_is_read(sender: Sender) -> None:
    bodies = readings(2)
    twice = gzip.compress(gzip.compress(b"\xef\xbb\xbf" * 2 + json.dumps(bodies).encode()))
    answer = sender.http.post(PATH, content=twice, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 202, answer.text
    bomb = gzip.compress(gzip.compress(b"[" + b" " * (MOST_BYTES + 1)))
    assert sender.http.post(PATH, content=bomb).status_code == 413
