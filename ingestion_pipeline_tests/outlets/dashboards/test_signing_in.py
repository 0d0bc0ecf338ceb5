"""Who is signed in, and who is not: keys, cookies, forms, and where one is led."""

from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.outlets.dashboards.asking import PAGES
from ingestion_pipeline_tests.gateway.running import CRON_SECRET
from ingestion_pipeline_tests.outlets.dashboards.reading import read
from ingestion_pipeline_tests.outlets.dashboards.serving import (
    PagesServer,
    Visiting,
    serving_pages,
)


def stranger(pages: PagesServer) -> httpx.Client:
    return httpx.Client(base_url=pages.url, timeout=60)


def test_a_page_sends_a_stranger_to_sign_in_and_back(pages: PagesServer) -> None:
    _, api_key = pages.new_tenant()
    with stranger(pages) as http:
        sent = http.get("/kpis?q=a%20b")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/sign-in?next=%2Fkpis%3Fq%3Da%2520b"
        form = http.get(sent.headers["location"])
        assert form.status_code == 200
        assert 'value="/kpis?q=a%20b"' in form.text
        back = http.post("/sign-in", data={"key": f" {api_key}\n", "next": "/kpis?q=a%20b"})
        assert (back.status_code, back.headers["location"]) == (303, "/kpis?q=a%20b")
        assert http.get("/kpis").status_code == 200


@pytest.mark.parametrize("path", sorted(PAGES))
def test_no_page_and_no_table_is_there_for_a_stranger(pages: PagesServer, path: str) -> None:
    with stranger(pages) as http:
        assert http.get(path).headers["location"].startswith("/sign-in?next=")
        for wanted in ("csv", "json"):
            refused = http.get(path, params={"format": wanted, "table": "kpis"})
            assert refused.status_code == 401
            assert refused.json()["status"] == "error"


def test_the_root_leads_to_the_morning_page(pages: PagesServer, visitor: Visiting) -> None:
    assert visitor.http.get("/").headers["location"] == "/morning"
    assert visitor.http.get("/sign-in").headers["location"] == "/morning"
    with stranger(pages) as http:
        assert "Sign in" in http.get("/", follow_redirects=True).text


@pytest.mark.parametrize("key", ["", "ik_wrong", "\0", "ü", "x" * 5_000])
def test_a_key_that_is_none_is_not_let_in(pages: PagesServer, key: str) -> None:
    with stranger(pages) as http:
        refused = http.post("/sign-in", data={"key": key})
        assert refused.status_code == 401
        assert "not in force" in refused.text
        assert not http.cookies


def test_a_form_too_large_is_refused(pages: PagesServer) -> None:
    with stranger(pages) as http:
        assert http.post("/sign-in", data={"key": "x" * 10_000}).status_code == 413


def test_a_cookie_is_for_this_site_alone_and_no_scripts(pages: PagesServer) -> None:
    _, api_key = pages.new_tenant()
    with stranger(pages) as http:
        plain = http.post("/sign-in", data={"key": api_key}).headers["set-cookie"]
        behind_a_proxy = http.post(
            "/sign-in", data={"key": api_key}, headers={"X-Forwarded-Proto": "https"}
        ).headers["set-cookie"]
    assert plain.startswith("ingestion=")
    assert "Secure" not in plain
    assert behind_a_proxy.startswith("__Host-ingestion=")
    assert "Secure" in behind_a_proxy
    for cookie in (plain, behind_a_proxy):
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Max-Age=43200" in cookie
        assert api_key not in cookie


def test_a_key_that_is_revoked_ends_its_sessions(pages: PagesServer, visitor: Visiting) -> None:
    assert visitor.http.get("/morning").status_code == 200
    with pages.engine.begin() as connection:
        tenants.revoke_keys(connection, visitor.tenant_id)
    assert visitor.http.get("/morning").headers["location"].startswith("/sign-in")


def test_signing_out_needs_a_form_of_the_session(pages: PagesServer, visitor: Visiting) -> None:
    assert visitor.http.post("/sign-out").status_code == 403
    with pages.visiting() as other:
        theirs = token_of(other)
    assert visitor.http.post("/sign-out", data={"token": theirs}).status_code == 403
    own = token_of(visitor)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        refused = visitor.http.post("/sign-out", data={"token": own}, headers=headers)
        assert refused.status_code == 403
    assert visitor.http.get("/morning").status_code == 200
    done = visitor.http.post("/sign-out", data={"token": own}, headers={"Origin": pages.url})
    assert done.headers["location"] == "/sign-in"
    assert visitor.http.get("/morning").status_code == 303


