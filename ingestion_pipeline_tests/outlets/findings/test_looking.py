"""Planted series are found in a real database: each once, by the tenant's clock, told once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.outlets.findings import calendars, expected
from ingestion_pipeline.outlets.findings.looking import listen, look
from ingestion_pipeline.outlets.findings.tables import findings, watched_subjects
from ingestion_pipeline.outlets.findings.telling import tell
from ingestion_pipeline_tests.outlets.findings.analysis.serving import Handler, serving

HOUR = datetime(2026, 11, 20, 5, tzinfo=UTC)
_SERIES = sa.text("""
    WITH made AS (
        INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, received_at, value, timestamp_text,
                                kpi_type, trace_id, in_order)
        SELECT :tenant_id, :kpi, :hour - n * interval '1 hour',
               :hour - n * interval '1 hour' + CAST(:late AS interval),
               CASE WHEN n BETWEEN :last AND :first THEN :planted ELSE 80 END
               + 5 * sin(extract(hour FROM (:hour - n * interval '1 hour') AT TIME ZONE :zone)
                         * pi() / 12)
               + (hashtext('a' || n) % 1000 + hashtext('b' || n) % 1000
                  + hashtext('c' || n) % 1000) / 2e3, '', 'price', 'before', true
        FROM generate_series(:until, 24 * 7 * 14) AS n
        ON CONFLICT DO NOTHING)
    INSERT INTO kpi_series (tenant_id, kpi_id) VALUES (:tenant_id, :kpi) ON CONFLICT DO NOTHING
