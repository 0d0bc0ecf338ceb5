"""Files in one request, over real HTTP: right, wrong, missing, too large, twice, another's."""

import gzip
import json
import random
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.domains.commerce.builders import customer, lines, load_everything
from ingestion_pipeline_tests.domains.commerce.uploading import (
    COMPREHENSIVE,
    CUSTOMERS,
    NAME,
    ORDERS,
    content_of,
    kept,
    new_key,
    open_session,
    post_raw,
    sha256,
    status,
    uploads_of,
)
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

LIMIT = 4_000_000


# Little patience, too.
GATEWAY_ENVIRONMENT = {"MAX_UPLOAD_BYTES": str(LIMIT), "BODY_TIMEOUT": "1.5"}


def fields(answer: httpx.Response) -> set[str]:
    return {error["field"] for error in answer.json()["errors"]}


def assert_nothing_is_kept(gateway: RunningGateway, sender: Sender) -> None:
    assert uploads_of(gateway, sender) == []
    assert list(kept(gateway, sender.tenant)) == []
    assert list(kept(gateway, ".partial")) == []


# --- what is right -----------------------------------------------------------------------------


def test_a_bare_file_is_landed_recorded_and_answered(
    gateway: RunningGateway, sender: Sender
) -> None:
    answer = post_raw(sender)
    assert answer.status_code == 202, answer.text
    document = answer.json()
    [upload] = uploads_of(gateway, sender)
    assert answer.headers["location"] == f"/api/v1/ingest/uploads/{upload.upload_id}/"
    assert document.pop("message")
    assert document == {
        "status": "accepted", "upload_id": upload.upload_id, "job_id": upload.job_id,
        "file_name": NAME, "type": "customers", "bytes": len(CUSTOMERS),
        "sha256": sha256(CUSTOMERS),
    }  # fmt: skip
    assert (upload.source, upload.status, upload.job_status) == ("http", "recorded", "pending")
    assert upload.kind == "commerce.load.customers"
    assert content_of(upload) == CUSTOMERS


def test_a_form_s_file_is_taken_whatever_stands_beside_it(
    gateway: RunningGateway, sender: Sender
) -> None:
    content = b'--x\r\n"' * 50_000 + b"\r\n"
    answer = sender.http.post(
        COMPREHENSIVE,
        files={
            "before": (None, b"y" * 100_000),
            "file": ("customers_ä 1.ndjson", content),
            "after": (None, b"z" * 100_000),
        },
        headers={"Idempotency-Key": new_key()},
    )
    assert answer.status_code == 202, answer.text
    [upload] = uploads_of(gateway, sender)
    assert upload.file_name == "customers_ä 1.ndjson"
    assert content_of(upload) == content


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_form_that_comes_in_small_pieces_gives_the_same_file(
    gateway: RunningGateway, sender: Sender, size: int
) -> None:
    content = CUSTOMERS + b"\r\n--frontier\r\n--frontie\r\n" * 3
    body = (
        b'--frontier-7\r\nContent-Disposition: form-data; name="file"; filename="customers_1.csv"'
        b"\r\nContent-Type: text/csv\r\n\r\n" + content + b"\r\n--frontier-7--\r\n"
    )
    answer = sender.http.post(
        COMPREHENSIVE,
        content=(body[at : at + size] for at in range(0, len(body), size)),
        headers={
            "Idempotency-Key": new_key(),
            "Content-Type": "multipart/form-data; boundary=frontier-7",
        },
    )
    assert answer.status_code == 202, answer.text
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content


@pytest.mark.parametrize("pack", ["one member", "two members", "much smaller"])
def test_a_gzip_encoding_is_undone(gateway: RunningGateway, sender: Sender, pack: str) -> None:
    many = lines(customer(n) for n in range(15_000))
    content = many if pack == "much smaller" else CUSTOMERS
    packed = gzip.compress(content)
    if pack == "two members":
        packed = gzip.compress(content[:100]) + gzip.compress(content[100:])
    answer = post_raw(sender, packed, Content_Encoding="gzip")
    assert answer.status_code == 202, answer.text
    assert answer.json()["sha256"] == sha256(content)
    assert content_of(uploads_of(gateway, sender)[0]) == content