def test_a_copy_of_a_cookie_is_none_after_signing_out(
    pages: PagesServer, visitor: Visiting
) -> None:
    copied = dict(visitor.http.cookies)
    with httpx.Client(base_url=pages.url, timeout=60) as again:
        again.post("/sign-in", data={"key": visitor.api_key})
        other = dict(again.cookies)
    visitor.http.post("/sign-out", data={"token": token_of(visitor)})
    for written in (copied["ingestion"], copied["ingestion"] + "=", "!" + copied["ingestion"]):
        with httpx.Client(base_url=pages.url, cookies={"ingestion": written}) as http:
            assert http.get("/morning").status_code == 303
            assert http.get("/kpis?table=kpis&format=csv").status_code == 401
            assert http.get("/live").status_code == 401
            assert http.post("/findings/expected").status_code == 401
    with httpx.Client(base_url=pages.url, cookies=other) as http:
        assert http.get("/morning").status_code == 200  # another session of the same key


def test_signing_in_makes_a_session_of_its_own(pages: PagesServer) -> None:
    """Who has put a cookie into somebody's browser knows nothing of what they sign in to."""
    _, api_key = pages.new_tenant()
    with pages.visiting() as attacker:
        planted = dict(attacker.http.cookies)["ingestion"]
    with stranger(pages) as http:
        answer = http.post("/sign-in", data={"key": api_key},
                           headers={"Cookie": f"ingestion={planted}"})  # fmt: skip
        assert answer.headers["set-cookie"].startswith("ingestion=")
        assert planted not in answer.headers["set-cookie"]


@pytest.mark.parametrize("host", ["elsewhere.example", "elsewhere.example:1", "<script>", "a b"])
def test_nobody_is_led_to_what_a_host_header_says(
    pages: PagesServer, visitor: Visiting, host: str
) -> None:
    for path in ("/", "/morning", "/sign-in", "/kpis"):
        answer = visitor.http.get(path, headers={"Host": host})
        assert "elsewhere" not in answer.headers.get("location", "")
        assert f"//{host}" not in answer.text.partition("<main")[0]
        assert "<script>/" not in answer.text
    foreign = {"Host": host, "Origin": "https://other.example"}
    assert visitor.http.post("/sign-out", headers=foreign).status_code in (400, 403)


def token_of(visitor: Visiting) -> str:
    text = visitor.http.get("/morning").text
    return text.partition('name="token" value="')[2].partition('"')[0]


def test_a_token_of_a_form_is_no_session(pages: PagesServer, visitor: Visiting) -> None:
    with stranger(pages) as http:
        http.cookies.set("ingestion", token_of(visitor))
        assert http.get("/morning").status_code == 303


def test_nobody_is_signed_in_from_another_site(pages: PagesServer) -> None:
    _, api_key = pages.new_tenant()
    with stranger(pages) as http:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            refused = http.post("/sign-in", data={"key": api_key}, headers=headers)
            assert refused.status_code == 403
            assert not http.cookies


@pytest.mark.parametrize("wanted", [
    "//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/morning\r\nx: y",
    "/%2Felsewhere.example", "javascript:alert(1)", "/morning/../../x", "/api/health/data",
    "/system",     "/kpis?q=\nx", "",
])  # fmt: skip
def test_one_is_led_to_pages_of_ours_only(pages: PagesServer, wanted: str) -> None:
    _, api_key = pages.new_tenant()
    with stranger(pages) as http:
        led = http.post("/sign-in", data={"key": api_key, "next": wanted})
        assert (led.status_code, led.headers["location"]) == (303, "/morning")


def test_who_tries_keys_has_to_wait_and_who_has_one_has_not(shared_database_url: str) -> None:
    with serving_pages(shared_database_url) as pages, stranger(pages) as http:
        answers = [http.post("/sign-in", data={"key": f"ik_{n}"}).status_code for n in range(25)]
        assert answers[:20] == [401] * 20
        assert 429 in answers[20:]
        _, api_key = pages.new_tenant()
        assert http.post("/sign-in", data={"key": api_key}).status_code == 303


