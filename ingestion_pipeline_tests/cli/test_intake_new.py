"""`ingestion-pipeline intake new`: a first mapping, in which nothing is guessed without a word."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline_tests.domains.book_sales.builders import Dated, workbook


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["intake", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def proposed(tmp_path: Path, content: str | bytes, *options: object, name: str = "s.csv") -> str:
    sample = tmp_path / name
    sample.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, shown, told = run("new", sample, *options)
    assert code == 0, told
    return shown


def checked(tmp_path: Path, mapping: str, sample: str = "s.csv") -> tuple[int, dict[str, object]]:
    finished = tmp_path / "finished.yaml"
    finished.write_text(mapping)
    code, shown, told = run("check", finished, tmp_path / sample, "--json")
    return code, json.loads(shown) if shown else {"told": " ".join(told.split())}


SHOP = (
    "Shop report;;;\n\nSale Date;Title;Quantity;Price;Buyer\n"
    "03/04/2026;First;1;2,50;Ada\n05/04/2026;Second;2;1.234,00;Bo\n"
)


def test_a_mapping_is_proposed_in_which_what_is_open_is_not_guessed(tmp_path: Path) -> None:
    sample = tmp_path / "shop.csv"
    sample.write_text(SHOP)
    code, shown, _ = run("new", sample, "--target", "sales_events")
    assert code == 0
    for line in (
        "delimiter: semicolon",
        'header: {find: ["Sale Date", "Title", "Quantity"]}   # 2 lines stand',
        'numbers: {decimal: ",", group: "."}',
        "# Sale Date: %d/%m/%Y, by which 03/04/2026 is 3 April 2026 or %m/%d/%Y, by which",
        'dates: ["?"]   # which of these ways?',
        'quantity: "Quantity"   # confirm', "# amount:   (decimal)", "#   Buyer: Ada, Bo",
    ):  # fmt: skip
        assert line in shown
    assert 'external_id: "?"' not in shown


def test_a_date_that_can_be_read_in_one_way_is_proposed(tmp_path: Path) -> None:
    sample = tmp_path / "shop.csv"
    sample.write_text(SHOP.replace("05/04", "25/04"))
    assert 'dates: ["%d/%m/%Y"]' in run("new", sample, "--target", "sales_events")[1]


def test_a_proposal_is_finished_and_runs(tmp_path: Path) -> None:
    sample, mapping = tmp_path / "shop.csv", tmp_path / "shop.yaml"
    sample.write_text(SHOP.replace("05/04", "25/04"))
    proposed = run("new", sample, "--target", "sales_events")[1]
    finished = proposed.replace('event_type: "?"', "event_type: {is: sale}").replace(
        'key: ["?"]', "key: [Title]"
    )
    mapping.write_text(finished)
    code, shown, told = run("check", mapping, sample)
    assert (code, told) == (0, "")
    assert "sales_events 2" in " ".join(shown.split())


@pytest.mark.parametrize("content", [b"", b"1,2\n3,4\n", b'{"a": 1}', b"[]", b"%PDF-1.4"])
def test_what_is_no_table_is_not_proposed_for(tmp_path: Path, content: bytes) -> None:
    sample = tmp_path / "sample"
    sample.write_bytes(content)
    assert run("new", sample)[0] == 1


# A wine merchant's export, as its till writes it: a title above, a footer below, dates that
# nothing decides, amounts with a comma, Windows' own encoding, no e-mail where somebody paid cash.
WINE = """Kassenbericht Weinhandel;;;;;;;;;
;;;;;;;;;
Belegnummer;Bestelldatum;Kunde;E-Mail;Artikelnr;Bezeichnung;Menge;Einzelpreis;Betrag;Versand
B-1;03.04.2026;Jörg;joerg@example.com;W1;Grüner Veltliner;6;9,90;59,40;4,90
B-1;03.04.2026;Jörg;joerg@example.com;W2;Zweigelt;1;12,00;12,00;4,90
B-2;05.04.2026;;;W1;Grüner Veltliner;120;9,90;1.188,00;0,00
B-3;06.04.2026;Änne;aenne@example.com;W3;Welschriesling;2;7,50;15,00;4,90
B-3;06.04.2026;Änne;aenne@example.com;W3;Welschriesling;2;7,50;15,00;4,90
Summe;;;;;;131;;1.289,40;
"""


def test_an_export_that_nobody_has_seen_becomes_all_four_types(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, WINE.encode("cp1252"))
    for line in (
        "delimiter: semicolon", "encoding: cp1252   # confirm: it is not UTF-8",
        'header: {find: ["Belegnummer", "Bestelldatum", "Kunde"]}   # 2 lines stand above it',
        'stop: {first: "^Summe"}   # confirm: below the rows stands Summe;;;;;;131;;1.289,40;',
        'numbers: {decimal: ",", group: "."}', 'dates: ["?"]   # which',
        'group: {by: ["Belegnummer"]}   # confirm: 3 orders in 5 rows',
        'customer_id: {id: [customer, ["E-Mail", "Kunde", "Belegnummer"]], lower: true}',
        'line_total: "Betrag"', 'currency: "?"   # a column, or {is: EUR}: no column says it',
    ):  # fmt: skip
        assert line in mapping
    mapping = mapping.replace('dates: ["?"]', 'dates: ["%d.%m.%Y"]')
    code, told = checked(tmp_path, mapping)
    assert (code, "names the column '?', which s.csv has not" in str(told)) == (1, True)
    code, came = checked(tmp_path, mapping.replace('currency: "?"', "currency: {is: EUR}"))
    assert (code, came["rejectedRows"]) == (0, 0)
    assert came["counts"]["made"] == {  # type: ignore[index]
        "customers": 3, "products": 5, "orders": 3, "order_items": 5
    }  # fmt: skip
    assert came["sums"] == [{"of": ["orders", "EUR"], "amount": "1289.40"}]


# A till's, whose columns' names tell little: what is in them does.
TILL = """Receipt;Line;When;Cust No;Customer;Mail;Article;Description;Qty;Unit price;Sum;Coin
A-1;1;03.11.2026 09:12;K17;Maja;maja@example.com;T-100;Green tea;2;4,50;9,00;EUR
A-1;2;03.11.2026 09:12;K17;Maja;maja@example.com;C-200;Cup "Blue";1;1.012,50;1.012,50;EUR
A-2;1;14.11.2026 10:40;K18;Jon;;T-100;Green tea;1;4,50;4,50;EUR
"""


def test_columns_are_known_by_what_they_hold_where_their_names_tell_little(tmp_path: Path) -> None:
    """A till's export was taken for a list of customers; its goods had their numbers for names."""
    mapping = proposed(tmp_path, TILL)
    for line in (
        'dates: ["%d.%m.%Y %H:%M"]', 'customer_id: {id: [customer, "Cust No"], lower: true}',
        'email: "Mail"', 'name: ["Description", "Article"]', 'sku: ["Article", "Description"]',
        'order_date: "When"', 'currency: "Coin"', 'line_total: "Sum"',
    ):  # fmt: skip
        assert line in mapping
    code, came = checked(tmp_path, mapping)
    assert (code, came["sums"]) == (0, [{"of": ["orders", "EUR"], "amount": "1026.00"}])


