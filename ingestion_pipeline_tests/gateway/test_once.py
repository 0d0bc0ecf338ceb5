"""A key at the door: whoever loses it meanwhile is told so, and takes nothing with it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import idempotency, tenants
from ingestion_pipeline.foundation.ledger.idempotency import InFlight, Started
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.front import Caller, Gateway
from ingestion_pipeline.gateway.once import Receipt, once, store

PAYLOAD = b"p" * 32
Ask = Callable[..., Receipt | Refusal | Exception]
_LAPSE = sa.text("UPDATE idempotency_keys SET in_flight_until = '-infinity'")


async def _payload() -> bytes:
    return PAYLOAD


@pytest.fixture
def ask(database_url: str, engine: sa.Engine, tenant_id: int) -> Iterator[Ask]:
    """Ask once under the key `k`; what was answered or raised."""

    def asked(
        work: Callable[[Gateway, Started], Awaitable[Receipt]],
        payload: Callable[[], Awaitable[bytes]] = _payload,
    ) -> Receipt | Refusal | Exception:
        async def answered() -> Receipt:
            connections = database.async_engine(database_url)
            gateway = Gateway(Settings(database_url=database_url), connections)
            try:
                return await once(
                    gateway, Caller(tenant_id, "t", "r"), lambda started: work(gateway, started),
                    endpoint="/e", key="k", payload=payload, noun="order",
                )  # fmt: skip
            finally:
                await connections.dispose()

        try:
            return asyncio.run(answered())
        except Exception as error:  # noqa: BLE001 - the test says which it is
            return error

    return asked


def _stored(connection: sa.Connection, started: Started) -> Receipt:
    tenants.ensure(connection, "made_by_the_work")
    return store(connection, started, {"n": 1}, payload_sha256=PAYLOAD, location="/x")


async def _done(gateway: Gateway, started: Started) -> Receipt:
    return await gateway.run(_stored, started)


def _made(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.scalar(sa.text("SELECT 1 FROM tenants WHERE name = 'made_by_the_work'"))
        )


def test_the_same_again_is_answered_alike_and_done_once(ask: Ask) -> None:
    assert ask(_done) == Receipt(202, b'{"n":1}\n', "/x")

    async def never(gateway: Gateway, started: Started) -> Receipt:
        raise AssertionError("done twice")

    assert ask(never) == Receipt(202, b'{"n":1}\n', "/x", replayed=True)


def test_another_payload_under_a_used_key_is_422_and_says_of_what(ask: Ask) -> None:
    ask(_done)

    async def other() -> bytes:
        return b"q" * 32

    refusal = ask(_done, other)
    assert isinstance(refusal, Refusal)
    assert refusal.status_code == 422
    assert "this Idempotency-Key was used with another order" in str(refusal)


def test_a_request_whose_key_was_taken_over_is_409_and_no_defect(
    ask: Ask, engine: sa.Engine, tenant_id: int
) -> None:
    async def overtaken(gateway: Gateway, started: Started) -> Receipt:
        def take_over() -> None:
            with engine.begin() as connection:
                connection.execute(_LAPSE)
                idempotency.begin(connection, tenant_id=tenant_id, endpoint="/e", key="k")

        await asyncio.to_thread(take_over)
        return await _done(gateway, started)

    refusal = ask(overtaken)
    assert isinstance(refusal, Refusal)
    assert (refusal.status_code, str(refusal)) == (
        409,
        "another request of this Idempotency-Key took over",
    )
    assert not _made(engine)
    with engine.begin() as connection:  # and the other still holds it
        held = idempotency.begin(connection, tenant_id=tenant_id, endpoint="/e", key="k")
    assert held == InFlight()


def test_work_that_fails_gives_its_key_back_unless_its_answer_is_stored(ask: Ask) -> None:
    async def broken(gateway: Gateway, started: Started) -> Receipt:
        await _done(gateway, started)
        raise OSError("after the answer was stored")

    async def refused(gateway: Gateway, started: Started) -> Receipt:
        raise Refusal(413, "too large")

    assert isinstance(ask(refused), Refusal)
    assert isinstance(ask(broken), OSError)
    assert ask(_done) == Receipt(202, b'{"n":1}\n', "/x", replayed=True)