def test_a_whole_form_may_be_gzip(gateway: RunningGateway, sender: Sender) -> None:
    body = part('name="file"; filename="orders_1.csv"') + b"--b--\r\n"
    headers = {
        "Idempotency-Key": new_key(),
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Encoding": "gzip",
    }
    answer = sender.http.post(COMPREHENSIVE, content=gzip.compress(body), headers=headers)
    assert answer.status_code == 202, answer.text
    assert content_of(uploads_of(gateway, sender)[0]) == b"x"


def test_a_file_that_is_gzip_itself_is_kept_as_it_is(
    gateway: RunningGateway, sender: Sender
) -> None:
    packed = gzip.compress(CUSTOMERS)
    assert post_raw(sender, packed, name="customers_1.ndjson.gz").status_code == 202
    assert content_of(uploads_of(gateway, sender)[0]) == packed


def test_an_empty_file_is_a_file(gateway: RunningGateway, sender: Sender) -> None:
    assert post_raw(sender, b"").json()["bytes"] == 0
    assert post_raw(sender, b"", Content_Encoding="gzip").status_code == 202


def test_orders_takes_orders_only(gateway: RunningGateway, sender: Sender) -> None:
    assert post_raw(sender, b"{}", name="orders_1.ndjson", path=ORDERS).status_code == 202
    for name in ("order_items_1.ndjson", "customers_1.ndjson"):
        refused = post_raw(sender, b"{}", name=name, path=ORDERS)
        assert refused.status_code == 422
        assert "orders_" in refused.json()["message"]
    assert len(uploads_of(gateway, sender)) == 1


def test_the_state_of_an_upload_goes_from_recorded_to_loaded_with_its_counts(
    gateway: RunningGateway, sender: Sender
) -> None:
    location = post_raw(sender, CUSTOMERS + b"no JSON\n\n").headers["location"]
    before = sender.http.get(location).json()
    assert (before["state"], before["job_state"]) == ("recorded", "pending")
    for _ in range(20):
        load_everything(gateway.engine, landing=gateway.home / "landing")
        after = sender.http.get(location).json()
        if after["state"] == "loaded":
            break
    assert (after["state"], after["job_state"]) == ("loaded", "completed")
    assert after["tenant"] == sender.tenant
    assert after["counts"]["preamble"] == 0
    assert {name: n for name, n in after["counts"].items() if n} == {
        "lines": 5, "blank": 1, "rejected": 1, "staged": 3, "inserted": 3,
    }  # fmt: skip
    assert sum(after["rejected_by_reason"].values()) == 1


# --- twice -------------------------------------------------------------------------------------


def test_the_same_file_under_the_same_key_is_answered_alike_and_recorded_once(
    gateway: RunningGateway, sender: Sender
) -> None:
    first = post_raw(sender, key="once")
    again = post_raw(sender, key='"once"')
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(uploads_of(gateway, sender)) == 1
    assert len(list(kept(gateway, sender.tenant))) == 1


def test_another_file_or_name_under_the_same_key_is_refused(
    gateway: RunningGateway, sender: Sender
) -> None:
    post_raw(sender, key="once")
    for answer in (
        post_raw(sender, CUSTOMERS + b"\n", key="once"),
        post_raw(sender, name="customers_2.ndjson", key="once"),
    ):
        assert answer.status_code == 422
        assert fields(answer) == {"Idempotency-Key"}
    assert len(uploads_of(gateway, sender)) == 1


def test_a_key_counts_within_its_tenant_and_endpoint(
    gateway: RunningGateway, sender: Sender
) -> None:
    with gateway.new_sender() as other:
        answers = [
            post_raw(sender, b"{}", name="orders_1.ndjson", key="once"),
            post_raw(sender, b"{}", name="orders_1.ndjson", key="once", path=ORDERS),
            post_raw(other, b"{}", name="orders_1.ndjson", key="once"),
        ]
    assert len({answer.json()["upload_id"] for answer in answers}) == 3


def test_of_requests_of_one_key_at_the_same_time_one_is_done(
    gateway: RunningGateway, sender: Sender
) -> None:
    def slow() -> Iterator[bytes]:
        for at in range(0, len(CUSTOMERS), 100):
            time.sleep(0.05)
            yield CUSTOMERS[at : at + 100]

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(post_raw, sender, slow(), key="once") for _ in range(4)]
        codes = sorted(answer.result().status_code for answer in answers)
    assert codes[0] == 202
    assert set(codes[1:]) <= {202, 409}
    assert 409 in codes
    assert len(uploads_of(gateway, sender)) == 1
    in_flight = next(a.result() for a in answers if a.result().status_code == 409)
    assert int(in_flight.headers["retry-after"]) >= 1


