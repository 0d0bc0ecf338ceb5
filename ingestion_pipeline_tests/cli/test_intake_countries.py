"""Exports of shops in four countries, as nobody has seen them: proposed, finished, and checked."""

from pathlib import Path

import pytest

from ingestion_pipeline_tests.cli.test_intake_new import checked, proposed
from ingestion_pipeline_tests.domains.book_sales.builders import Dated, workbook

BRAZIL = """\
Relatório de vendas;;;;;;;;
Período: 01/03/2026 a 31/03/2026;;;;;;;;
;;;;;;;;
Nº Pedido;Data da venda;Cliente;E-mail;Código;Produto;Qtde;Valor unitário;Valor total
1001;13/03/2026 10:12;João;joao@example.com;A-1;Café;2;R$ 12,50;R$ 25,00
1001;13/03/2026 10:12;João;joao@example.com;A-2;Açúcar;1;R$ 1.004,00;R$ 1.004,00
1002;14/03/2026 09:00;Inês;;A-1;Café;1;R$ 12,50;R$ 12,50
1003;15/03/2026 09:00;Inês;;A-1;Café;-1;R$ 12,50;-R$ 12,50
Total;;;;;;3;;R$ 1.029,00
"""
POLAND = """\
Zamówienie\t\tKlient\t\tTowar\t\t\t
Nr zamówienia\tData\tNazwa\tE-mail\tSymbol\tNazwa towaru\tIlość\tCena\tWartość
ZA/1\t2026-03-13\tŁukasz\tl@example.com\tS1\tKubek\t2\t12,50\t25,00
ZA/1\t2026-03-13\tŁukasz\tl@example.com\tS2\tStół\t1\t1 250,00\t1 250,00
ZA/2\t2026-03-14\tŻaneta\tz@example.com\tS1\tKubek\t1\t12,50\t12,50
Razem\t\t\t\t\t\t4\t\t1 287,50
"""
AMERICA = """\
\ufeffOrder #,Order Date,Customer Name,Email,SKU,Item,Qty,Unit Price,Line Total,Tax,Order Total
5001,3/14/2026 2:05 PM,Ann,a@example.com,K1,Kettle,1,"$1,250.00","$1,250.00",$100.00,"$1,350.00"
5002,3/15/2026 9:00 AM,Bob,b@example.com,K2,Cup,3,$4.00,$12.00,$0.96,$17.96
5002,3/15/2026 9:00 AM,Bob,b@example.com,K3,Plate,1,$5.00,$5.00,$0.96,$17.96
5003,3/16/2026 9:00 AM,Bob,b@example.com,K3,Plate,1,$5.00,($5.00),$0.00,($5.00)
,,,,,,,,,,
,,,,,,,,,,
Grand Total,,,,,,6,,"$1,262.00",,
"""
FINLAND = [
    ["Myynti / Försäljning", "", "", "", "", "", ""], ["Raportti: tammikuu", *[""] * 6], [""] * 7,
    ["Tilausnumero", "Päivä", "Asiakas", "Tuote", "Määrä", "Hinta", "Summa"],
    ["T-1", Dated(46035.4375), "Äiti", "Kahvi", 2, 4.5, 9],
    ["T-1", Dated(46035.4375), "Äiti", "Pulla", 1, 2.5, 2.5],
    ["T-2", Dated(46036), "Pekka", "Kahvi", 1, 4.5, 4.5],
    ["Yhteensä", "", "", "", 4, "", 16],
]  # fmt: skip
FILES = {
    "brazil.csv": BRAZIL.encode("cp1252"), "poland.txt": POLAND.encode("cp1250"),
    "america.csv": AMERICA.replace("\n", "\r\n").encode(),
    "finland.xlsx": workbook({"Myynti": FINLAND, "Info": [["x"]]}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "options", "answers", "total"),
    [
        ("brazil.csv", (), {'quantity: "Qtde"': 'quantity: {of: "Qtde", abs: true}'},
         ("BRL", "1029.00")),
        ("poland.txt", ("--encoding", "cp1250"), {'currency: "?"': "currency: {is: PLN}"},
         ("PLN", "1287.50")),
        ("america.csv", (), {'currency: "?"': "currency: {is: USD}"}, ("USD", "1362.96")),
        ("finland.xlsx", (), {'currency: "?"': "currency: {is: EUR}"}, ("EUR", "16.00")),
    ],
)  # fmt: skip
def test_a_shops_export_of_another_country_becomes_all_four_types_to_the_cent(
    tmp_path: Path,
    file: str,
    options: tuple[str, ...],
    answers: dict[str, str],
    total: tuple[str, str],
) -> None:
    """They were taken for customers, or for observations of markets, with most of it open."""
    mapping = proposed(tmp_path, FILES[file], *options, name=file)
    for written, answer in answers.items():
        assert written in mapping
        mapping = mapping.replace(written, answer)
    assert '"?"' not in mapping.partition("\n")[2]
    code, came = checked(tmp_path, mapping, file)
    assert (code, came["rejectedRows"]) == (0, 0)
    currency, amount = total
    assert came["sums"] == [{"of": ["orders", currency], "amount": amount}]
    checks: list[dict[str, object]] = came["checks"]  # type: ignore[assignment]
    assert len(checks) >= 2
    assert [each["failed"] for each in checks] == [0] * len(checks)


def test_a_text_of_another_encoding_shows_how_a_word_of_it_reads(tmp_path: Path) -> None:
    """It was read as cp1252 with a `confirm`, and nothing told what to look for."""
    mapping = proposed(tmp_path, FILES["poland.txt"], name="poland.txt")
    [told] = [each for each in mapping.splitlines() if "encoding:" in each]
    assert "encoding: cp1252   # confirm: it is not UTF-8; a word of it is " in told
    assert " by cp1250" in told


def test_a_type_that_is_not_sure_is_told_with_the_others(tmp_path: Path) -> None:
    mapping = proposed(tmp_path, "Foo,Bar\n1,2\n3,4\n".replace("Foo", "Name"))
    assert "# Its rows are taken for " in mapping
    assert "if they are something else: --target shop" in mapping
