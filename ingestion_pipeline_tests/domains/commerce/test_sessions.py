"""Resumable uploads over real HTTP: chunks of any size, in any order, through breaks and kills."""

import base64
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.contract.declaration import MOST_FILES, Range
from ingestion_pipeline.domains.commerce.land import chunks
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.commerce.builders import LANDED_BYTES
from ingestion_pipeline_tests.domains.commerce.uploading import (
    CUSTOMERS,
    NAME,
    SESSIONS,
    content_of,
    kept,
    kept_chunks,
    open_session,
    post_raw,
    put_chunk,
    sha256,
    status,
    uploads_of,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

LIMIT = 40_000_000
GATEWAY_ENVIRONMENT = {"MAX_UPLOAD_BYTES": str(LIMIT), "BODY_TIMEOUT": "2"}
CONTENT = random.Random(5).randbytes(10_000)


def announce(sender: Sender, *files: dict[str, Any] | object) -> httpx.Response:
    return sender.http.post(SESSIONS, json={"files": list(files)})


def announced(**values: Any) -> dict[str, Any]:
    return {"file_name": NAME, "size": 3, "sha256": sha256(b"abc")} | values


def resume(sender: Sender, token: str) -> dict[str, Any]:
    answer = sender.http.post(f"{SESSIONS}{token}/resume/")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def assert_it_arrived(gateway: RunningGateway, sender: Sender, content: bytes = CONTENT) -> None:
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content
    assert (upload.bytes, upload.sha256) == (len(content), sha256(content))
    assert (upload.status, upload.job_status, upload.source) == ("recorded", "pending", "http")


# --- sessions ----------------------------------------------------------------------------------


def test_a_session_says_what_it_expects(gateway: RunningGateway, sender: Sender) -> None:
    opened = announce(sender, announced(), announced(file_name="orders_1.csv", size=0))
    document = opened.json()
    assert opened.status_code == 201
    assert opened.headers["location"] == f"{SESSIONS}{document['token']}/status/"
    assert len(document["token"]) >= 22  # 128 bits and more
    assert document["files"][0] == {
        "file_name": NAME, "type": "customers", "size": 3, "sha256": sha256(b"abc"),
        "bytes_received": 0, "received": [], "missing": [[0, 2]], "upload_id": None,
        "upload": None,
    }  # fmt: skip
    assert document["files"][1]["missing"] == []
    assert "T" in document["expires_at"]


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"files": None}, {"files": []}, {"files": {}}, {"files": [None]}, "files",
     {"files": [announced(file_name=f"orders_{n}.csv") for n in range(MOST_FILES + 1)]}],
)  # fmt: skip
def test_what_announces_no_files_is_422(sender: Sender, document: Any) -> None:
    answer = sender.http.post(SESSIONS, content=json.dumps(document))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith("files")


def test_every_field_at_fault_is_listed(sender: Sender) -> None:
    answer = announce(
        sender,
        announced(),
        announced(),
        announced(file_name="invoices_1.csv", size=-1, sha256="x" * 64),
        {"file_name": 5, "size": True},
        announced(file_name="orders_\x00.csv", size=LIMIT + 1),
        announced(file_name="orders_\u202e.csv", size="3"),
        announced(file_name="orders_1.csv", size=1e3),
        7,
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [
        "files[1].file_name",
        "files[2].file_name", "files[2].size", "files[2].sha256",
        "files[3].file_name", "files[3].size", "files[3].sha256",
        "files[4].file_name", "files[4].size",
        "files[5].file_name", "files[5].size",
        "files[6].size",
        "files[7].",
    ]  # fmt: skip


def test_what_is_not_json_is_400_and_without_a_key_401(
    gateway: RunningGateway, sender: Sender
) -> None:
    assert sender.http.post(SESSIONS, content=b"{").status_code == 400
    token = open_session(sender, {NAME: CONTENT})
    with httpx.Client(base_url=gateway.url) as nobody:
        assert nobody.post(SESSIONS, json={}).status_code == 401
        assert nobody.get(f"{SESSIONS}{token}/status/").status_code == 401
        assert nobody.post(f"{SESSIONS}{token}/resume/").status_code == 401
        without = Sender("nobody", 0, "", nobody)
        assert put_chunk(without, token, CONTENT, first=0, last=9).status_code == 401


def test_a_session_is_nobody_else_s(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: CONTENT})
    with gateway.new_sender() as other:
        for wrong in (token, "unknown", "%00", "x" * 500):
            codes = {
                other.http.get(f"{SESSIONS}{wrong}/status/").status_code,
                other.http.post(f"{SESSIONS}{wrong}/resume/").status_code,
                put_chunk(other, wrong, CONTENT, first=0, last=9).status_code,
            }
            assert codes == {404}
    assert put_chunk(sender, token, CONTENT, first=0, last=9, name="no.csv").status_code == 404
    assert put_chunk(sender, token, CONTENT, first=0, last=9, name="%00").status_code == 404
    assert status(sender, token)["received"] == []
    assert list(kept(gateway, ".partial")) == []