def test_a_refused_file_leaves_its_key_free(gateway: RunningGateway, sender: Sender) -> None:
    cut = gzip.compress(b"xx")[:-1]
    assert post_raw(sender, cut, key="once", Content_Encoding="gzip").status_code == 400
    assert post_raw(sender, name="invoices_1.csv", key="once").status_code == 422
    assert post_raw(sender, b"x" * (LIMIT + 1), key="once").status_code == 413
    assert post_raw(sender, key="once").status_code == 202


# --- what is wrong -----------------------------------------------------------------------------


def test_without_an_idempotency_key_it_is_400(gateway: RunningGateway, sender: Sender) -> None:
    url = f"{COMPREHENSIVE}?filename={NAME}"
    for headers in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 256}):
        answer = sender.http.post(url, content=CUSTOMERS, headers=headers)
        assert answer.status_code == 400
        assert fields(answer) == {"Idempotency-Key"}
    assert_nothing_is_kept(gateway, sender)


def test_a_name_that_fits_no_type_is_refused_naming_the_four(
    gateway: RunningGateway, sender: Sender
) -> None:
    answer = post_raw(sender, name="invoices_1.ndjson")
    assert answer.status_code == 422
    assert "customers_, products_, orders_, order_items_" in answer.json()["message"]
    assert fields(answer) == {"file_name"}
    assert_nothing_is_kept(gateway, sender)


@pytest.mark.parametrize(
    "name",
    ["../customers_1.csv", "a/customers_1.csv", "customers_\\1.csv", "customers_\n.csv",
     "customers_1.txt", "customers_.csv" + "x" * 300, "customers_" + "x" * 300 + ".csv", ".csv",
     "customers_\x00.csv"],
)  # fmt: skip
def test_a_name_that_no_disk_should_take_is_refused(
    gateway: RunningGateway, sender: Sender, name: str
) -> None:
    assert post_raw(sender, name=name).status_code == 422
    assert_nothing_is_kept(gateway, sender)


def test_a_body_without_a_name_is_400(gateway: RunningGateway, sender: Sender) -> None:
    answer = sender.http.post(COMPREHENSIVE, content=b"x", headers={"Idempotency-Key": new_key()})
    assert answer.status_code == 400
    assert fields(answer) == {"filename"}


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_encoding_is_415(gateway: RunningGateway, sender: Sender, coding: str) -> None:
    assert post_raw(sender, Content_Encoding=coding).status_code == 415
    assert_nothing_is_kept(gateway, sender)


@pytest.mark.parametrize("content", [b"", b"\x1f", CUSTOMERS], ids=["empty", "a byte", "plain"])
def test_what_a_store_has_unpacked_is_taken_though_the_header_says_gzip(
    gateway: RunningGateway, sender: Sender, content: bytes
) -> None:
    assert post_raw(sender, content, name=f"{NAME}.gz", Content_Encoding="gzip").status_code == 202
    [upload] = uploads_of(gateway, sender)
    assert content_of(upload) == content


@pytest.mark.parametrize("damage", ["cut", "flipped", "rubbish behind it"])
def test_a_damaged_gzip_body_is_400(gateway: RunningGateway, sender: Sender, damage: str) -> None:
    packed = bytearray(gzip.compress(lines(customer(n) for n in range(2_000))))
    body = {
        "cut": bytes(packed[:-20]),
        "flipped": bytes(packed[:5_000] + bytes([packed[5_000] ^ 0xFF]) + packed[5_001:]),
        "rubbish behind it": bytes(packed) + b"rubbish",
    }[damage]
    assert post_raw(sender, body, Content_Encoding="gzip").status_code == 400
    assert_nothing_is_kept(gateway, sender)


def test_what_announces_itself_as_too_large_is_413_even_without_a_key(
    gateway: RunningGateway, sender: Sender
) -> None:
    with httpx.Client(base_url=gateway.url) as nobody:
        answer = nobody.post(COMPREHENSIVE, content=b"x" * (LIMIT + 1))
    assert answer.status_code == 413


