"""Events that a mapping made, in the tables of book sales."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge import mapped as merging
from ingestion_pipeline.domains.book_sales.offenders import money_without_currency
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import tenants, uploads
from ingestion_pipeline_tests.foundation.intake.delivering import Deliveries

KEYED = """
source: kobo
mapping: writing_life
emit:
  sales_events:
    key: [Date, ISBN, Country]
    fields:
      event_type: {when: {Qty: {below: 0}}, of: {is: refund}, else: {is: sale}}
      occurred_at: Date
      isbn: ISBN
      marketplace: Country
      quantity: Qty
      amount: Due
      currency: {is: EUR}
"""
WITH_IDS = """
source: google_play
mapping: earnings
settings: {platform: google_play, title: Google Play Books}
emit:
  sales_events:
    fields:
      external_id: {text: "{Id}:{Type}"}
      event_type: {of: Type, lookup: {Sale: sale, Refund: refund}}
      occurred_at: Date
      title: Title
      quantity: Qty
      amount: Amount
      currency: Currency
"""
KOBO = "Date,ISBN,Country,Qty,Due\n"
TWO_EQUAL = (
    KOBO + "2026-01-23,978,CA,1,2.65\n2026-01-23,978,CA,1,2.65\n2026-01-23,978,DE,-1,-2.65\n"
)
GOOGLE = "Id,Type,Date,Title,Qty,Amount,Currency,Buyer\n"


@pytest.fixture
def kobo(engine: sa.Engine, tenant_id: int) -> Deliveries:
    return Deliveries(engine, tenant_id)


def stored(engine: sa.Engine, columns: str = "amount, quantity, isbn, marketplace") -> list[Any]:
    query = f"SELECT {columns} FROM sales_events ORDER BY tenant_id, external_id"
    with engine.connect() as connection:
        return list(map(tuple, connection.exec_driver_sql(query)))


def test_two_equal_rows_are_two_sales_and_the_file_again_changes_nothing(
    engine: sa.Engine, kobo: Deliveries
) -> None:
    assert kobo.bring(KEYED, TWO_EQUAL) == {"inserted": 3}
    assert kobo.bring(KEYED, TWO_EQUAL) == {"unchanged": 3}
    header, *rows = TWO_EQUAL.splitlines()
    assert kobo.bring(KEYED, "\n".join([header, *reversed(rows)])) == {"unchanged": 3}
    assert sorted(row[0] for row in stored(engine)) == [Decimal("-2.65"), *[Decimal("2.65")] * 2]


def test_rows_of_one_key_that_do_not_fit_into_a_batch_wrote_over_one_another(
    engine: sa.Engine, kobo: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_AT_ONCE", 3)
    days = [f"2026-01-{day:02},978,CA,1,2.65\n" for day in range(1, 11)]
    content = KOBO + "".join(days * 5)  # the five of a day are far apart
    assert kobo.bring(KEYED, content) == {"inserted": 50}
    assert kobo.bring(KEYED, content) == {"unchanged": 50}


def test_a_part_of_a_file_writes_no_sale_over_another(engine: sa.Engine, kobo: Deliveries) -> None:
    rows = [f"2026-01-23,978,CA,1,{price}\n" for price in ("1.00", "2.00", "3.00")]
    kobo.bring(KEYED, KOBO + "".join(rows))
    assert kobo.bring(KEYED, KOBO + rows[2]) == {"unchanged": 1}
    assert [row[0] for row in stored(engine)] == [1, 2, 3]


def test_an_amount_that_is_told_later_is_of_the_same_sale(
    engine: sa.Engine, kobo: Deliveries
) -> None:
    pending = GOOGLE + "I1,Sale,2026-02-02,Dune,1,,,a@example.org\n"
    paid = GOOGLE + "I1,Sale,2026-02-02,Dune,1,3.19,EUR,a@example.org\n"
    assert kobo.bring(WITH_IDS, pending) == {"inserted": 1}
    with engine.connect() as connection:
        assert connection.execute(money_without_currency()).all() == []
    assert kobo.bring(WITH_IDS, paid) == {"updated": 1}
    assert kobo.bring(WITH_IDS, pending) == {"unchanged": 1}
    assert stored(engine, "amount, currency, platform") == [(Decimal("3.19"), "EUR", "google_play")]


def test_files_in_any_order_come_to_the_same_rows(engine: sa.Engine, kobo: Deliveries) -> None:
    files = {
        "sales-2026-01-31.csv": KOBO + "2026-01-23,978,CA,1,\n2026-01-24,979,CA,1,1.00\n",
        "sales-2026-02-28.csv": KOBO + "2026-01-23,978,CA,1,2.65\n",
        "sales-2026-03-31.csv": KOBO + "2026-01-23,978,CA,1,2.75\n",
    }
    for tenant, order in enumerate(permutations(files), start=100):
        its = Deliveries(engine, tenant)
        for name in order:
            its.bring(KEYED, files[name], name=name)
    by_tenant: dict[int, list[Any]] = {}
    for tenant, *row in stored(engine, "tenant_id, external_id, amount, quantity, occurred_at"):
        by_tenant.setdefault(tenant, []).append(row)
    assert len(by_tenant) == 6
    assert all(rows == by_tenant[100] for rows in by_tenant.values())
    assert sorted(row[1] for row in by_tenant[100]) == [Decimal("1.00"), Decimal("2.75")]


def test_what_an_api_answers_is_of_when_it_was_asked_and_not_of_the_day_it_was_asked_for(
    engine: sa.Engine, kobo: Deliveries
) -> None:
    content = GOOGLE + "I1,Sale,2026-02-02,Dune,1,{},EUR,\n"
    kobo.bring(WITH_IDS, content.format("3.19"))
    window = "google_play.earnings.2026-02-02.gz"
    with engine.begin() as connection:
        for source in ("http", "api", "replay"):
            uploads.record(
                connection, tenant_id=kobo.tenant_id, domain="intake", type_=None,
                file_name=window, source=source, location=window,
            )  # fmt: skip
    assert kobo.bring(WITH_IDS, content.format("3.29"), name=window) == {"updated": 1}
    assert kobo.bring(WITH_IDS, content.format("3.39"), name=window) == {"updated": 1}
    older = "report-2026-02-28.csv"  # what somebody has named so tells of February
    assert kobo.bring(WITH_IDS, content.format("9.99"), name=older) == {"superseded": 1}
    assert stored(engine, "amount") == [(Decimal("3.39"),)]


def test_a_file_that_was_killed_before_its_days_were_summed_up_is_summed_up_with_the_next(
    engine: sa.Engine, kobo: Deliveries
) -> None:
    days = "SELECT day::text, platform, units, amount FROM daily_sales ORDER BY day"
    kobo.bring(KEYED, TWO_EQUAL, settled=False)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(days).all() == []
    assert kobo.bring(KEYED, TWO_EQUAL, number=1) == {"unchanged": 3}
    with engine.connect() as connection:
        [(*_, units, amount), *more] = connection.exec_driver_sql(days).all()
    assert [units, amount] == [2, Decimal("5.30")]
    assert len(more) == 1


def test_a_tenant_has_no_part_in_anothers_events(engine: sa.Engine, kobo: Deliveries) -> None:
    with engine.begin() as connection:
        other = Deliveries(engine, tenants.ensure(connection, "other"), "other")
    kobo.bring(KEYED, TWO_EQUAL)
    assert other.bring(KEYED, KOBO + "2026-01-23,978,CA,1,9.99\n") == {"inserted": 1}
    mine = [row[1] for row in stored(engine, "tenant_id, amount") if row[0] == kobo.tenant_id]
    assert sorted(mine) == [Decimal("-2.65"), Decimal("2.65"), Decimal("2.65")]


def test_raw_keeps_what_is_mapped_and_no_more(engine: sa.Engine, kobo: Deliveries) -> None:
    kobo.bring(WITH_IDS, GOOGLE + "I1,Sale,2026-02-02,Dune,1,3.19,EUR,a@example.org\n")
    [(raw, report, file, row)] = stored(engine, "raw, report, source_file, source_row")
    assert raw == {
        "external_id": "I1:Sale", "event_type": "sale", "occurred_at": "2026-02-02T00:00:00Z",
        "title": "Dune", "quantity": 1, "amount": "3.1900", "currency": "EUR",
    }  # fmt: skip
    assert (report, file, row) == ("google_play", "export.csv", 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("I1,Refund,2026-02-02,Dune,1,-3.19,EUR,", "quantity of a refund must not be above 0"),
        ("I1,Refund,2026-02-02,Dune,-1,3.19,EUR,", "amount of a refund must not be above 0"),
        ("I1,Sale,2026-02-02,Dune,-1,3.19,EUR,", "quantity of a sale must not be below 0"),
        ("I1,Sale,2026-02-02,Dune,1,3.19,,", "currency must not be missing where there is"),
        ("I1,Sale,2026-06-09,Dune,1,3.19,EUR,", "occurred_at is in the future"),
    ],
)
def test_what_breaks_a_rule_of_events_is_refused_with_its_line_and_the_rest_goes_on(
    engine: sa.Engine, kobo: Deliveries, row: str, said: str
) -> None:
    good = "I2,Sale,2026-02-02,Dune,1,3.19,EUR,\n"
    assert kobo.bring(WITH_IDS, f"{GOOGLE}{good}{row}\n") == {"inserted": 1}
    assert [each.split(" (")[0].split(":")[0] for each in kobo.refused] == ["line 3"]
    assert said in kobo.refused[0]


def test_an_id_that_two_payments_share_kept_the_last_of_them(
    engine: sa.Engine, kobo: Deliveries
) -> None:
    rows = "T1,Sale,2026-02-02,Dune,1,12.00,EUR,\nT1,Sale,2026-02-02,Dune,1,5.00,EUR,\n"
    assert kobo.bring(WITH_IDS, GOOGLE + rows) == {"inserted": 1}
    assert kobo.refused == [
        "line 3: external_id is there twice in this file, with another amount in line 2: "
        "it identifies no event [T1:Sale]"
    ]
    assert stored(engine, "amount") == [(Decimal("12.00"),)]


def test_a_sale_that_is_told_twice_alike_is_one(engine: sa.Engine, kobo: Deliveries) -> None:
    told = "T1,Sale,2026-02-02,Dune,1,,,\n"
    more = "T1,Sale,2026-02-02,Dune,1,12.00,EUR,\n"
    assert kobo.bring(WITH_IDS, GOOGLE + told + more + told) == {"inserted": 1, "unchanged": 2}
    assert stored(engine, "amount") == [(Decimal("12.00"),)]


def test_an_isbn_that_a_spreadsheet_has_shortened_is_that_of_many_books(kobo: Deliveries) -> None:
    assert kobo.bring(KEYED, KOBO + "2026-01-23,9.78E+12,CA,1,2.65\n") == {}
    assert kobo.refused[0].startswith("line 2: isbn must be whole: a spreadsheet has shortened")


def test_an_empty_id_is_none(kobo: Deliveries) -> None:
    mapping = WITH_IDS.replace('{text: "{Id}:{Type}"}', "Id")
    assert kobo.bring(mapping, GOOGLE + ",Sale,2026-02-02,Dune,1,3.19,EUR,\n") == {}
    assert kobo.refused == ["line 2: external_id must not be missing"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{platform: gumroad}", "gumroad is asked by its API"),
        ("{platform: Google Play}", "must be letters, digits, _ and -"),
        ("{platfrom: google_play}", "settings.platfrom says nothing, did you mean 'platform'"),
    ],
)
def test_a_platform_that_no_mapping_can_be_is_refused(
    kobo: Deliveries, settings: str, said: str
) -> None:
    mapping = WITH_IDS.replace("{platform: google_play, title: Google Play Books}", settings)
    with pytest.raises(ContractError, match=said):
        kobo.bring(mapping, GOOGLE + "I1,Sale,2026-02-02,Dune,1,3.19,EUR,\n")


def test_what_is_never_to_overwrite_is_refused_where_later_reports_correct(
    kobo: Deliveries,
) -> None:
    mapping = WITH_IDS.replace("    fields:", "    only_new: true\n    fields:")
    with pytest.raises(ContractError, match="only_new"):
        kobo.bring(mapping, GOOGLE + "I1,Sale,2026-02-02,Dune,1,3.19,EUR,\n")