def test_an_expired_session_exists_for_nobody(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: CONTENT})
    with gateway.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE upload_sessions SET expires_at = now() WHERE token = %s", (token,)
        )
    assert put_chunk(sender, token, CONTENT, first=0, last=9).status_code == 404
    assert sender.http.get(f"{SESSIONS}{token}/status/").status_code == 404
    assert sender.http.post(f"{SESSIONS}{token}/resume/").status_code == 404


# --- chunks ------------------------------------------------------------------------------------


def test_chunks_in_any_order_make_the_file(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: CONTENT})
    last = put_chunk(sender, token, CONTENT, first=7_000, last=9_999)
    assert last.status_code == 200
    assert last.json()["missing"] == [[0, 6_999]]
    middle = put_chunk(sender, token, CONTENT, first=3_000, last=3_999)
    assert middle.json()["received"] == [[3_000, 3_999], [7_000, 9_999]]
    assert middle.json()["bytes_received"] == 4_000
    assert put_chunk(sender, token, CONTENT, first=0, last=2_999).json()["received"] == [
        [0, 3_999], [7_000, 9_999],
    ]  # fmt: skip
    assert uploads_of(gateway, sender) == []
    done = put_chunk(sender, token, CONTENT, first=4_000, last=6_999)
    assert done.status_code == 202
    [upload] = uploads_of(gateway, sender)
    assert done.json()["upload_id"] == upload.upload_id
    assert done.headers["location"] == f"/api/v1/ingest/uploads/{upload.upload_id}/"
    assert_it_arrived(gateway, sender)
    assert status(sender, token)["upload"]["state"] == "recorded"
    assert kept_chunks(gateway, token) == []


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), size=st.integers(1, 5_000))
def test_any_cutting_order_and_repetition_gives_the_same_bytes(
    gateway: RunningGateway, data: st.DataObject, size: int
) -> None:
    content = CONTENT[:size]
    cuts = data.draw(st.lists(st.integers(1, size), max_size=8, unique=True), "cuts")
    edges = sorted({0, *cuts, size})
    ranges = [(first, end - 1) for first, end in pairwise(edges)]
    order = data.draw(st.permutations(ranges), "order")
    repeats = data.draw(st.lists(st.sampled_from(ranges), max_size=4), "repeats")
    with gateway.new_sender() as sender:
        token = open_session(sender, {NAME: content})
        position = data.draw(st.integers(0, len(order) - 1), "position")
        sending = [*order[:position], *repeats, *order[position:], *repeats]
        codes = [
            put_chunk(sender, token, content, first=first, last=last).status_code
            for first, last in sending
        ]
        assert set(codes) <= {200, 202}
        assert codes[-1] == 202
        assert_it_arrived(gateway, sender, content)