""")


def _plant(
    engine: sa.Engine, tenant_id: int, *, kpi: str = "revenue", planted: float = 80.0,
    first: int = 30, last: int = 28, until: int = 0, zone: str = "UTC", late: str = "1 second",
) -> None:  # fmt: skip
    values = {
        "tenant_id": tenant_id, "kpi": kpi, "planted": planted, "first": first, "last": last,
        "until": until, "hour": HOUR, "zone": zone, "late": late,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(_SERIES, values)


def _found(engine: sa.Engine, *, absorbed: bool = False) -> list[Any]:
    query = sa.select(findings).order_by(findings.c.began_at)
    if not absorbed:
        query = query.where(findings.c.state != "absorbed")
    with engine.connect() as connection:
        return list(connection.execute(query).all())


def _deep(engine: sa.Engine) -> list[Any]:
    """What is told of values that were planted: by chance there may be others."""
    return [each for each in _found(engine) if each.value is not None and each.value < 50]


def _again(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(watched_subjects).values(looked_at=sa.text("'2020-01-01'")))


def test_a_drop_of_three_hours_is_found_once_however_often_it_is_looked(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=30.0)
    looked = look(engine, now=HOUR)
    assert (looked.subjects, looked.unknown, looked.new) == (1, 0, 1)
    [drop] = _found(engine)
    assert (drop.tenant_id, drop.domain, drop.subject) == (tenant_id, "kpis", "revenue")
    assert (drop.kind, drop.state) == ("drop", "ended")
    assert drop.began_at == HOUR - timedelta(hours=30)
    assert HOUR - timedelta(hours=27) <= drop.ended_at <= HOUR - timedelta(hours=21)
    assert drop.sentence.startswith("Fell to ")
    assert len(drop.history) == 8
    _again(engine)
    assert look(engine, now=HOUR).new == 0
    assert _found(engine) == [drop]


def test_what_has_no_new_points_is_not_looked_at_again(engine: sa.Engine, tenant_id: int) -> None:
    _plant(engine, tenant_id)
    assert look(engine, now=HOUR).subjects == 1
    assert look(engine, now=HOUR).subjects == 0


def test_a_look_that_is_killed_between_two_subjects_finds_the_same_in_the_end(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion_pipeline.outlets.findings import looking

    _plant(engine, tenant_id, kpi="a", planted=30.0)
    _plant(engine, tenant_id, kpi="b", planted=30.0)
    kept = looking.keep
    calls = iter([kept])

    def dies(*args: Any, **more: Any) -> int:
        kept(*args, **more)
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return 1

    with monkeypatch.context() as patch:
        patch.setattr(looking, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            look(engine, now=HOUR)
    assert [each.subject for each in _found(engine)] == ["a"]
    look(engine, now=HOUR)
    assert [each.subject for each in _found(engine)] == ["a", "b"]


def test_a_drop_grows_while_it_lasts_and_ends(engine: sa.Engine, tenant_id: int) -> None:
    _plant(engine, tenant_id, planted=30.0, first=7, last=5, until=5)
    look(engine, now=HOUR - timedelta(hours=5))
    [lasting] = _found(engine)
    assert (lasting.state, lasting.ended_at) == ("open", None)
    _plant(engine, tenant_id, planted=80.0)  # what came after it
    look(engine, now=HOUR)
    [over] = [each for each in _found(engine) if each.kind == "drop"]
    assert (over.finding_id, over.state) == (lasting.finding_id, "ended")
    assert over.ended_at is not None


def test_points_that_come_late_take_a_gap_back(engine: sa.Engine, tenant_id: int) -> None:
    _plant(engine, tenant_id, until=30)
    look(engine, now=HOUR)
    [gap] = _found(engine)
    assert (gap.kind, gap.state, gap.value) == ("gap", "open", None)
    _plant(engine, tenant_id)
    look(engine, now=HOUR)
    assert not [each for each in _found(engine) if each.state == "open"]


def test_a_level_that_moved_as_expected_is_the_new_normal_at_once(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=120.0, first=100, last=0)
    look(engine, now=HOUR)
    [shift] = [each for each in _found(engine) if each.kind == "level_shift"]
    with engine.begin() as connection:
        assert expected.call_expected(
            connection, shift.finding_id, tenant_id=tenant_id, by="somebody"
        )
    _again(engine)
    look(engine, now=HOUR)
    assert [(each.kind, each.state) for each in _found(engine)] == [("level_shift", "expected")]
    with engine.connect() as connection:
        usual = connection.execute(sa.select(watched_subjects)).one()
    assert 100 < usual.usual_middle < 140
    assert usual.verdict == "usual"


def test_what_is_expected_stays_so_and_can_be_taken_back(engine: sa.Engine, tenant_id: int) -> None:
    _plant(engine, tenant_id, planted=30.0)
    look(engine, now=HOUR)
    [drop] = _found(engine)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        call = expected.call_expected
        assert not call(connection, drop.finding_id, tenant_id=other, by="x")
        assert not call(connection, drop.finding_id, tenant_id=None, by="x")
        assert call(connection, drop.finding_id, tenant_id=tenant_id, by="x")
    _again(engine)
    look(engine, now=HOUR)
    assert [each.state for each in _found(engine)] == ["expected"]
    with engine.begin() as connection:
        assert expected.call_unexpected(connection, drop.finding_id, tenant_id=tenant_id)
        assert not expected.call_unexpected(connection, drop.finding_id, tenant_id=tenant_id)
    assert [each.state for each in _found(engine)] == ["ended"]


def test_two_tenants_have_findings_of_their_own(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
    _plant(engine, tenant_id, planted=30.0)
    _plant(engine, other)
    look(engine, now=HOUR)
    assert [each.tenant_id for each in _found(engine)] == [tenant_id]


def test_a_rhythm_by_the_wall_clock_is_usual_where_clocks_change(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        calendars.set_zone(connection, tenant_id, "America/New_York")
    # They went back on the first of November; seen three days later.
    _plant(engine, tenant_id, zone="America/New_York", until=24 * 16)
    look(engine, now=HOUR - timedelta(days=16))
    assert _found(engine) == []


def test_of_a_new_series_nothing_is_known(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
                WITH made AS (
                    INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text,
                                            kpi_type, trace_id, in_order)
                    VALUES (:tenant_id, 'new', :hour, 1, '', 'price', 't', true))
                INSERT INTO kpi_series (tenant_id, kpi_id) VALUES (:tenant_id, 'new')
            """),
            {"tenant_id": tenant_id, "hour": HOUR},
        )
    assert look(engine, now=HOUR).unknown == 1
    assert _found(engine) == []


