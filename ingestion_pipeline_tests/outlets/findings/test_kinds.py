"""Buildings, orders, books and macro series: what is planted into half a year of them is found, by
the tenant's clock, and what is usual there is not."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.outlets.findings import calendars, expected
from ingestion_pipeline.outlets.findings.looking import Looked, look
from ingestion_pipeline.outlets.findings.tables import findings, watched_subjects

TODAY = date(2026, 11, 20)  # a Friday; clocks were put back on 25 October
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = [TODAY - timedelta(days=each) for each in range(170, 0, -1)]
BERLIN = ZoneInfo("Europe/Berlin")

_HOURS = sa.text("""
    INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, samples, left_out, minimum,
                                   maximum, mean, last, coverage)
    VALUES ('hq', :point, :hour, '°C', 4, 0, :value, :value, :value, :value, 1)
""")
_ORDERS = sa.text("""
    INSERT INTO orders_daily (tenant_id, day, currency, orders, gross, discounts, refunds, net,
                              average, new_customers, returning_customers, returns, cancelled,
                              cancelled_amount)
    VALUES (:tenant_id, :day, :currency, :value, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT (tenant_id, day, currency) DO UPDATE SET orders = excluded.orders
""")
_BOOKS = sa.text("""
    INSERT INTO book_income_daily (tenant_id, platform, month, day, title, marketplace, currency,
                                   basis, units, units_refunded, units_free, pages_read, income,
                                   events, unknown_amounts)
    VALUES (:tenant_id, :platform, date_trunc('month', CAST(:day AS date)), :day, :title, '', 'EUR',
            :basis, 1, 0, 0, 0, :value, 1, 0)
""")
_MACRO = sa.text("""
    INSERT INTO macro_latest (series_id, observed_on, newest, value, known_since, first_print,
                              first_print_on, revision)
    VALUES (:series, :day, :newest, :value, :day, :value, :day, 0)
""")
_FILE = sa.text("""
    INSERT INTO uploads (tenant_id, domain, type, file_name, source, location, status, recorded_at,
                         loaded_at)
    VALUES (:tenant_id, :domain, :type, 'f', 'http', 'l', 'loaded', :at, :at)
""")


def put(engine: sa.Engine, statement: sa.TextClause, rows: Sequence[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        connection.execute(statement, list(rows))


def came(engine: sa.Engine, tenant_id: int, domain: str, type_: str, at: datetime) -> None:
    put(engine, _FILE, [{"tenant_id": tenant_id, "domain": domain, "type": type_, "at": at}])


def found(
    engine: sa.Engine, since: date = date(2026, 11, 16), *, subject: str | None = None
) -> list[Any]:
    """What began on the days of what is planted: what comes by chance may be there, too."""
    c = findings.c
    query = sa.select(findings).where(c.state != "absorbed", c.began_at >= local(since))
    if subject is not None:
        query = query.where(c.subject == subject)
    query = query.order_by(c.began_at)
    with engine.connect() as connection:
        return list(connection.execute(query).all())


def looked(engine: sa.Engine, *, now: datetime = NOW) -> Looked:
    """Look, though it was looked at a minute ago."""
    with engine.begin() as connection:
        connection.execute(sa.update(watched_subjects).values(looked_at=sa.text("'2020-01-01'")))
    return look(engine, now=now)


def in_berlin(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        calendars.set_zone(connection, tenant_id, "Europe/Berlin")


def local(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), BERLIN).astimezone(UTC)


# Buildings


def rooms(
    engine: sa.Engine, tenant_id: int, *, until: datetime, points: Sequence[str] = ("a/temp",),
    planted: Callable[[datetime], float | None] = lambda _: 0.0,
) -> None:  # fmt: skip
    """Heated in office hours by Berlin's clock: 18 °C at night, 21.5 at noon."""
    chance = np.random.default_rng(8)
    rows = []
    for point in points:
        for n in range(16 * 7 * 24, 0, -1):
            hour = until - timedelta(hours=n)
            wall = hour.astimezone(BERLIN)
            warm = 3.5 if wall.weekday() < 5 and 8 <= wall.hour < 18 else 0.0
            more = planted(hour) if point == points[0] else 0.0
            if more is not None:
                value = 18 + warm + more + chance.normal(0, 0.15)
                rows.append({"point": point, "hour": hour, "value": value})
    put(engine, _HOURS, rows)
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'hq')"),
            {"t": tenant_id},
        )


MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def test_a_room_whose_heating_failed_for_a_morning_is_told_by_the_wall_clock(
    engine: sa.Engine, tenant_id: int
) -> None:
    in_berlin(engine, tenant_id)
    morning = local(date(2026, 11, 18), 9)
    cold = (morning, morning + timedelta(hours=4))
    rooms(engine, tenant_id, until=MIDNIGHT,
          planted=lambda hour: -3.5 if cold[0] <= hour < cold[1] else 0.0)  # fmt: skip
    looked(engine)
    [drop] = found(engine, morning.date())
    assert (drop.domain, drop.subject, drop.kind, drop.state) == (
        "buildings", "hq/a/temp", "drop", "ended",
    )  # fmt: skip
    assert drop.began_at == morning
    assert drop.sentence.startswith("Fell to 1")
    assert "(Wednesday); in the last 8 weeks it was 21." in drop.sentence
    assert "at this hour" in drop.sentence


def test_clocks_that_were_put_back_are_nothing_to_a_room(engine: sa.Engine, tenant_id: int) -> None:
    in_berlin(engine, tenant_id)
    rooms(engine, tenant_id, until=datetime(2026, 11, 3, tzinfo=UTC))
    assert looked(engine, now=datetime(2026, 11, 3, 12, tzinfo=UTC)).unknown == 0
    assert found(engine, date(2026, 10, 24)) == []


def test_a_room_is_not_missed_until_its_building_is_collected_again(
    engine: sa.Engine, tenant_id: int
) -> None:
    """The last hour is half a day old at noon, of every point of the building."""
    rooms(engine, tenant_id, until=MIDNIGHT, points=("a/temp", "b/temp"))
    looked(engine, now=NOW)
    looked(engine, now=NOW + timedelta(hours=14))
    assert found(engine) == []


def test_a_sensor_that_died_beside_others_is_a_gap(engine: sa.Engine, tenant_id: int) -> None:
    died = datetime(2026, 11, 19, 10, tzinfo=UTC)
    rooms(engine, tenant_id, until=MIDNIGHT, points=("a/temp", "b/temp"),
          planted=lambda hour: 0.0 if hour < died else None)  # fmt: skip
    looked(engine)
    [gap] = found(engine)
    assert (gap.kind, gap.subject, gap.state) == ("gap", "hq/a/temp", "open")
    assert gap.began_at == died - timedelta(hours=1)
    assert gap.sentence.startswith("Nothing came since Thursday, 2026-11-19 09:00.")


def test_a_sensor_that_froze_is_stuck(engine: sa.Engine, tenant_id: int) -> None:
    rooms(engine, tenant_id, until=MIDNIGHT)
    put(engine, sa.text("""
        UPDATE timeseries_hourly SET mean = 21.0 WHERE hour >= '2026-11-18 08:00Z' AND :all
    """), [{"all": True}])  # fmt: skip
    looked(engine)
    [stuck] = found(engine)
    assert (stuck.kind, stuck.state, stuck.value) == ("stuck", "open", 21.0)


# Orders


def orders(
    engine: sa.Engine, tenant_id: int, *, currency: str = "EUR",
    planted: Callable[[date, int], int | None] = lambda _, usual: usual,
    days: Sequence[date] = DAYS,
) -> None:  # fmt: skip
    """About 120 a working day, 40 on Saturday and Sunday."""
    chance = np.random.default_rng(8)
    usual = [int((120 if day.weekday() < 5 else 40) * chance.normal(1, 0.06)) for day in days]
    rows = [
        {"tenant_id": tenant_id, "currency": currency, "day": day, "value": value}
        for day, each in zip(days, usual, strict=True)
        if (value := planted(day, each)) is not None
    ]
    put(engine, _ORDERS, rows)