def test_what_turns_out_too_large_on_the_way_is_413(
    gateway: RunningGateway, sender: Sender
) -> None:
    pieces = (b"x" * 100_000 for _ in range(LIMIT // 100_000 + 1))
    assert post_raw(sender, pieces).status_code == 413
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(b"0" * 50_000_000) + bomb.flush()
    assert len(packed) < LIMIT / 50
    assert post_raw(sender, packed, Content_Encoding="gzip").status_code == 413
    assert_nothing_is_kept(gateway, sender)


def test_a_file_of_exactly_the_limit_is_taken(gateway: RunningGateway, sender: Sender) -> None:
    content = b"x" * LIMIT
    assert post_raw(sender, content).status_code == 202
    key = {"Idempotency-Key": new_key()}
    form = sender.http.post(COMPREHENSIVE, files={"file": (NAME, content + b"x")}, headers=key)
    assert form.status_code == 413


def test_without_a_valid_key_it_is_401(gateway: RunningGateway, sender: Sender) -> None:
    with httpx.Client(base_url=gateway.url, headers={"X-API-Key": "ik_wrong"}) as nobody:
        wrong = Sender("nobody", 0, "", nobody)
        assert post_raw(wrong).status_code == 401
        assert nobody.get("/api/v1/ingest/uploads/1/").status_code == 401


def part(disposition: str) -> bytes:
    """The part of a form with the boundary `b`, without an end."""
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\nx\r\n".encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"no form", 400),
        (part('name="other"') + b"--b--\r\n", 400),
        (part('name="file"') + b"--b--\r\n", 422),
        (part('name="file"; filename="a.txt"') + b"--b--\r\n", 422),
        (part('name="file"; filename="orders_1.csv"'), 400),
        (part('name="file"; filename="orders_1.csv"') * 2 + b"--b--\r\n", 400),
    ],
    ids=["empty", "rubbish", "no file", "no name", "wrong name", "breaks off", "two files"],
)
def test_a_malformed_form_is_refused_and_leaves_nothing(
    gateway: RunningGateway, sender: Sender, body: bytes, code: int
) -> None:
    headers = {"Idempotency-Key": new_key(), "Content-Type": "multipart/form-data; boundary=b"}
    answer = sender.http.post(COMPREHENSIVE, content=body, headers=headers)
    assert answer.status_code == code, answer.text
    assert_nothing_is_kept(gateway, sender)


def test_a_form_without_a_boundary_is_400(gateway: RunningGateway, sender: Sender) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=" + "b" * 300):
        headers = {"Idempotency-Key": new_key(), "Content-Type": kind}
        assert sender.http.post(COMPREHENSIVE, content=b"x", headers=headers).status_code == 400


def test_a_silent_sender_is_408_and_leaves_nothing(gateway: RunningGateway, sender: Sender) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 10_000
        time.sleep(2.5)
        yield b"x"

    assert post_raw(sender, pieces()).status_code == 408
    assert_nothing_is_kept(gateway, sender)