# A mountain shop's: two amounts, of which only an order's first row has the one.
MOUNTAIN = """Vorgang;Pos;Zeitpunkt;KdNr;Kontakt;Mail;ArtNr;Ware;Stück;E-Preis;Nachlass;Betrag;Fracht;Endsumme
41;1;27.02.26 13:37;102;Ada;ada@example.com;RK-1;Rope;1;12,50;;12,50;4,90;24,66
41;2;27.02.26 13:37;102;Ada;ada@example.com;RK-2;Tape;2;4,03;10 %;7,26;;
42;1;28.02.26 14:18;101;Bo;;RK-1;Rope;1;12,50;;12,50;0,00;12,50
"""  # noqa: E501


def test_of_two_amounts_one_is_the_lines_and_one_the_orders(tmp_path: Path) -> None:
    """Nothing was found of it but the e-mail, and what the first row alone says was "?"."""
    mapping = proposed(tmp_path, MOUNTAIN)
    for line in (
        'carry: ["Endsumme", "Fracht"]',
        'equal: [{sum: [{total: "Betrag"}, "Fracht"]}, "Endsumme"]',
        'customer_id: {id: [customer, "KdNr"], lower: true}', 'name: ["Ware", "ArtNr"]',
        'total_amount: "Endsumme"', 'shipping_amount: "Fracht"', 'line_total: "Betrag"',
    ):  # fmt: skip
        assert line in mapping
    code, came = checked(tmp_path, mapping.replace('currency: "?"', "currency: {is: EUR}"))
    assert (code, came["sums"]) == (0, [{"of": ["orders", "EUR"], "amount": "37.16"}])


