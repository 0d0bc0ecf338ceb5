""" "As expected" beside a finding: it is remembered, for whoever's it is, from a form of ours."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingestion_pipeline_tests.outlets.dashboards.rows import fill
from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting


@pytest.fixture(scope="module")
def acme(pages: PagesServer) -> Iterator[Visiting]:
    with pages.visiting("acme") as made:
        fill(pages.engine, made.tenant_id)
        yield made


def finding(pages: PagesServer, kind: str) -> tuple[int, str, str | None]:
    query = sa.text("SELECT finding_id, state, expected_by FROM findings WHERE kind = :kind")
    with pages.engine.connect() as connection:
        row = connection.execute(query, {"kind": kind}).one()
        return row.finding_id, row.state, row.expected_by


def token_of(visitor: Visiting) -> str:
    text = visitor.http.get("/commerce").text
    return text.partition('name="token" value="')[2].partition('"')[0]


def test_what_is_expected_stands_out_no_more(pages: PagesServer, acme: Visiting) -> None:
    number, state, _ = finding(pages, "level_shift")
    assert state == "open"
    assert "3 things to look at." in acme.http.get("/morning").text
    form = {"token": token_of(acme), "finding": str(number), "next": "/morning?x=1"}
    for _ in range(2):  # twice, as whoever clicks twice does
        done = acme.http.post("/findings/expected", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/morning?x=1")
    assert finding(pages, "level_shift")[1:] == ("expected", "pages")
    assert "2 things to look at." in acme.http.get("/morning").text


def test_nobody_elses_finding_and_no_other_sites_form(pages: PagesServer, acme: Visiting) -> None:
    number, before, _ = finding(pages, "drop")
    with pages.visiting() as other:
        own = {"token": token_of(other), "finding": str(number)}
        assert other.http.post("/findings/expected", data=own).status_code == 404
    without = acme.http.post("/findings/expected", data={"finding": str(number)})
    assert without.status_code == 403
    elsewhere = acme.http.post(
        "/findings/expected", data={"token": token_of(acme), "finding": str(number)},
        headers={"Sec-Fetch-Site": "cross-site"},
    )  # fmt: skip
    assert elsewhere.status_code == 403
    assert finding(pages, "drop")[1] == before


@pytest.mark.parametrize("number", ["", "-1", "1e3", "9" * 30, "1; DROP TABLE findings", "999999"])
def test_a_finding_that_is_none_is_not_there(acme: Visiting, number: str) -> None:
    form = {"token": token_of(acme), "finding": number}
    assert acme.http.post("/findings/expected", data=form).status_code == 404


def test_one_is_led_back_to_pages_of_ours_only(pages: PagesServer, acme: Visiting) -> None:
    number, *_ = finding(pages, "gap")
    form = {"token": token_of(acme), "finding": str(number), "next": "//elsewhere.example"}
    assert acme.http.post("/findings/expected", data=form).headers["location"] == "/morning"
