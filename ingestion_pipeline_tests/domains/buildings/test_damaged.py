"""One record's fault costs that record: bytes, half surrogates, controls, nan, double keys."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.sources.ace_iot import damaged
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page, read_page
from ingestion_pipeline.foundation.errors import ContractError

RECORD = b'{"point_name":"%b","timestamp":"2026-11-20T10:00:00Z","value":%b}'
GOOD = RECORD % (b"p2", b"2.0")


def page(*records: bytes, live: bool = False) -> Page:
    if live:
        texts = [each.replace(b"point_name", b"name").replace(b"timestamp", b"time")
                 for each in records]  # fmt: skip
        return read_page(b'{"point_samples":[%b],"has_more":false}' % b",".join(texts))
    end = b'"pagination":{"next_cursor":null,"has_more":false}'
    return read_page(b'{"data":[%b],%b}' % (b",".join(records), end))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (RECORD % (b"AHU \xb0C", b"1"), "is not UTF-8"),
        (RECORD % (b"bad \\ud83d", b"1"), "half of a surrogate pair"),
        (RECORD % (b"\\ude00 bad", b"1"), "half of a surrogate pair"),
        (RECORD % (b"a\tb", b"1"), "control character"),
        (RECORD % (b"a\0b", b"1"), "control character"),
        (RECORD % (b"p1", b"01"), "is not JSON"),
        (RECORD % (b"p1", b"on"), "is not JSON"),
        (RECORD % (b"p1", b'"\xff"'), "is not UTF-8"),
        (RECORD % (b"p1", b'{"value":1}'), "got `object`"),
        (RECORD % (b"p1", b'1,"value":2'), "the key value is there twice"),
        (RECORD % (b"p1", b'1,"v\\u0061lue":2'), "the key value is there twice"),
        (RECORD % (b"p1", b'1,"point_name":"p3"'), "the key point_name is there twice"),
        (RECORD % (b"p1", b'1,"quality":"good","quality":"BAD"'), "there twice"),
        (RECORD % (b"p1", b'1,"metadata":' + b"[" * 5000 + b"]" * 5000), "nested too deeply"),
        (b'{"point_name":"p1","timestamp":"2026-11-20T10:00:00Z"}', "missing required field"),
        (b"7", "got `int`"),
        (b"nan", "got `str`"),
        (b"", "is empty"),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_a_page_of_latin1_lost_the_records_beside_the_bad_one(
    bad: bytes, reason: str, live: bool
) -> None:
    if live and b"quality" in bad:
        return  # the live API has none
    for records in ([bad, GOOD], [GOOD, bad, GOOD]):
        found = page(*records, live=live)
        assert [record.name for record in found.records] == ["p2"] * (len(records) - 1)
        [unusable] = found.unusable
        reason = reason.replace("point_name", "name") if live else reason
        assert reason in unusable.reason
        assert found.fetched == len(records)


@pytest.mark.parametrize(
    "text", ["nan", "-nan", "NaN", "-NaN", "Infinity", "-Infinity", "inf", "1e999", "9" * 400]
)
@pytest.mark.parametrize("live", [False, True])
def test_a_number_that_json_cannot_write_failed_the_page(text: str, live: bool) -> None:
    found = page(RECORD % (b"p1", text.encode()), GOOD, live=live)
    assert [record.value for record in found.records] == [text, 2.0]


def test_a_text_that_looks_like_a_constant_stays_as_it_is() -> None:
    named = RECORD % (b"x: NaN, [1e999]", b'"a, nan"')
    found = page(named, RECORD % (b"p1", b"NaN"))
    assert [(r.name, r.value) for r in found.records] == [
        ("x: NaN, [1e999]", "a, nan"), ("p1", "NaN"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b'{"data":[],"data":[],"pagination":{"has_more":false}}',
        b'{"data":[%b],"data":[%b],"pagination":{"has_more":false}}' % (GOOD, GOOD),
        b'{"data":[%b],"pagination":{"has_more":false,"has_more":true}}' % GOOD,
    ],
)
def test_an_envelope_that_has_a_key_twice_is_refused(content: bytes) -> None:
    with pytest.raises(ContractError, match="is there twice"):
        read_page(content)


def test_records_that_have_more_keys_than_we_know_are_no_damage() -> None:
    extra = GOOD.replace(b'"value"', b'"id":7,"tags":{"unit":"x"},"unit":"kW","value"')
    assert (len(page(extra, extra).records), page(extra).unusable) == (2, [])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["unit", "value", "n", "quality"]),
            st.none() | st.integers() | st.text(max_size=5), max_size=3,
        ) | st.none() | st.text(max_size=5),
        max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_a_page_whose_records_have_no_key_twice_is_whole(
    metadata: list[object], ascii_: bool
) -> None:
    records = [
        {"point_name": 'a"b', "timestamp": "2026-11-20T10:00:00Z", "value": n, "metadata": each}
        for n, each in enumerate(metadata)
    ]
    text = json.dumps({"data": records, "pagination": {"has_more": False}}, ensure_ascii=ascii_)
    found = read_page(text.encode(errors="replace"))
    assert (len(found.records), found.unusable) == (len(records), [])


@given(st.lists(st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
), max_size=6))  # fmt: skip
def test_a_list_is_split_where_its_elements_end(values: list[object]) -> None:
    content = json.dumps({"before": {"data": 1}, "data": values, "after": [1]}).encode()
    rest, elements = damaged.split(content, frozenset({b"data"}))
    assert json.loads(rest) == {"before": {"data": 1}, "data": [], "after": [1]}
    assert elements is not None
    assert [json.loads(each) for each in elements] == json.loads(json.dumps(values))


@pytest.mark.parametrize(
    "content", [b'{"data":[', b'{"data":["]}', b'{"data":[]}]', b'{"data":[{}']
)
def test_brackets_and_quotes_must_match(content: bytes) -> None:
    with pytest.raises(damaged.DamagedError):
        damaged.split(content, frozenset({b"data"}))