def shop(*, dates: tuple[str, str] = ("2026-01-13", "2026-01-14"), total: str = "Total") -> str:
    return (
        f"Order ID,Order Date,Email,SKU,Item,Qty,Unit Price,Shipping,{total},Currency\n"
        f"1,{dates[0]},a@example.com,S1,Cup,2,5.00,3.00,20.50,USD\n"
        f"1,{dates[0]},a@example.com,S2,Pot,1,7.50,3.00,20.50,USD\n"
        f"2,{dates[1]},b@example.com,S1,Cup,1,5.00,3.00,8.00,USD\n"
    )


def test_what_an_orders_total_is_the_sum_of_is_looked_up_in_the_rows(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, shop())
    assert (
        'equal: [{sum: [{total: {product: ["Qty", "Unit Price"]}}, "Shipping"]}, "Total"]}   '
        "# confirm: 2 of 2 orders looked at are so"
    ) in mapping
    assert 'shipping_amount: "Shipping"   # confirm' in mapping
    code, came = checked(tmp_path, mapping)
    assert (code, came["sums"]) == (0, [{"of": ["orders", "USD"], "amount": "28.50"}])


@pytest.mark.parametrize(("total", "included"), [("12.00", "false"), ("10.00", "true")])
def test_whether_taxes_are_within_the_prices_is_looked_up_in_the_rows(
    tmp_path: Path, total: str, included: str
) -> None:
    text = f"Order ID,Order Date,SKU,Qty,Price,VAT,Total\n1,2026-01-13,A,2,5.00,2.00,{total}\n"
    mapping = proposed(tmp_path, text)
    assert f'tax_included: {{is: "{included}"}}' in mapping
    assert 'tax_amount: "VAT"' in mapping


def test_a_total_that_is_of_the_line_is_not_taken_for_the_orders(tmp_path: Path) -> None:
    text = shop().replace("20.50,USD", "10.00,USD", 1).replace("20.50", "7.50")
    mapping = proposed(tmp_path, text)
    assert 'total_amount: {total: "Total"}' in mapping
    assert checked(tmp_path, mapping)[1]["sums"] == [{"of": ["orders", "USD"], "amount": "25.50"}]


def test_what_only_an_orders_first_row_says_is_carried(tmp_path: Path) -> None:
    first, *others = shop().splitlines(keepends=True)
    others[1] = others[1].replace(",3.00,20.50,USD", ",,,")
    mapping = proposed(tmp_path, first + "".join(others))
    assert 'carry: ["Currency", "Total", "Shipping"]' in mapping
    assert checked(tmp_path, mapping)[1]["sums"] == [{"of": ["orders", "USD"], "amount": "28.50"}]


def test_one_number_for_all_guests_is_no_customer(tmp_path: Path) -> None:
    lines = shop().splitlines()
    text = "\n".join([f"Customer ID,{lines[0]}", *(f"0,{line}" for line in lines[1:])])
    assert 'customer_id: {id: [customer, "Email"], lower: true}' in proposed(tmp_path, text)


def test_rows_of_an_order_that_stand_apart_are_told(tmp_path: Path) -> None:
    first, one, two, three = shop().splitlines(keepends=True)
    mapping = proposed(tmp_path, first + one + three + two)
    assert "adjacent: false" in mapping
    assert checked(tmp_path, mapping)[0] == 0


@pytest.mark.parametrize("dates", [("03/04/2026", "05/06/2026"), ("03-04-26", "05-06-26")])
def test_a_date_that_can_be_read_in_several_ways_is_proposed_in_none(
    tmp_path: Path, dates: tuple[str, str]
) -> None:
    mapping = proposed(tmp_path, shop(dates=dates))
    assert 'dates: ["?"]' in mapping
    assert "3 April 2026" in mapping
    assert "4 March 2026" in mapping
    assert checked(tmp_path, mapping)[0] == 1