def test_a_sender_that_goes_quiet_is_told_and_no_one_else(
    engine: sa.Engine, tenant_id: int
) -> None:
    sent = sa.text("""
        INSERT INTO kpi_receipts (tenant_id, channel, received_at, sent, stored, known, corrected,
                                  conflicts, refused)
        SELECT :tenant_id, 'post', :hour - n * interval '1 hour', 5, 5, 0, 0, 0, 0
        FROM generate_series(:until, 24 * 7 * 8) AS n
    """)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        connection.execute(sent, {"tenant_id": tenant_id, "hour": HOUR, "until": 9})
        connection.execute(sent, {"tenant_id": other, "hour": HOUR, "until": 0})
    assert listen(engine, now=HOUR).senders == 2
    listen(engine, now=HOUR)
    [quiet] = [each for each in _found(engine) if each.kind == "silence"]
    assert (quiet.tenant_id, quiet.subject, quiet.state) == (tenant_id, "readings: post", "open")
    assert quiet.began_at == HOUR - timedelta(hours=9)
    assert quiet.raised_at <= HOUR - timedelta(hours=7)


def test_a_finding_is_told_once_and_again_only_while_it_could_not_be(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=30.0)
    look(engine, now=HOUR)
    answers = [500, 200]

    def answering(handler: Handler, _: dict[str, Any]) -> None:
        handler.send(b"", status=answers.pop(0))

    with serving(answering) as server:
        assert tell(engine, url=None, now=HOUR) == 0
        assert tell(engine, url=server.url, now=HOUR) == 0
        assert _found(engine)[0].told_at is None
        assert tell(engine, url=server.url, now=HOUR) == 1
        assert tell(engine, url=server.url, now=HOUR) == 0
    [refused, told] = server.asked
    assert refused[2] == told[2]
    assert '"tenant": "acme"' in told[2].replace('":"', '": "')
    assert _found(engine)[0].told_at is not None


def test_holidays_and_zones_are_kept(engine: sa.Engine, tenant_id: int) -> None:
    day = datetime(2026, 12, 25, tzinfo=UTC).date()
    with engine.begin() as connection:
        calendars.add_holiday(connection, tenant_id, day, "")
        calendars.add_holiday(connection, tenant_id, day, "Christmas")
        calendars.set_zone(connection, tenant_id, "Europe/Berlin")
        assert calendars.holidays_of(connection, tenant_id) == [(day, "Christmas")]
        calendar = calendars.calendar_of(connection, tenant_id)
        assert (calendar.zone, calendar.holidays) == ("Europe/Berlin", frozenset({day}))
        assert calendars.remove_holiday(connection, tenant_id, day)
        assert not calendars.remove_holiday(connection, tenant_id, day)


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "Europe/Berlin\x00", "UTC+1"])
def test_a_zone_that_is_none_is_refused(engine: sa.Engine, tenant_id: int, zone: str) -> None:
    from ingestion_pipeline.foundation.errors import ContractError

    with engine.begin() as connection, pytest.raises(ContractError, match="zone: must be"):
        calendars.set_zone(connection, tenant_id, zone)


_PLANTED = {
    "level_shift": {"planted": 120.0, "first": 100, "last": 0},
    "drop": {"planted": 40.0, "first": 40, "last": 37},
    "gap": {"until": 0},
}


@pytest.mark.parametrize("kind", _PLANTED)
def test_looked_at_every_six_hours_or_once_the_same_stands_there_in_the_end(
    engine: sa.Engine, tenant_id: int, kind: str
) -> None:
    """A shift's first spikes are told before it is known; the shift takes them in afterwards."""
    _plant(engine, tenant_id, kpi="often", **_PLANTED[kind])
    _plant(engine, tenant_id, kpi="once", **_PLANTED[kind])
    if kind == "gap":
        with engine.begin() as connection:
            connection.execute(
                sa.text("DELETE FROM kpi_points WHERE observed_at BETWEEN :first AND :last"),
                {"first": HOUR - timedelta(hours=60), "last": HOUR - timedelta(hours=30)},
            )
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM kpi_series WHERE kpi_id = 'once'"))
    for hours in range(104, 0, -6):
        look(engine, now=HOUR - timedelta(hours=hours))
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO kpi_series VALUES (:t, 'once')"), {"t": tenant_id})
    look(engine, now=HOUR)
    by_kpi = {
        kpi: [(each.kind, each.began_at, each.ended_at, each.state) for each in _found(engine)
              if each.subject == kpi]
        for kpi in ("often", "once")
    }  # fmt: skip
    begun = by_kpi["once"][0][1]
    beside = [each[0] for each in by_kpi["once"] if each[1] < begun + timedelta(hours=31)]
    assert beside == [kind]
    assert by_kpi["often"] == by_kpi["once"]


