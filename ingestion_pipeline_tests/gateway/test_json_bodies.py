"""A key that is there twice had lost one of its values without a word."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.gateway.json_bodies import RepeatedKeyError, decode, why_no_json
from ingestion_pipeline_tests.gateway.running import Sender

TWICE = {
    "at the top": (b'{"name":"First","name":"Second"}', "name"),
    "the same value": (b'{"a":1,"a":1}', "a"),
    "deep down": (b'{"a":[{"b":{"c":1,"d":2,"c":3}}]}', "c"),
    "one of them escaped": (b'{"a":1,"\\u0061":2}', "a"),
    "with a colon that hides as an escape": (b'{"x":"\\u003a","a":1,"a":2}', "a"),
    "in a value that is passed over": (b'{"a":{"b":1,"b":2},"c":1}', "b"),
    "white space between": (b'{"a" :1,\n "a"\t: 2}', "a"),
    "empty": (b'{"":1,"":2}', ""),
}
ONCE = [
    b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    b'{"A":1,"a":2}',
    b'{"url":"https://x.example/?a=1:2","t":"10:30:00"}',
    b'{"a":"\\u003a\\u003A","b:c":":"}',
    b'{"a":"\\"b\\":1","b":2}',
    b'{"a":123456789012345678901234567890,"b":1e-400}',
    b'[[],{},":",null]',
]

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text('a:"\\{},', max_size=4)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:", max_size=2), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(("text", "key"), TWICE.values(), ids=TWICE)
def test_a_repeated_key_is_refused_by_its_name(text: bytes, key: str) -> None:
    with pytest.raises(RepeatedKeyError) as refused:
        decode(text)
    assert [fault.field for fault in refused.value.errors] == [key]


@pytest.mark.parametrize("text", ONCE)
def test_keys_of_different_objects_are_no_repetition(text: bytes) -> None:
    assert decode(text) == msgspec.json.decode(text)


@given(documents)
def test_whatever_has_no_key_twice_is_decoded(document: Any) -> None:
    assert decode(json.dumps(document).encode()) == document
    assert decode(json.dumps(document, ensure_ascii=False, indent=1).encode()) == document


@given(documents, documents, documents)
def test_whatever_has_a_key_twice_is_refused(first: Any, second: Any, beside: Any) -> None:
    texts = [json.dumps(each) for each in (beside, first, second)]
    text = '[{{"x":{},"k":{},"k":{}}}]'.format(*texts)
    with pytest.raises(RepeatedKeyError):
        decode(text.encode())


READING = (
    '{"traceId":"t","kpiId":"k","timestamp":"2026-01-01T00:00:00Z","kpiType":"x",'
    '"data":{"value":%s}}'
)


def test_a_body_with_a_key_twice_is_refused_at_the_door(sender: Sender) -> None:
    body = READING % '1,"value":2'
    refused = sender.http.post("/api/kpi-data", content=body)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "value", "message": "is there twice in one JSON object"}
    ]
    job = sender.http.post("/api/ledger/jobs", content='{"source":"a","source":"b"}')
    assert job.json()["errors"][0]["message"] == "is there twice in one JSON object"


def test_one_reading_of_several_with_a_key_twice_costs_only_itself(sender: Sender) -> None:
    good, bad = READING % "1", READING % '1,"value":2'
    for content, media_type in (
        (f"[{bad},{good}]", "application/json"),
        (f"{bad}\n{good}\n", "application/x-ndjson"),
    ):
        answer = sender.http.post(
            "/api/kpi-data", content=content, headers={"Content-Type": media_type}
        )
        results = answer.json()["results"]
        assert [each["status"] == "error" for each in results] == [True, False], results
        assert "value: is there twice" in json.dumps(results[0])


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"9007199254740993.0", 2**53 + 1), (b"-9007199254740993.000", -(2**53) - 1),
     (b"9007199254740992.0", 2.0**53), (b"1e23", 1e23), (b"12.0", 12.0), (b"0.1", 0.1),
     (b"9.007199254740993e15", 2**53 + 1), (b"9007199254740993E0", 2**53 + 1),
     (b"90071992547409930e-1", 2**53 + 1), (b"9007199254740992.5", 2.0**53),
     (b"1.0000000000000001e+25", 1e25)],  # as %.17g writes 1e25
)  # fmt: skip
def test_a_whole_number_is_not_rounded_because_of_how_it_is_written(
    text: bytes, number: float
) -> None:
    assert decode(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_double_a_program_writes_stays_that_double(double: float) -> None:
    for text in (repr(double), f"{double:.16e}", json.dumps(double)):
        assert decode(text.encode()) == double


@pytest.mark.parametrize(
    ("text", "half"),
    [(rb'"\ud800"', True), (rb'"\ud800\u0041"', True), (rb'"x\udc00"', True),
     (rb'"\\\uD8FF"', True), (rb'"\ud83d\ude00" x', False), (rb'"\\ud800', False),
     (rb'"\\\ud83d\ude00', False)],
)  # fmt: skip
def test_half_a_surrogate_pair_was_called_input_that_is_truncated(text: bytes, half: bool) -> None:
    with pytest.raises(msgspec.DecodeError) as refused:
        decode(text)
    assert ("half a surrogate pair" in why_no_json(text, refused.value)) is half


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"9" * 5_000 + b".0"])
def test_a_number_that_no_double_comes_near_is_no_json(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(text)