def test_sessions_outlive_a_restart_and_are_shared_by_gateways(shared_database_url: str) -> None:
    with serving_pages(shared_database_url) as first, first.visiting() as visitor:
        cookies = dict(visitor.http.cookies)
    with (
        serving_pages(shared_database_url) as second,
        httpx.Client(base_url=second.url, cookies=cookies) as http,
    ):
        assert http.get("/morning").status_code == 200


def test_a_session_ends_by_itself(shared_database_url: str) -> None:
    lifetime = {"SESSION_LIFETIME": timedelta(seconds=-1)}  # over as soon as it has begun
    with serving_pages(shared_database_url, **lifetime) as pages:
        _, api_key = pages.new_tenant()
        with stranger(pages) as http:
            cookie = http.post("/sign-in", data={"key": api_key}).headers["set-cookie"]
            name, _, value = cookie.partition(";")[0].partition("=")
            assert http.get("/morning", headers={"Cookie": f"{name}={value}"}).status_code == 303


def test_a_cookie_of_other_keys_is_none(pages: PagesServer, shared_database_url: str) -> None:
    with (
        serving_pages(shared_database_url, CREDENTIAL_KEYS=new_key()) as other,
        other.visiting() as visitor,
    ):
        cookies = dict(visitor.http.cookies)
    with httpx.Client(base_url=pages.url, cookies=cookies) as http:
        assert http.get("/morning").status_code == 303


def test_a_program_may_send_its_key_for_a_table(pages: PagesServer) -> None:
    _, api_key = pages.new_tenant()
    with stranger(pages) as http:
        asked = {"format": "json", "table": "kpis"}
        answer = http.get("/kpis", params=asked, headers={"X-API-Key": api_key})
        assert (answer.status_code, answer.json()) == (200, [])
        assert http.get("/kpis", params=asked, headers={"X-API-Key": "x"}).status_code == 401


def test_the_operator_is_no_tenant(pages: PagesServer) -> None:
    with stranger(pages) as http:
        led = http.post("/sign-in", data={"key": CRON_SECRET})
        assert led.headers["location"] == "/system"
        assert http.get("/morning").status_code == 404
        assert http.get("/kpis", params={"format": "csv", "table": "kpis"}).status_code == 401


def test_every_answer_has_the_headers(pages: PagesServer, visitor: Visiting) -> None:
    answers = [visitor.http.get(path) for path in (*PAGES, "/sign-in", "/", "/static/x")]
    answers.append(visitor.http.get("/kpis?format=csv&table=kpis"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["vary"].startswith("Cookie")
        assert answer.headers["cache-control"] == "private, no-store"
        assert not [
            (tag, given)
            for tag, given in read(answer.text).tags
            if tag == "style"
            or "style" in given
            or any(name.startswith("on") for name in given)
            or (tag == "script" and "src" not in given and given.get("type") != "application/json")
        ]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "no-store" in answer.headers["cache-control"]


def test_a_file_is_kept_for_ever_at_the_address_of_its_content(pages: PagesServer) -> None:
    with stranger(pages) as http:
        text = http.get("/sign-in").text
        path = text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        found = http.get(path)
        assert found.headers["content-type"].startswith("text/css")
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
        for wrong in (path.replace("/static/", "/static/0"), "/static/../routes.py", "/static/"):
            assert http.get(wrong).status_code == 404


def test_where_the_pages_login_is_missing_it_is_said(shared_database_url: str) -> None:
    with (
        serving_pages(shared_database_url, DASHBOARDS_DATABASE_URL=None) as pages,
        stranger(pages) as http,
    ):
        said = http.get("/morning")
        assert said.status_code == 503
        assert "db login dashboards NAME" in said.text


def test_where_a_tenant_has_no_viewer_it_is_said(pages: PagesServer) -> None:
    with pages.engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "unseen")
        api_key = tenants.issue_key(connection, tenant_id)
        connection.execute(sa.text("DELETE FROM tenant_readers WHERE tenant_id = :id"),
                           {"id": tenant_id})  # fmt: skip
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS ingestion_viewer_{tenant_id}")
    with stranger(pages) as http:
        http.post("/sign-in", data={"key": api_key})
        said = http.get("/morning")
        assert said.status_code == 503
        assert "db roles" in said.text