def test_a_value_that_was_put_right_takes_its_finding_back(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=30.0)
    look(engine, now=HOUR)
    [drop] = _found(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE kpi_points SET value = 81 WHERE value < 50"))
    look(engine, now=HOUR + timedelta(minutes=5))
    assert [each.state for each in _deep(engine)] == ["ended"]  # it is looked at each hour
    look(engine, now=HOUR + timedelta(minutes=70))
    assert _deep(engine) == []
    [gone] = [each for each in _found(engine, absorbed=True) if each.value == drop.value]
    assert (gone.finding_id, gone.state) == (drop.finding_id, "absorbed")


def test_points_that_were_deleted_take_their_finding_with_them(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=30.0)
    look(engine, now=HOUR)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM kpi_points WHERE value < 50"))
    _again(engine)
    look(engine, now=HOUR)
    assert _deep(engine) == []
    assert "gap" in {each.kind for each in _found(engine)}  # three hours without a point


@pytest.mark.parametrize("how", ["deleted", "retired"])
def test_what_is_watched_no_more_was_open_for_ever(
    engine: sa.Engine, tenant_id: int, how: str
) -> None:
    _plant(engine, tenant_id, until=30)
    look(engine, now=HOUR)
    assert [(each.kind, each.state) for each in _found(engine)] == [("gap", "open")]
    later = HOUR + timedelta(days=61)
    if how == "deleted":
        later = HOUR + timedelta(hours=1)
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM kpi_points"))
    look(engine, now=later)
    [gap] = _found(engine)
    assert (gap.state, gap.ended_at) == ("ended", later)
    look(engine, now=later + timedelta(hours=2))
    assert _found(engine) == [gap]


def test_what_is_expected_stays_so_when_late_points_move_its_begin(
    engine: sa.Engine, tenant_id: int
) -> None:
    _plant(engine, tenant_id, planted=30.0, first=30, last=28)
    look(engine, now=HOUR)
    [drop] = _found(engine)
    with engine.begin() as connection:
        expected.call_expected(connection, drop.finding_id, tenant_id=tenant_id, by="x")
        connection.execute(sa.text("UPDATE kpi_points SET value = 31 WHERE observed_at = :at"),
                           {"at": HOUR - timedelta(hours=31)})  # fmt: skip
    _again(engine)
    look(engine, now=HOUR)
    [same] = _deep(engine)
    assert (same.finding_id, same.state) == (drop.finding_id, "expected")
    later = {"a": HOUR - timedelta(hours=20), "b": HOUR - timedelta(hours=19)}  # is another
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE kpi_points SET value = 31 WHERE observed_at IN (:a, :b)"), later
        )
    _again(engine)
    look(engine, now=HOUR)
    assert [each.state for each in _deep(engine)] == ["expected", "ended"]


def test_a_kpi_that_comes_in_a_file_a_day_was_missed_every_evening(
    engine: sa.Engine, tenant_id: int
) -> None:
    """Its points are of each hour, and of the last half of a day there are none yet."""
    _plant(engine, tenant_id, until=12, late="13 hours")
    look(engine, now=HOUR)
    assert _found(engine) == []
    look(engine, now=HOUR + timedelta(hours=12))
    assert [each.kind for each in _found(engine)] == ["gap"]


def test_a_sender_of_whom_nothing_is_kept_was_quiet_for_ever(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO kpi_receipts (tenant_id, channel, received_at, sent, stored, known,
                                          corrected, conflicts, refused)
                SELECT :tenant_id, 'post', :hour - n * interval '1 hour', 5, 5, 0, 0, 0, 0
                FROM generate_series(9, 24 * 7 * 8) AS n
            """),
            {"tenant_id": tenant_id, "hour": HOUR},
        )
    listen(engine, now=HOUR)
    assert [each.state for each in _found(engine)] == ["open"]
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM kpi_receipts"))
    listen(engine, now=HOUR + timedelta(hours=1))
    assert [each.state for each in _found(engine)] == ["ended"]
