"""Whoever sends, and whatever is collected: outages planted into a real database are told in time.

Each rhythm runs for twenty weeks and stops, or thins out, at a known instant; one beside it, of
another tenant, goes on and is never told.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.outlets.findings import calendars
from ingestion_pipeline.outlets.findings.looking import listen
from ingestion_pipeline.outlets.findings.tables import findings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
DAYS = [NOW.date() - timedelta(days=each) for each in range(140, -1, -1)]
HOUR = timedelta(hours=1)

_UPLOAD = sa.text("""
    INSERT INTO uploads (tenant_id, domain, type, file_name, source, location, status, staged,
                         recorded_at, mapped_from)
    VALUES (:tenant_id, :domain, :type, 'f', :source, 'l', :status, :rows, :at, :mapped_from)
""")
_RECEIPT = sa.text("""
    INSERT INTO kpi_receipts (tenant_id, channel, received_at, sent, stored, known, corrected,
                              conflicts, refused)
    VALUES (:tenant_id, 'post', :at, :rows, :rows, 0, 0, 0, 0)
""")
_COLLECTED = sa.text("""
    INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched, kept,
                                result, collected_at)
    VALUES (:site, :day, '{}', '{}', :rows, :rows, '{}', :at)
""")
_WINDOW = sa.text("""
    INSERT INTO series_windows (tenant_id, source, mapping, period, records, collected_at)
    VALUES (:tenant_id, 'meter', 'kwh', :day, :rows, :at)
""")
_PUBLISHED = sa.text("""
    INSERT INTO macro_observations (series_id, date, realtime_start, realtime_end, value,
                                    recorded_at)
    VALUES (:series, :of, :day, '9999-12-31', 1, :at)