def test_a_connection_that_breaks_off_leaves_nothing_and_its_key_free(
    gateway: RunningGateway, sender: Sender
) -> None:
    head = (
        f"POST {COMPREHENSIVE}?filename={NAME} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: once\r\n"
        f"X-API-Key: {sender.api_key}\r\nContent-Length: {len(CUSTOMERS)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head.encode() + CUSTOMERS[:-1])
        time.sleep(0.3)
    deadline = time.monotonic() + 5
    while (answer := post_raw(sender, key="once")).status_code == 409:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.status_code == 202
    assert len(uploads_of(gateway, sender)) == 1
    assert list(kept(gateway, ".partial")) == []


@pytest.mark.slow
def test_killed_at_any_byte_there_is_a_recorded_upload_or_nothing(
    gateway: RunningGateway, sender: Sender
) -> None:
    """`kill -9` while files come in: what was answered is there whole, nothing is there half."""
    chance = random.Random(11)
    contents = {key: chance.randbytes(LIMIT) for key in ("a", "b", "c", "d", "e")}
    answered: set[str] = set()

    def post(key: str) -> None:
        try:
            if post_raw(sender, contents[key], key=key).status_code == 202:
                answered.add(key)
        except httpx.TransportError:
            pass

    for _ in range(4):
        with ThreadPoolExecutor(len(contents)) as pool:
            posting = [pool.submit(post, key) for key in contents]
            time.sleep(chance.uniform(0.02, 0.3))
            gateway.kill()
            for one in posting:
                one.result()
        gateway.start()
        recorded = {sha256(content_of(upload)) for upload in uploads_of(gateway, sender)}
        assert recorded <= {sha256(content) for content in contents.values()}
        assert {sha256(contents[key]) for key in answered} <= recorded
    with gateway.engine.begin() as connection:  # as if the dead requests' leases had lapsed
        connection.exec_driver_sql("UPDATE idempotency_keys SET in_flight_until = '-infinity'")
    for key in contents:
        post(key)
    assert answered == set(contents)
    assert len(uploads_of(gateway, sender)) == len(contents)
    Landing((gateway.home / "landing").as_uri()).remove_stale(timedelta(0))  # as the sweep does


def test_somebody_else_s_upload_and_an_unknown_one_are_404_alike(
    gateway: RunningGateway, sender: Sender
) -> None:
    location = post_raw(sender).headers["location"]
    with gateway.new_sender() as other:
        theirs = other.http.get(location)
        unknown = [
            other.http.get(f"/api/v1/ingest/uploads/{number}/")
            for number in ("999999999", "0", "-1", "x", "9" * 30, "%00", "1e3")
        ]
    assert theirs.status_code == 404
    for answer in unknown:
        assert (answer.status_code, answer.content) == (404, theirs.content)


# --- files of a session ------------------------------------------------------------------------


def test_an_upload_token_ties_a_file_to_its_session(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CUSTOMERS})
    other = post_raw(sender, name="customers_2.ndjson", Upload_Token=token)
    announced = post_raw(sender, Upload_Token=token)
    assert (other.status_code, announced.status_code) == (202, 202)
    files = sender.http.get(f"/api/v1/ingest/sessions/{token}/status/").json()["files"]
    assert {file["file_name"]: file["upload_id"] for file in files} == {
        NAME: announced.json()["upload_id"],
        "customers_2.ndjson": other.json()["upload_id"],
    }
    assert all(file["missing"] == [] for file in files)


def test_a_file_that_the_session_knows_otherwise_or_already_is_refused(
    gateway: RunningGateway, sender: Sender
) -> None:
    token = open_session(sender, {NAME: CUSTOMERS})
    assert post_raw(sender, CUSTOMERS + b"\n", Upload_Token=token).status_code == 422
    assert_nothing_is_kept(gateway, sender)
    assert post_raw(sender, Upload_Token=token).status_code == 202
    assert post_raw(sender, Upload_Token=token).status_code == 409
    assert len(uploads_of(gateway, sender)) == 1
    assert status(sender, token)["upload"]["state"] == "recorded"


def test_an_unknown_or_somebody_else_s_token_is_404(
    gateway: RunningGateway, sender: Sender
) -> None:
    with gateway.new_sender() as other:
        token = open_session(other, {NAME: CUSTOMERS})
    for wrong in (token, "no-such-token", ""):
        assert post_raw(sender, Upload_Token=wrong).status_code == 404
    assert_nothing_is_kept(gateway, sender)


# --- documentation -----------------------------------------------------------------------------


def test_openapi_describes_every_endpoint(sender: Sender) -> None:
    paths = sender.http.get("/openapi.json").json()["paths"]
    ours = {path: set(methods) for path, methods in paths.items() if "/v1/ingest/" in path}
    assert ours == {
        COMPREHENSIVE: {"post"}, ORDERS: {"post"}, "/api/v1/ingest/sessions/": {"post"},
        "/api/v1/ingest/sessions/{token}/files/{file_name}/": {"put"},
        "/api/v1/ingest/sessions/{token}/status/": {"get"},
        "/api/v1/ingest/sessions/{token}/resume/": {"post"},
        "/api/v1/ingest/uploads/{upload_id}/": {"get"},
        "/api/v1/ingest/rejected/": {"post"},
    }  # fmt: skip


def test_answers_never_show_where_files_are_kept(gateway: RunningGateway, sender: Sender) -> None:
    answers = [post_raw(sender).json(), post_raw(sender, name="x").json()]
    assert str(gateway.home) not in json.dumps(answers)