def test_a_day_with_a_third_of_the_orders_is_a_drop_of_its_currency(
    engine: sa.Engine, tenant_id: int
) -> None:
    bad = date(2026, 11, 17)
    orders(engine, tenant_id, planted=lambda day, usual: usual // 3 if day == bad else usual)
    orders(engine, tenant_id, currency="USD")
    came(engine, tenant_id, "commerce", "orders", NOW - timedelta(hours=3))
    looked(engine)
    [drop] = found(engine, bad, subject="EUR")
    assert (drop.domain, drop.kind, drop.state) == ("commerce", "drop", "ended")
    assert drop.began_at == datetime(2026, 11, 17, tzinfo=UTC)
    assert drop.ended_at == datetime(2026, 11, 18, tzinfo=UTC)
    assert " on Tuesday, 2026-11-17; in the last 8 weeks it was " in drop.sentence
    assert "on this day of the week" in drop.sentence


def test_days_without_any_order_were_not_there_to_be_found(
    engine: sa.Engine, tenant_id: int
) -> None:
    """A shop whose orders stop has no row of such days, and its last row is of a usual one."""
    orders(engine, tenant_id, days=DAYS[:-2])
    came(engine, tenant_id, "commerce", "orders", NOW - timedelta(hours=3))
    looked(engine)
    [drop] = found(engine)
    assert (drop.kind, drop.value, drop.state) == ("drop", 0.0, "open")
    assert drop.began_at == datetime(2026, 11, 18, tzinfo=UTC)


def test_a_day_of_which_half_has_come_is_no_drop(engine: sa.Engine, tenant_id: int) -> None:
    """The file of Thursday came at its noon; the next comes on Friday, then it is whole."""
    half = date(2026, 11, 19)
    orders(engine, tenant_id, planted=lambda day, usual: usual // 2 if day == half else usual)
    came(engine, tenant_id, "commerce", "orders", datetime(2026, 11, 19, 12, tzinfo=UTC))
    came(engine, tenant_id, "commerce", "products", NOW - timedelta(minutes=5))  # not in marts yet
    looked(engine)
    assert found(engine, half) == []
    looked(engine, now=NOW + timedelta(hours=1))
    assert [each.kind for each in found(engine, half)] == ["drop"]


def test_a_holiday_suppresses_what_would_be_a_drop(engine: sa.Engine, tenant_id: int) -> None:
    holiday = date(2026, 11, 18)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        calendars.add_holiday(connection, tenant_id, holiday, "Day of repentance")
    for each in (tenant_id, other):
        orders(engine, each, planted=lambda day, usual: 39 if day == holiday else usual)
        came(engine, each, "commerce", "orders", NOW - timedelta(hours=3))
    looked(engine)
    assert [(each.tenant_id, each.kind) for each in found(engine)] == [(other, "drop")]


def test_a_holiday_that_is_added_afterwards_takes_the_finding_back(
    engine: sa.Engine, tenant_id: int
) -> None:
    holiday = date(2026, 11, 18)
    orders(engine, tenant_id, planted=lambda day, usual: 39 if day == holiday else usual)
    came(engine, tenant_id, "commerce", "orders", NOW - timedelta(hours=3))
    looked(engine)
    assert len(found(engine)) == 1
    with engine.begin() as connection:
        calendars.add_holiday(connection, tenant_id, holiday, "")
    looked(engine)
    assert found(engine) == []


def test_a_day_is_the_tenants_own_where_clocks_change(engine: sa.Engine, tenant_id: int) -> None:
    in_berlin(engine, tenant_id)
    bad = date(2026, 10, 26)  # the day after clocks were put back
    days = [day for day in DAYS if day <= bad + timedelta(days=4)]
    orders(engine, tenant_id, days=days,
           planted=lambda day, usual: 20 if day == bad else usual)  # fmt: skip
    noon = local(bad + timedelta(days=5), 12)
    came(engine, tenant_id, "commerce", "orders", noon - timedelta(hours=2))
    looked(engine, now=noon)
    [drop] = found(engine, bad)
    assert drop.began_at == local(bad)  # 23:00 UTC of the day before
    assert drop.ended_at == local(bad + timedelta(days=1))
    assert " on Monday, 2026-10-26" in drop.sentence


def test_what_is_expected_hides_no_later_one(engine: sa.Engine, tenant_id: int) -> None:
    first, second = date(2026, 11, 16), date(2026, 11, 18)
    fewer = {first}
    orders(engine, tenant_id,
           planted=lambda day, usual: usual // 4 if day in fewer else usual)  # fmt: skip
    came(engine, tenant_id, "commerce", "orders", NOW - timedelta(hours=3))
    looked(engine, now=NOW)
    [drop] = found(engine)
    with engine.begin() as connection:
        assert expected.call_expected(
            connection, drop.finding_id, tenant_id=tenant_id, by="somebody"
        )
    put(engine, _ORDERS,
        [{"tenant_id": tenant_id, "currency": "EUR", "day": second, "value": 25}])  # fmt: skip
    looked(engine, now=NOW)
    assert [(each.began_at.date(), each.state) for each in found(engine)] == [
        (first, "expected"), (second, "ended"),
    ]  # fmt: skip


# Books


def books(
    engine: sa.Engine, tenant_id: int, platform: str, *, days: Sequence[date] = DAYS,
    level: float = 60.0, planted: Callable[[date, float], float | None] = lambda _, usual: usual,
    basis: str = "estimated",
) -> None:  # fmt: skip
    """Three titles, about `level` EUR a day together."""
    chance = np.random.default_rng(6)
    rows = []
    for day in days:
        usual = float(level * chance.normal(1, 0.1))
        if (value := planted(day, usual)) is not None:
            rows += [{"tenant_id": tenant_id, "platform": platform, "day": day, "basis": basis,
                      "title": title, "value": round(value / 3, 4)} for title in "abc"]  # fmt: skip
    put(engine, _BOOKS, rows)


def test_a_day_with_ten_times_the_income_is_a_spike_of_its_platform(
    engine: sa.Engine, tenant_id: int
) -> None:
    best = date(2026, 11, 16)
    books(engine, tenant_id, "gumroad",
          planted=lambda day, usual: 600.0 if day == best else usual)  # fmt: skip
    looked(engine)
    [spike] = found(engine)
    assert (spike.domain, spike.subject, spike.kind) == ("book_sales", "gumroad/EUR", "spike")
    assert spike.value == 600.0
    assert spike.sentence.startswith("Rose to 600")


def test_a_platform_that_reports_by_the_month_is_no_drop_of_the_others(
    engine: sa.Engine, tenant_id: int
) -> None:
    """Both in euros: since the last report of the one there was half of the income."""
    books(engine, tenant_id, "gumroad")
    books(engine, tenant_id, "kdp", days=DAYS[:-19])
    looked(engine)
    assert found(engine) == []


def test_days_without_a_sale_after_a_report_are_days_of_none(
    engine: sa.Engine, tenant_id: int
) -> None:
    books(engine, tenant_id, "kdp", days=DAYS[:-3])
    looked(engine)
    assert found(engine) == []  # nobody knows whether there was a sale
    came(engine, tenant_id, "book_sales", "kdp", NOW - timedelta(hours=2))
    looked(engine)
    [drop] = found(engine)
    assert (drop.kind, drop.value, drop.state) == ("drop", 0.0, "open")


def test_a_month_that_is_settled_takes_its_days_away_and_is_no_drop(
    engine: sa.Engine, tenant_id: int
) -> None:
    books(engine, tenant_id, "kdp", planted=lambda day, usual: None if day.month == 10 else usual)
    books(engine, tenant_id, "kdp", days=[date(2026, 10, 1)], level=1800, basis="settled")
    looked(engine)
    assert found(engine) == []


# Macro


def macro(
    engine: sa.Engine, series: str, *, days: Sequence[date],
    planted: Callable[[date], float] = lambda _: 0.0,
) -> None:  # fmt: skip
    """A rate that walks about."""
    chance = np.random.default_rng(7)
    walk = 4 + np.cumsum(chance.normal(0, 0.03, len(days)))
    put(engine, _MACRO, [
        {"series": series, "day": day, "newest": day == days[-1],
         "value": round(float(value) + planted(day), 2)}
        for day, value in zip(days, walk, strict=True)
    ])  # fmt: skip


def test_a_rate_that_jumped_is_the_operators_to_know_and_a_tenants_its_own(
    engine: sa.Engine, tenant_id: int
) -> None:
    working = [day for day in DAYS if day.weekday() < 5]
    jump = date(2026, 11, 17)
    for series in ("DGS10", "acme/ecb/EXR"):
        macro(engine, series, days=working, planted=lambda day: 1.5 if day == jump else 0.0)
    macro(engine, "DEXUSEU", days=working)
    macro(engine, "unknown/ecb/EXR", days=working, planted=lambda day: 2.0 if day == jump else 0.0)
    looked(engine)
    spikes = {each.subject: each for each in found(engine)}
    assert {name: each.tenant_id for name, each in spikes.items()} == {
        "DGS10": None, "acme/ecb/EXR": tenant_id,
    }  # fmt: skip
    assert spikes["DGS10"].kind == "spike"
    assert " on Tuesday, 2026-11-17" in spikes["DGS10"].sentence


def test_a_monthly_series_is_watched_and_too_little_is_known_of_it(engine: sa.Engine) -> None:
    months = [date(2021 + n // 12, n % 12 + 1, 1) for n in range(70)]
    macro(engine, "CPIAUCSL", days=months)
    assert looked(engine).unknown == 1
    assert found(engine) == []