def test_the_same_range_again_is_fine_before_and_after_the_end(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    for _ in range(3):
        assert put_chunk(sender, token, CONTENT, first=0, last=99).status_code == 200
    assert len(kept_chunks(gateway, token)) == 1
    for _ in range(3):
        whole = put_chunk(sender, token, CONTENT, first=100, last=9_999)
        assert whole.status_code == 202
    assert_it_arrived(gateway, sender)
    assert kept_chunks(gateway, token) == []


def test_a_range_that_overlaps_differently_or_has_other_bytes_is_409(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    assert put_chunk(sender, token, CONTENT, first=100, last=199).status_code == 200
    for first, last in [(100, 198), (99, 199), (0, 100), (199, 199), (0, 9_999), (150, 160)]:
        answer = put_chunk(sender, token, CONTENT, first=first, last=last)
        assert answer.status_code == 409, (first, last)
    other = put_chunk(sender, token, CONTENT, first=100, last=199, body=bytes(100))
    assert other.status_code == 409
    assert status(sender, token)["received"] == [[100, 199]]
    assert len(kept_chunks(gateway, token)) == 1


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, 400), ("", 400), ("bytes 0-9", 400), ("bytes 0-9/*", 400), ("items 0-9/10000", 400),
        ("bytes -1-9/10000", 400), ("bytes ٠-9/10000", 400),
        ("bytes 9-0/10000", 422), ("bytes 0-9/9", 422), ("bytes 9995-10004/10000", 422),
        ("bytes 0-9/10001", 422), ("bytes 0-10/10000", 400), ("bytes 0-8/10000", 400),
    ],
)  # fmt: skip
def test_a_range_that_is_none_of_the_file_is_refused(
    gateway: RunningGateway, sender: Sender, header: str | None, code: int
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    headers = {} if header is None else {"Content-Range": header.encode()}
    url = f"{SESSIONS}{token}/files/{NAME}/"
    answer = sender.http.put(url, content=b"0123456789", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == code, answer.text
    assert status(sender, token)["received"] == []
    assert list(kept(gateway, ".partial")) == []


def test_a_chunk_longer_or_shorter_than_its_range_is_refused_also_without_a_length(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    for size, code in ((99, 400), (101, 413)):
        pieces = iter([CONTENT[:50], CONTENT[50:size]])
        answer = put_chunk(sender, token, CONTENT, first=0, last=99, body=pieces)
        assert answer.status_code == code
    assert status(sender, token)["received"] == []
    assert list(kept(gateway, ".partial")) == []


def test_an_announced_hash_of_a_chunk_is_verified(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: CONTENT})

    def put(**headers: str) -> int:
        return put_chunk(sender, token, CONTENT, first=0, last=99, **headers).status_code

    raw = hashlib.sha256(CONTENT[:100]).digest()
    right = (
        f"sha-512=:{base64.b64encode(b'x').decode()}:, sha-256=:{base64.b64encode(raw).decode()}:"
    )
    wrong = f"sha-256=:{base64.b64encode(raw[::-1]).decode()}:"
    assert put(X_Chunk_SHA256="0" * 64) == 422
    assert put(Content_Digest=wrong) == 422
    assert put(X_Chunk_SHA256="0" * 63) == 400
    assert put(Content_Digest="sha-256=:AA=A:") == 400
    assert status(sender, token)["received"] == []
    assert put(X_Chunk_SHA256=raw.hex().upper()) == 200
    assert put(Content_Digest=right) == 200
    assert put(Content_Digest="md5=:AA==:") == 200


def test_an_encoded_chunk_is_415_and_one_over_the_limit_413(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    encoded = put_chunk(sender, token, CONTENT, first=0, last=99, Content_Encoding="gzip")
    assert encoded.status_code == 415
    large = put_chunk(sender, token, CONTENT, first=0, last=99, body=bytes(LIMIT + 1))
    assert large.status_code == 413


def test_more_chunks_than_a_file_may_have_are_422(gateway: RunningGateway, sender: Sender) -> None:
    size = 4 * chunks.MOST_CHUNKS
    content = bytes(size)
    token = open_session(sender, {NAME: content})
    with gateway.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO upload_chunks SELECT session_file_id, n * 2, n * 2, '', '' FROM"
            " upload_session_files JOIN upload_sessions USING (session_id),"
            f" generate_series(0, {chunks.MOST_CHUNKS - 1}) AS n WHERE token = %s",
            (token,),
        )
    answer = put_chunk(sender, token, content, first=size - 1, last=size - 1)
    assert answer.status_code == 422
    assert "larger" in answer.json()["message"]


def test_a_wrong_file_is_422_its_chunks_go_and_it_can_be_sent_anew(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    assert put_chunk(sender, token, CONTENT, first=0, last=99).status_code == 200
    wrong = put_chunk(sender, token, CONTENT, first=100, last=9_999, body=bytes(9_900))
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "sha256"
    assert status(sender, token)["missing"] == [[0, 9_999]]
    assert kept_chunks(gateway, token) == []
    assert list(kept(gateway, sender.tenant)) == []
    assert uploads_of(gateway, sender) == []
    assert put_chunk(sender, token, CONTENT, first=0, last=9_999).status_code == 202
    assert_it_arrived(gateway, sender)


def test_a_chunk_whose_connection_breaks_or_falls_silent_leaves_nothing(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})

    def breaking() -> Iterator[bytes]:
        yield CONTENT[:50]
        raise ConnectionResetError

    def silent() -> Iterator[bytes]:
        yield CONTENT[:50]
        time.sleep(3)
        yield CONTENT[50:100]

    with pytest.raises(ConnectionResetError):
        put_chunk(sender, token, CONTENT, first=0, last=99, body=breaking())
    slow = put_chunk(sender, token, CONTENT, first=0, last=99, body=silent())
    assert slow.status_code == 408
    assert status(sender, token)["received"] == []
    assert list(kept(gateway, ".partial")) == []
    assert kept_chunks(gateway, token) == []


def test_last_chunks_at_the_same_time_make_one_upload(
    gateway: RunningGateway, sender: Sender
) -> None:
    content = random.Random(6).randbytes(8_000_000)
    token = open_session(sender, {NAME: content})
    step = 1_000_000

    def put(first: int) -> int:
        last = first + step - 1
        return put_chunk(sender, token, content, first=first, last=last).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(put, [*range(0, len(content), step), *range(0, len(content), step)]))
    assert set(codes) <= {200, 202}
    assert 202 in codes
    assert_it_arrived(gateway, sender, content)
    assert kept_chunks(gateway, token) == []
    assert len(list(kept(gateway, sender.tenant))) == 1


def test_several_files_of_a_session_are_uploads_of_their_own(
    gateway: RunningGateway, sender: Sender
) -> None:
    files = {NAME: CUSTOMERS, "orders_ä 1.csv": CONTENT}
    token = open_session(sender, files)
    for name, content in files.items():
        answer = put_chunk(sender, token, content, first=0, last=len(content) - 1, name=name)
        assert answer.status_code == 202
    assert {u.file_name: content_of(u) for u in uploads_of(gateway, sender)} == files


# --- breaks ------------------------------------------------------------------------------------


def test_resume_finishes_what_a_crash_cut_off_and_queues_nothing_twice(
    gateway: RunningGateway, sender: Sender
) -> None:
    """All chunks recorded, the process dead before the file was joined."""
    token = open_session(sender, {NAME: CONTENT})
    landing = Landing((gateway.home / "landing").as_uri())
    for first in (0, 5_000):
        range_ = Range(first, first + 4_999, len(CONTENT))
        with gateway.engine.begin() as connection:
            file = chunks.expect(connection, sender.tenant_id, token, file_name=NAME, range_=range_)
            landed = landing.write(chunks.landing_name(file), [CONTENT[first : first + 5_000]])
            chunks.land_chunk(
                connection, sender.tenant_id, token, file_name=NAME, range_=range_, landed=landed,
                keeps=LANDED_BYTES,
            )  # fmt: skip
    assert status(sender, token)["missing"] == []
    assert status(sender, token)["upload"] is None
    for _ in range(2):
        [file_state] = resume(sender, token)["files"]
        assert file_state["upload"]["state"] == "recorded"
    assert_it_arrived(gateway, sender)


def test_resume_says_what_is_missing(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: CONTENT})
    put_chunk(sender, token, CONTENT, first=0, last=99)
    [file] = resume(sender, token)["files"]
    assert (file["missing"], file["error"]) == ([[100, 9_999]], None)


