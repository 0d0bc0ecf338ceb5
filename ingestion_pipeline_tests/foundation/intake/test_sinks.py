"""Records on their way to a domain: what is written is what was made."""

import io
from pathlib import Path

from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.intake.sinks import Keeping, Records
from ingestion_pipeline_tests.foundation.intake.running import came_of, understood

MAPPING = """
source: x
emit:
  orders:
    fields:
      order_id: {id: [order, id]}
      external_order_id: id
      customer_id: {id: [customer, id]}
      customer_email_snapshot: note
      customer_name_snapshot: name
      total_amount: total
      currency: {is: EUR}
      order_status: {is: paid}
      order_date: day
      created_at: day
      raw_payload: {of: [name, note]}
"""


EVENTS = """
source: x
emit:
  sales_events:
    fields: {external_id: id, event_type: {is: sale}, occurred_at: day, title: n, quantity: q,
             amount: a, currency: c}
"""


def kept(folder: Path, content: bytes, mapping: str = MAPPING) -> Records:
    mapped = understood(mapping)
    keeping = Keeping(folder, mapped.emits[0], 0)
    for part in Run(mapped, io.BytesIO(content), file_name="f.csv", tenant="acme").parts():
        for made in part.made:
            keeping.add(made)
    return keeping.records()


def test_what_a_record_lacks_is_not_written(tmp_path: Path) -> None:
    content = b"id,day,n,q,a,c\n1,2026-01-01,T,1,,\n2,2026-01-01,T,1,1.5,EUR\n"
    [[(_, without), (_, with_all)]] = list(kept(tmp_path, content, EVENTS).batches())
    assert set(with_all) - set(without) == {"amount", "currency"}


def test_records_are_written_with_the_numbers_of_their_lines(tmp_path: Path) -> None:
    records = kept(tmp_path, 'id,name,total,day,note\n1,Ada,1,2026-01-01,"two\nlines"\n'
                             "2,,x,2026-01-01,\n3,Bo,2.5,2026-01-02,ü\n".encode())  # fmt: skip
    [(first, one), (second, two)] = [each for batch in records.batches() for each in batch]
    assert (first, second, records.number) == (2, 5, 2)
    assert one["raw_payload"] == {"name": "Ada", "note": "two\nlines"}
    assert one["total_amount"] == "1.00"
    assert two["order_date"] == "2026-01-02T00:00:00Z"


def test_a_byte_that_is_no_character_refuses_its_row_and_not_the_file() -> None:
    came = came_of(
        MAPPING, b"id,name,total,day,note\n1,A,1,2026-01-01,caf\xe9\n2,B,1,2026-01-01,\n"
    )
    assert came.rules[1:] == ["2: raw_payload holds what is no character"]
    assert len(came.of("orders")) == 1