""")


def at(day: date, hour: float = 0.0) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + hour * HOUR


def working(days: Iterable[date]) -> list[date]:
    return [each for each in days if each.weekday() < 5]


def plant(engine: sa.Engine, statement: sa.TextClause, rows: list[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        connection.execute(statement, rows)


def files(
    tenant_id: int, instants: Iterable[datetime], *, type_: str = "orders",
    domain: str = "commerce", rows: Iterable[int] | None = None, **more: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    each = {"domain": domain, "type": type_, "source": "http", "status": "loaded", "rows": 100,
            "mapped_from": None, "tenant_id": tenant_id}  # fmt: skip
    made = [{**each, "at": when, **more} for when in instants]
    return made if rows is None else [{**one, "rows": n} for one, n in zip(made, rows, strict=True)]


def told(engine: sa.Engine) -> list[tuple[str, str, str]]:
    c = findings.c
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(c.subject, c.kind, c.state).where(c.state != "absorbed").order_by(c.subject)
        )
        return [tuple(row) for row in rows]


def hourly_looks(engine: sa.Engine, *, since: datetime, until: datetime = NOW) -> datetime | None:
    """Look each half hour, as the schedule does; when something was told first."""
    now = since
    while now <= until:
        listen(engine, now=now)
        if told(engine):
            return now
        now += HOUR / 2
    return None


def test_a_daily_file_that_does_not_come_is_told_the_day_after(
    engine: sa.Engine, tenant_id: int
) -> None:
    plant(engine, _UPLOAD, files(tenant_id, [at(day, 6) for day in DAYS[:-2]]))
    due = at(DAYS[-2], 6)
    assert hourly_looks(engine, since=due - HOUR, until=due) is None
    first = hourly_looks(engine, since=due + HOUR)
    assert first is not None
    assert first - due <= timedelta(days=1)  # so two usual intervals after the last
    assert told(engine) == [("files: orders", "silence", "open")]


def test_whoever_sends_on_working_days_is_not_missed_at_the_weekend(
    engine: sa.Engine, tenant_id: int
) -> None:
    friday = at(DAYS[-7], 0)
    assert friday.weekday() == 5
    plant(
        engine, _UPLOAD, files(tenant_id, [at(day, 7) for day in working(DAYS) if at(day) < friday])
    )
    assert hourly_looks(engine, since=friday, until=friday + timedelta(days=2, hours=7)) is None
    first = hourly_looks(engine, since=friday + timedelta(days=2, hours=8))
    assert first is not None
    assert first - friday <= timedelta(days=4)


def test_a_holiday_of_the_tenant_suppresses_a_silence(engine: sa.Engine, tenant_id: int) -> None:
    """Friday, 20 November, from which the look comes."""
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        calendars.add_holiday(connection, tenant_id, NOW.date(), "Repentance")
    days = [day for day in working(DAYS) if day < NOW.date()]
    plant(engine, _UPLOAD, [
        *files(tenant_id, [at(day, 7) for day in days]), *files(other, [at(day, 7) for day in days])
    ])  # fmt: skip
    listen(engine, now=NOW + timedelta(hours=11))
    with engine.connect() as connection:
        assert list(connection.scalars(sa.select(findings.c.tenant_id))) == [other]


def test_files_of_a_mapping_are_one_sender_and_what_is_made_of_them_is_none(
    engine: sa.Engine, tenant_id: int
) -> None:
    instants = [at(day, 6) for day in DAYS[:-3]]
    made = files(tenant_id, instants, domain="commerce", mapped_from=1)
    plant(engine, _UPLOAD, files(tenant_id, instants, domain="intake", type_="shopify/orders"))
    plant(engine, _UPLOAD, made)
    again = files(tenant_id, [NOW], domain="intake", type_="shopify/orders", source="replay")
    plant(engine, _UPLOAD, again)  # the operator's doing: nobody has sent it
    listen(engine, now=NOW)
    assert told(engine) == [("files: shopify/orders", "silence", "open")]


def test_files_that_are_refused_are_sent_all_the_same(engine: sa.Engine, tenant_id: int) -> None:
    plant(engine, _UPLOAD, files(tenant_id, [at(day, 6) for day in DAYS[:-5]]))
    plant(
        engine, _UPLOAD, files(tenant_id, [at(day, 6) for day in DAYS[-5:]], rows=[0] * 5,
                               status="failed")
    )  # fmt: skip
    listen(engine, now=NOW)
    assert {kind for _, kind, _ in told(engine)} == {"volume"}


def test_a_tenth_of_the_usual_rows_is_a_drop_of_volume_and_no_silence(
    engine: sa.Engine, tenant_id: int
) -> None:
    chance = np.random.default_rng(1)
    rows = [int(1000 * each) for each in chance.lognormal(0, 0.15, len(DAYS))]
    rows[-2] //= 10
    plant(engine, _UPLOAD, files(tenant_id, [at(day, 6) for day in DAYS], rows=rows))
    assert hourly_looks(engine, since=at(DAYS[-2], 7), until=at(DAYS[-2], 23.5)) is None
    assert hourly_looks(engine, since=at(DAYS[-1])) == at(DAYS[-1])
    with engine.connect() as connection:
        [drop] = connection.execute(sa.select(findings)).all()
    assert (drop.kind, drop.value) == ("volume", rows[-2])
    assert drop.sentence.startswith(f"{rows[-2]} rows came on Thursday, 2026-11-19; usually about ")


def test_a_day_whose_files_wait_to_be_loaded_is_not_judged(
    engine: sa.Engine, tenant_id: int
) -> None:
    instants = [at(day, 6) for day in DAYS]
    plant(engine, _UPLOAD, files(tenant_id, instants[:-2]))
    plant(engine, _UPLOAD, files(tenant_id, instants[-2:], rows=[0, 0], status="recorded"))
    listen(engine, now=NOW)
    assert told(engine) == []


def test_readings_that_are_posted_each_quarter_of_an_hour_are_missed_within_two(
    engine: sa.Engine, tenant_id: int
) -> None:
    stopped = NOW - timedelta(hours=3)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
    quarters = [stopped - n * HOUR / 4 for n in range(8 * 7 * 96)]
    rows = [{"tenant_id": tenant_id, "at": each, "rows": 5} for each in quarters]
    going_on = [{**each, "tenant_id": other, "at": each["at"] + 3 * HOUR} for each in rows]
    plant(engine, _RECEIPT, rows + going_on)
    first = hourly_looks(engine, since=stopped + timedelta(minutes=5))
    assert first is not None
    assert first - stopped <= timedelta(minutes=45)
    with engine.connect() as connection:
        [silence] = connection.execute(sa.select(findings)).all()
    assert (silence.tenant_id, silence.kind) == (tenant_id, "silence")
    assert silence.raised_at - silence.began_at <= timedelta(minutes=30)


@pytest.fixture
def site(engine: sa.Engine, tenant_id: int) -> str:
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'hq')"),
            {"t": tenant_id},
        )
    return "hq"


def collected(site: str, days: Iterable[date], *, late: float = 14, rows: int = 500) -> Any:
    return [
        {"site": site, "day": day, "rows": rows, "at": at(day + timedelta(days=1), late)}
        for day in days
    ]


def test_a_building_that_is_collected_in_the_afternoon_is_not_missed_before(
    engine: sa.Engine, site: str
) -> None:
    """Its last sample is up to 38 hours old each day: what is usual, is no silence."""
    plant(engine, _COLLECTED, collected(site, DAYS[:-1], late=14))
    assert hourly_looks(engine, since=NOW, until=NOW + timedelta(hours=24)) is None


def test_a_building_without_samples_is_quiet_though_it_is_collected(
    engine: sa.Engine, tenant_id: int, site: str
) -> None:
    plant(engine, _COLLECTED, collected(site, DAYS[:-5], late=3))
    plant(engine, _COLLECTED, collected(site, DAYS[-5:-1], late=3, rows=0))
    plant(engine, _COLLECTED, collected("of nobody", DAYS[:-1], late=3))
    listen(engine, now=NOW)
    assert told(engine) == [("collection: hq", "silence", "open")]
    with engine.connect() as connection:
        [silence] = connection.execute(sa.select(findings)).all()
    assert silence.tenant_id == tenant_id
    assert silence.raised_at <= at(DAYS[-5]) + timedelta(days=2)


def test_a_building_that_is_not_collected_any_more_is_quiet_to_each_who_sees_it(
    engine: sa.Engine, tenant_id: int, site: str
) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        connection.execute(sa.text("INSERT INTO tenant_sites VALUES (:t, :site)"),
                           {"t": other, "site": site})  # fmt: skip
    plant(engine, _COLLECTED, collected(site, DAYS[:-5], late=3))
    plant(engine, _COLLECTED, collected("of nobody", DAYS[:-5], late=3))
    listen(engine, now=NOW)
    with engine.connect() as connection:
        whose = set(connection.scalars(sa.select(findings.c.tenant_id)))
    assert whose == {tenant_id, other, None}  # what no tenant sees is the operator's own


def test_a_backfill_of_a_building_is_no_rhythm(engine: sa.Engine, site: str) -> None:
    backfilled = [{**each, "at": NOW - timedelta(days=20)}
                  for each in collected(site, DAYS[:-21])]  # fmt: skip
    plant(engine, _COLLECTED, backfilled + collected(site, DAYS[-21:-1], late=3))
    listen(engine, now=NOW)
    assert told(engine) == []


def windows(tenant_id: int, days: Iterable[date], rows: int = 96) -> Any:
    return [
        {"tenant_id": tenant_id, "day": day.isoformat(), "rows": rows,
         "at": at(day + timedelta(days=1), 5)}
        for day in days
    ]  # fmt: skip


def test_an_api_that_has_no_records_any_more_is_quiet(engine: sa.Engine, tenant_id: int) -> None:
    plant(engine, _WINDOW, windows(tenant_id, DAYS[:-4]))
    plant(engine, _WINDOW, windows(tenant_id, DAYS[-4:-1], rows=0))
    known = files(tenant_id, [at(day, 5) for day in DAYS[1:-3]], domain="intake",
                  type_="meter/kwh", source="api")  # fmt: skip
    plant(engine, _UPLOAD, known)  # the same days once more: told once
    listen(engine, now=NOW)
    assert told(engine) == [("api: meter/kwh", "silence", "open")]


def test_an_api_with_a_tenth_of_its_records_has_a_drop_of_volume(
    engine: sa.Engine, tenant_id: int
) -> None:
    plant(engine, _WINDOW, windows(tenant_id, DAYS[:-3]))
    plant(engine, _WINDOW, windows(tenant_id, DAYS[-3:-2], rows=9))
    plant(engine, _WINDOW, windows(tenant_id, DAYS[-2:-1]))
    listen(engine, now=NOW)
    assert told(engine) == [("api: meter/kwh", "volume", "ended")]


def published(series: str, days: Iterable[date], *, late: float = 20) -> Any:
    return [
        {"series": series, "of": day - timedelta(days=1), "day": day, "at": at(day, late)}
        for day in days
    ]


def test_a_series_that_is_published_no_more_is_the_operators_to_know(engine: sa.Engine) -> None:
    monthly = [date(2025 + n // 12, n % 12 + 1, 13) for n in range(23)]  # to November 2026
    plant(engine, _PUBLISHED, published("DGS10", working(DAYS)[:-4]))
    plant(engine, _PUBLISHED, published("DEXUSEU", working(DAYS)))
    plant(engine, _PUBLISHED, published("CPIAUCSL", monthly))
    plant(engine, _PUBLISHED, published("UNRATE", monthly[:-2]))
    plant(engine, _PUBLISHED, published("acme/ecb/EXR", working(DAYS)[:-9]))  # comes in files
    listen(engine, now=NOW)
    assert told(engine) == [
        ("published: DGS10", "silence", "open"), ("published: UNRATE", "silence", "open")
    ]  # fmt: skip
    with engine.connect() as connection:
        assert set(connection.scalars(sa.select(findings.c.tenant_id))) == {None}


def test_listening_twice_or_killed_midway_comes_to_the_same(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion_pipeline.outlets.findings import looking

    for type_ in ("customers", "orders"):
        plant(engine, _UPLOAD, files(tenant_id, [at(day, 6) for day in DAYS[:-3]], type_=type_))
    kept = looking.keep

    def dies(*args: Any, **more: Any) -> int:
        new = kept(*args, **more)
        if args[1].subject == "files: orders":
            raise KeyboardInterrupt
        return new

    with monkeypatch.context() as patch:
        patch.setattr(looking, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            listen(engine, now=NOW)
    assert [subject for subject, _, _ in told(engine)] == ["files: customers"]
    assert listen(engine, now=NOW).new == 1
    assert listen(engine, now=NOW).new == 0
    assert len(told(engine)) == 2