def test_a_chunk_that_vanished_from_the_store_is_asked_for_again(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    put_chunk(sender, token, CONTENT, first=0, last=99)
    for path in kept_chunks(gateway, token):
        path.unlink()
    assert put_chunk(sender, token, CONTENT, first=100, last=9_999).status_code == 422
    assert status(sender, token)["missing"] == [[0, 9_999]]
    assert put_chunk(sender, token, CONTENT, first=0, last=9_999).status_code == 202


def test_an_empty_file_is_finished_by_resume(gateway: RunningGateway, sender: Sender) -> None:
    token = open_session(sender, {NAME: b""})
    [file] = resume(sender, token)["files"]
    assert file["upload"]["state"] == "recorded"
    assert_it_arrived(gateway, sender, b"")


@pytest.mark.slow
def test_killed_at_random_moments_the_gateway_goes_on_where_it_was(
    gateway: RunningGateway, sender: Sender
) -> None:
    """`kill -9` mid-chunk and mid-join: what was answered is there, the rest is sent again."""
    chance = random.Random(9)
    content = chance.randbytes(24_000_000)
    token = open_session(sender, {NAME: content})
    step = 1_000_000
    answered: list[list[int]] = []
    for _ in range(6):
        killer = threading.Timer(chance.uniform(0.03, 0.5), gateway.kill)
        killer.start()
        try:
            for first in range(0, len(content), step):
                done = put_chunk(sender, token, content, first=first, last=first + step - 1)
                if done.is_success:
                    answered.append([first, first + step - 1])
        except httpx.TransportError:
            pass
        killer.join()
        gateway.start()
        there = status(sender, token)["received"]
        for first, last in answered:
            assert any(a <= first and last <= b for a, b in there)
    [file] = resume(sender, token)["files"]
    for first, last in file["missing"]:
        for at in range(first, last + 1, step):
            put_chunk(sender, token, content, first=at, last=at + step - 1)
    resume(sender, token)
    assert_it_arrived(gateway, sender, content)


def test_without_the_database_it_is_503_and_goes_on_afterwards(
    gateway: RunningGateway, sender: Sender, server_url: sa.URL
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    name = gateway.engine.url.database
    away = f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    back = f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    gateway.engine.dispose()
    with administrator.connect() as connection:
        connection.exec_driver_sql(away)
        connection.exec_driver_sql(cut)
        refused = [put_chunk(sender, token, CONTENT, first=0, last=9_999), post_raw(sender)]
        connection.exec_driver_sql(back)
    administrator.dispose()
    for answer in refused:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
    assert status(sender, token)["received"] == []
    assert put_chunk(sender, token, CONTENT, first=0, last=9_999).status_code == 202
    assert_it_arrived(gateway, sender)


def test_two_gateways_that_finish_the_same_file_make_one_upload(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CONTENT})
    landed = Landing((gateway.home / "landing").as_uri()).write("x/whole", [CONTENT])
    mine = (sender.tenant_id, token)
    with gateway.engine.begin() as connection:
        first, second = (
            chunks.complete(connection, *mine, file_name=NAME, landed=landed, max_attempts=1)
            for _ in range(2)
        )
        assert (first[1], second[1]) == (True, False)
        assert first[0] == second[0]
        assert chunks.drop(connection, *mine, file_name=NAME, which=[]) == first[0]
    assert_it_arrived(gateway, sender)