def test_a_column_that_writes_dates_in_several_ways_has_them_all(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, shop(dates=("2026-01-13 10:30", "2026/01/14")))
    assert '"%Y-%m-%d %H:%M"' in mapping
    assert '"%Y/%m/%d"' in mapping
    assert checked(tmp_path, mapping)[0] == 0
    mapping = proposed(tmp_path, shop(dates=("2026-01-13", "03/04/2026")))
    assert 'dates: ["?"]' in mapping  # 3 April or 4 March


def test_a_number_that_can_be_read_in_two_ways_is_proposed_in_none(tmp_path: Path) -> None:
    text = 'Order ID,Order Date,SKU,Qty,Price\n1,2026-01-13,A,1,"1,250"\n2,2026-01-13,A,1,2\n'
    mapping = proposed(tmp_path, text)
    assert 'numbers: "?"' in mapping
    assert "by which 1,250 is 1250" in mapping
    assert "by which 1,250 is 1.250" in mapping
    assert checked(tmp_path, mapping)[0] == 1


def test_two_columns_whose_dates_are_written_differently_have_each_its_format(
    tmp_path: Path,
) -> None:
    text = "Order ID,Order Date,Created At\n1,13/01/2026,01/14/2026\n"
    mapping = proposed(tmp_path, text, "--target", "orders")
    assert 'dates: ["%d/%m/%Y"]' in mapping
    assert 'created_at: {of: "Created At", date: ["%m/%d/%Y"]}' in mapping


def test_objects_are_read_by_the_way_to_their_array(tmp_path: Path) -> None:
    objects = [{"order": {"id": n}, "created_at": "2026-01-13T10:00:00Z", "sku": "A", "qty": 1,
                "price": "2.50", "currency": "EUR"} for n in (1, 2)]  # fmt: skip
    for content, told in (
        (json.dumps({"data": {"orders": objects}}), 'records: "data.orders"'),
        ("\n".join(map(json.dumps, objects)), "format: ndjson"),
    ):
        mapping = proposed(tmp_path, content)
        assert told in mapping
        assert 'by: ["order.id"]' in mapping
        assert checked(tmp_path, mapping)[0] == 0


def test_texts_that_stand_for_nothing_and_what_spreadsheets_wrap_is_found(tmp_path: Path) -> None:
    text = 'Order ID,Order Date,SKU,Qty,Price\n\'0012,2026-01-13,="A",1,2.00\n2,--,B,1,N/A\n'
    mapping = proposed(tmp_path, text)
    assert "unwrap: [apostrophe, formula]" in mapping
    assert 'blank: ["--", "N/A"]' in mapping


FRENCH = (
    "N° commande;Date de commande;Client;Référence;Désignation;Qté;Prix unitaire HT;Montant HT\n"
    "C1;13/01/2026;Zoé;R1;Tasse;2;5,00 €;10,00 €\n"
    "C1;13/01/2026;Zoé;R2;Pot;1;1 250,00 €;1 250,00 €\n2 lignes;;;;;;;\n"
)


def test_columns_of_another_language_with_accents_in_another_encoding(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, FRENCH.encode("utf-16"))
    for line in (
        'numbers: {decimal: ",", group: " ", symbols: true}', "currency: {is: EUR}   # confirm",
        'line_total: "Montant HT"', 'sku: ["Référence", "Désignation"]',
        'stop: {first: "^[0-9.,]+\\\\ lignes"}',
    ):  # fmt: skip
        assert line in mapping
    code, came = checked(tmp_path, mapping)
    assert (code, came["sums"]) == (0, [{"of": ["orders", "EUR"], "amount": "1260.00"}])


def test_a_workbooks_largest_sheet_is_taken_and_the_others_are_told(tmp_path: Path) -> None:
    day = Dated(46035.4375)  # 2026-01-13 10:30
    orders = [
        ["Order report", "", "", "", "", "", ""],
        ["Order No", "Order Date", "Customer Email", "SKU", "Qty", "Unit Price", "Total"],
        [1001, day, "a@example.com", "S1", 2, 5.5, 11],
        [1001, day, "a@example.com", "S2", 1, 7, 7],
        [1002, Dated(46036), "d@example.com", "S2", 1, 7, 7],
        ["Total", "", "", "", 4, "", 25],
    ]
    content = workbook({"Read me": [["made by us"]], "Orders": orders})
    mapping = proposed(tmp_path, content, name="s.xlsx")
    assert """sheet: "Orders"   # confirm: there are 'Read me' too""" in mapping
    mapping = mapping.replace('currency: "?"', "currency: {is: EUR}")
    code, came = checked(tmp_path, mapping, "s.xlsx")
    assert (code, came["rejectedRows"]) == (0, 0)
    assert came["sums"] == [{"of": ["orders", "EUR"], "amount": "25.00"}]


