"""Gumroad through the sandbox: pages, syncs, refunds, and each of its errors told apart."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import gumroad_sync, pings, queue
from ingestion_pipeline.domains.book_sales.land.gumroad_sync import fetch
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.domains.book_sales.sources.gumroad import api
from ingestion_pipeline.domains.book_sales.sources.gumroad.api import open_upstream
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import Told
from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.errors import UpstreamRefusedError, UpstreamUnavailableError
from ingestion_pipeline.foundation.sandbox.gumroad.api import SALES
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox


@pytest.fixture
def configuration(
    configured: Settings, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    monkeypatch.setenv("GUMROAD_API_BASE_URL", f"{sandbox.url}/gumroad/v2")
    monkeypatch.setenv("GUMROAD_REQUESTS_PER_MINUTE", "100000")
    monkeypatch.setenv("JOB_BACKOFF", "0")
    monkeypatch.setenv("HTTP_BACKOFF", "0.01")
    from ingestion_pipeline.foundation.environment import settings

    settings.cache_clear()
    return settings()


def import_(
    engine: sa.Engine, configuration: Settings, tenant_id: int, **payload: Any
) -> work.Outcome:
    with engine.begin() as connection:
        queue.land_import(
            connection, configuration, tenant_id=tenant_id, platform="gumroad",
            payload={"access_token": KEY, **payload},
        )  # fmt: skip
    return work.tick(engine, configuration, trigger="test", limit=1)[0]


def count(engine: sa.Engine, kind: str) -> int:
    with engine.connect() as connection:
        statement = "SELECT count(*) FROM sales_events WHERE event_type = :kind"
        return int(connection.execute(sa.text(statement), {"kind": kind}).scalar_one())


def test_pages_incremental_sync_and_refunds(
    engine: sa.Engine, configuration: Settings, tenant_id: int, sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(gumroad_sync, "_FEW", 0)
    first = import_(engine, configuration, tenant_id)
    assert first.status == "completed", first.error
    assert sandbox.counts()["/gumroad/v2/sales"] == 5  # 47 sales, ten a page
    assert count(engine, "sale") + count(engine, "free") == SALES
    refunds = count(engine, "refund")
    assert refunds == 3  # a free copy that is called refunded has none
    sandbox.forget()
    with engine.begin() as connection:  # as if it had been in May
        connection.execute(
            sa.text("UPDATE gumroad_syncs SET synced_until = '2026-05-20', looked_back_at = now()")
        )
    with sandbox.fault("corrected_rows", path="/gumroad"):
        again = import_(engine, configuration, tenant_id)
    # Sales since March, two months before: what was refunded meanwhile is found.
    assert sandbox.counts()["/gumroad/v2/sales"] == 3
    assert (again.result["inserted"], again.result["updated"]) == (4, 0)
    assert count(engine, "refund") == 7
    assert count(engine, "sale") + count(engine, "free") == SALES


def test_a_sale_that_makes_no_sense_is_kept_with_its_reason_and_the_others_load(
    engine: sa.Engine, configuration: Settings, tenant_id: int, sandbox: RunningSandbox
) -> None:
    with sandbox.fault("odd_values", path="/gumroad"):
        outcome = import_(engine, configuration, tenant_id)
    assert (outcome.status, outcome.result["rejected"]) == ("completed", 5)
    assert outcome.result["rows"] == SALES + 3  # each of the three refunds is a row beside its sale
    with engine.connect() as connection:
        rejected = connection.execute(
            sa.text(
                "SELECT uploads.file_name, source, reasons::text, raw FROM rejected_rows "
                "JOIN uploads USING (upload_id) ORDER BY line_number"
            )
        ).all()
    assert len(rejected) == 5
    assert {row[:2] for row in rejected} == {("gumroad API", "api")}
    assert all("price" in row.reasons and "missing" in row.reasons for row in rejected)
    assert not any("buyer" in row.raw for row in rejected)
    # Once the price is there, the sales are there, too; what was loaded is not doubled.
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM gumroad_syncs"))
    again = import_(engine, configuration, tenant_id)
    assert (again.result["inserted"], again.result["rejected"]) == (5, 0)


def test_amounts_are_exact(engine: sa.Engine, configuration: Settings, tenant_id: int) -> None:
    import_(engine, configuration, tenant_id, after="2026-01-05", before="2026-01-06")
    with engine.connect() as connection:
        [row] = connection.execute(
            sa.text("SELECT list_price, amount, currency, quantity, raw FROM sales_events")
        )
    # Two at 9.99 without a tenth for Gumroad: whole cents throughout.
    assert (str(row.list_price), str(row.amount), row.currency) == ("9.9900", "17.9900", "USD")
    assert "email" not in row.raw


def test_every_kind_of_sale_of_the_sandbox_comes_to_what_it_is(
    engine: sa.Engine, configuration: Settings, tenant_id: int, sandbox: RunningSandbox
) -> None:
    with sandbox.fault("every_kind", path="/gumroad"):
        outcome = import_(engine, configuration, tenant_id, after="2026-05-23", before="2026-05-24")
    assert (outcome.status, outcome.result["rejected"]) == ("completed", 0)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT external_id, amount, currency FROM sales_events WHERE title ~ ':'")
        ).all()
    usual = dict.fromkeys(
        ("disputed", "dispute-won", "gift", "bundle", "trial-charge", "in-SGD$", "in-ZAR",
         "in-Kč", "in-₩"), "8.50",
    )  # fmt: skip
    assert {row.external_id.removeprefix("sandbox-"): f"{row.amount:.2f}" for row in rows} == {
        **{f"{name}==": amount for name, amount in usual.items()},
        "disputed==:refund": "-8.50", "affiliate==": "7.20", "three-copies==": "28.47",
        "partly-refunded==": "9.50", "partly-refunded==:refund": "-2.75", "trial==": "0.00",
    }  # fmt: skip
    assert {row.currency for row in rows} == {"USD"}


def test_ping_and_api_meet_on_one_event(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    fields = {
        "sale_id": "sandbox-sale-0001==", "sale_timestamp": "2026-01-08T19:38:56Z",
        "product_name": "The Tin Whistle", "price": "450", "gumroad_fee": "45", "quantity": "1",
        "currency": "usd", "resource_name": "sale", "email": "buyer1@example.org",
    }  # fmt: skip
    with engine.begin() as connection:
        assert pings.land_ping(connection, configuration, tenant_id=tenant_id, fields=fields)
        assert not pings.land_ping(connection, configuration, tenant_id=tenant_id, fields=fields)
    [ping] = work.tick(engine, configuration, trigger="test", limit=5)
    assert ping.result["inserted"] == 1
    api = import_(engine, configuration, tenant_id, after="2026-01-08", before="2026-01-09")
    assert (api.result["inserted"], api.result["updated"], api.result["unchanged"]) == (0, 0, 1)
    with engine.begin() as connection:
        refund = {**fields, "refunded": "true", "resource_name": "refund"}
        assert pings.land_ping(connection, configuration, tenant_id=tenant_id, fields=refund)
    [refunded] = work.tick(engine, configuration, trigger="test", limit=5)
    assert (refunded.result["inserted"], refunded.result["updated"]) == (1, 0)
    assert (count(engine, "sale"), count(engine, "refund")) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "argument", "status"),
    [("not_found", None, 200), ("server_error", "400", 400), ("server_error", "401", 401)],
)
def test_refusals_are_told_apart(
    engine: sa.Engine, configuration: Settings, tenant_id: int, sandbox: RunningSandbox,
    fault: str, argument: str | None, status: int,
) -> None:  # fmt: skip
    with sandbox.fault(fault, argument, path="/gumroad"):
        with pytest.raises(UpstreamRefusedError) as refused:
            fetch(
                engine,
                partial(open_upstream, configuration=configuration),
                tenant_id=tenant_id,
                payload={"access_token": KEY},
            )
        assert refused.value.status == status
        assert import_(engine, configuration, tenant_id).status == "failed"
    assert count(engine, "sale") == 0


def test_a_wrong_token_is_a_401_and_is_not_repeated_in_what_is_said(
    engine: sa.Engine, configuration: Settings, tenant_id: int
) -> None:
    token = "wrong-token-of-somebody"
    with pytest.raises(UpstreamRefusedError) as refused:
        fetch(
            engine,
            partial(open_upstream, configuration=configuration),
            tenant_id=tenant_id,
            payload={"access_token": token},
        )
    assert refused.value.status == 401
    assert token not in str(refused.value)


def test_too_many_requests_wait_as_long_as_was_asked(
    engine: sa.Engine, configuration: Settings, tenant_id: int, sandbox: RunningSandbox
) -> None:
    short = configuration.model_copy(update={"http_retry_after_cap": timedelta(seconds=1)})
    with sandbox.fault("rate_limited", "1", path="/gumroad", times=1):
        parsed, _ = fetch(
            engine,
            partial(open_upstream, configuration=short),
            tenant_id=tenant_id,
            payload={"access_token": KEY},
        )
    assert isinstance(parsed, Told)
    assert len(set(parsed.sale_ids)) == SALES
    with sandbox.fault("rate_limited_without_header", path="/gumroad"):
        with pytest.raises(UpstreamUnavailableError) as busy:
            fetch(
                engine,
                partial(open_upstream, configuration=configuration),
                tenant_id=tenant_id,
                payload={"access_token": KEY},
            )
        assert busy.value.status == 429


@pytest.mark.parametrize("name", [rb"\ud83d", rb"\udc00 x", b"caf\xe9"])
def test_one_buyers_name_kept_all_sales_of_its_page_from_being_fetched(name: bytes) -> None:
    content = b'{"sales": [{"id": "1", "full_name": "%s"}, {"id": "2"}]}' % name
    page = api._decoded(content)
    assert [sale["id"] for sale in page["sales"]] == ["1", "2"]
    assert "\ufffd" in page["sales"][0]["full_name"]
    with pytest.raises(msgspec.DecodeError):
        api._decoded(content[:-3])
