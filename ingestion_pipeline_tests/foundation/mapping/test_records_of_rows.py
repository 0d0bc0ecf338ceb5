"""What is made of a record's rows, whichever of them are left."""

from ingestion_pipeline_tests.foundation.intake.running import came_of

UNPIVOTED = """
source: x
group: {by: report}
unpivot: [{as: {units: A}, set: {kind: a}}, {as: {units: B}, set: {kind: b}}]
emit:
  sales_events:
    key: [report, kind, title]
    fields: {event_type: {is: sale}, occurred_at: {is: "2026-01-01"}, title: title,
             quantity: {total: units}}
"""


def test_a_record_of_which_no_row_is_left_takes_nothing_from_the_next() -> None:
    came = came_of(UNPIVOTED, "report,title,A,B\n1,x,0,0\n2,x,3,0\n2,y,4,1\n3,x,0,5\n")
    assert [each["quantity"] for each in came.of("sales_events")] == [8, 8, 8, 5]


GROUPED = """
source: x
group: {by: o}
check: [{name: sums, equal: [{sum: [{total: a}, -d]}, t], else: reject}]
emit:
  orders:
    each: group
    fields:
      order_id: {id: [order, o]}
      external_order_id: o
      customer_id: {id: [customer, {first: c}]}
      customer_name_snapshot: {first: c}
      customer_email_snapshot: {is: ""}
      total_amount: {sum: [{total: a}, -d]}
      currency: {is: EUR}
      order_status: {when: {t: filled}, is: paid, else: {is: open}}
      order_date: {is: "2026-01-01"}
      raw_payload: {of: [t]}
      created_at: {is: "2026-01-01"}
"""


def test_a_records_own_fields_are_made_of_all_of_its_rows() -> None:
    rows = "1,,5,1,9\n1,Ada,5,7,\n2,Bo,3,0,3\n3,Cy,1,0,2\n4,,1,0,1\n4,,0,0,\n"
    came = came_of(GROUPED, "o,c,a,d,t\n" + rows.replace("4,,1", "4,Di,1"))
    made = [(each["customer_name_snapshot"], each["total_amount"]) for each in came.of("orders")]
    assert made == [("Ada", "9.00"), ("Bo", "3.00"), ("Di", "1.00")]
    assert came.rules == ["5: check sums: 1 is not 2"]


def test_an_amount_of_nothing_that_is_turned_is_no_minus_nothing() -> None:
    came = came_of(GROUPED.replace("{total: a}, -d", "-d"), "o,c,a,d,t\n1,A,0,0,0\n")
    assert came.of("orders")[0]["total_amount"] == "0.00"