def test_samples_of_a_building_are_known_by_their_columns(tmp_path: Path) -> None:
    rows = "HQ;AHU1.temp;2026-01-13T10:00:00Z;21,5;C\n"
    mapping = proposed(tmp_path, "building;sensor;time;reading;uom\n" + rows)
    for line in ('site: "building"', 'point: "sensor"', 'value: "reading"', 'unit: "uom"'):
        assert line in mapping
    assert checked(tmp_path, mapping)[0] == 0


def test_rows_of_a_negative_quantity_are_told(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, shop().replace("S2,Pot,1,", "S2,Pot,-1,"))
    assert "1 rows have a negative quantity" in mapping


def test_a_file_of_another_kind_is_proposed_as_the_type_that_it_looks_like(tmp_path: Path) -> None:
    text = "KPI,Timestamp,Value\nrevenue,2026-01-13 10:00,1.5\n"
    assert "\n  kpi_points:\n" in proposed(tmp_path, text)


KASSE = """\
Kassenbericht Filiale Süd;;;;;;;;;
Belegnr;Belegdatum;Kunde;E-Mail;Artikelnr;Bezeichnung;Menge;Einzelpreis;Betrag;Währung
R-1001;03.02.2026;Müller, Jörg;joerg@example.org;A-1;Brötchen;2;0,45;0,90;EUR
R-1001;03.02.2026;Müller, Jörg;joerg@example.org;A-2;Käse "jung";1;1.234,50;1.234,50;EUR
;;;;;;;;;
R-1002;18.02.2026;Åse Nilsen;ase@example.org;A-1;Brötchen;10;0,45;4,50;EUR

R-1004;20.02.2026;;;A-2;Käse "jung";1;zwölf;12,00;EUR
Summe;;;;;;;;1.250,55;EUR
"""


def test_a_german_till_with_a_bad_price_is_a_shop_and_its_comma_is_seen(tmp_path: Path) -> None:
    """It was proposed as samples of buildings, and as numbers with a point."""
    file = tmp_path / "kasse.csv"
    file.write_bytes(KASSE.replace("\n", "\r\n").encode("cp1252"))
    done = CliRunner().invoke(app, ["intake", "new", str(file)])
    shown = done.stdout
    assert 'numbers: {decimal: ",", group: "."}' in shown
    assert 'group: {by: ["Belegnr"]}' in shown
    assert 'line_total: "Betrag"' in shown
    assert '"?"' not in shown.partition("\n")[2]
    mapping = tmp_path / "till.yaml"
    mapping.write_text(shown)
    checked = CliRunner().invoke(app, ["intake", "check", str(mapping), str(file), "--json"])
    found = json.loads(checked.stdout)
    assert found["sums"] == [{"of": ["orders", "EUR"], "amount": "1239.90"}]
    assert {each["columns"][0] for each in found["reasons"]} == {"Einzelpreis"}


def test_numbers_that_nothing_reads_stay_open(tmp_path: Path) -> None:
    """Other columns decided for them."""
    file = tmp_path / "odd.csv"
    file.write_text(
        "Order No,Date,SKU,Qty,Unit price\n1,2026-01-13,a,1,12:50\n2,2026-01-14,a,2,3:10\n"
    )
    shown = CliRunner().invoke(app, ["intake", "new", str(file), "--target", "shop"]).stdout
    assert "# Unit price: nothing reads its numbers, as in 12:50" in shown
    assert 'numbers: "?"' in shown


def test_what_is_still_open_is_told_as_that(tmp_path: Path) -> None:
    """It was told as a column that the file had renamed."""
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "source: x\nemit:\n  building_samples:\n    fields: {site: '?', point: P, timestamp: T}\n"
    )
    file = tmp_path / "f.csv"
    file.write_text("P,T\n")
    done = CliRunner().invoke(app, ["intake", "check", str(mapping), str(file)])
    assert "it is still open; say which column it is" in " ".join(done.stderr.split())
