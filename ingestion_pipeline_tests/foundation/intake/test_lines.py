"""Every physical line of a file is blank, preamble, footer, passed over, rejected or used."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.foundation.intake.running import understood

MAPPING = understood("""
source: x
read: {stop: {first: "^Total"}}
skip: {nothing sold: {q: "0"}}
emit:
  sales_events:
    key: [t]
    fields: {event_type: {is: sale}, occurred_at: d, title: t, quantity: q}
""")
GOOD = "2026-01-01,First,1\n"
LINES = st.lists(
    st.sampled_from([
        GOOD, "2026-01-02,Second,0\n", "2026-13-01,Bad date,1\n", "\n", ",,\n", "2026-01-01,x\n",
        '2026-01-01,"never closed,1\n', '2026-01-01,"two\nlines",1\n', "2026-01-01,a,1,b\n",
        'x"y,"z",1\n', "d,t,q\n", "2026-01-03,Third,2\r\n", "2026-01-03,Fourth,2\r",
        "\ufeffd,t,q\n",
        "2026-01-01,\udc80bad byte,1\n", "Total,3\n", "\x00\n", '"""\n',
    ]),
    max_size=60,
)  # fmt: skip


@given(LINES, st.booleans())
@settings(max_examples=300)
def test_lines_add_up(lines: list[str], cut: bool) -> None:
    text = "d,t,q\n" + "".join(lines)
    content = text.removesuffix("\n" if cut else "").encode("utf-8", "surrogateescape")
    run = Run(MAPPING, io.BytesIO(content), file_name="file.csv", tenant="acme")
    parts = list(run.parts())
    physical = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    expected = len(physical.removesuffix("\n").split("\n"))
    assert run.counts.lines == expected
    assert sum(len(made.rows) for part in parts for made in part.made) <= run.counts.used
    assert sum(len(part.rejected) for part in parts) <= run.counts.rejected


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        run = Run(MAPPING, io.BytesIO(b"d,t,q\n" + content), file_name="f", tenant="acme")
        lines = [len(part.rejected) for part in run.parts()]
    except WrongFileError:
        return
    assert run.counts.lines >= sum(lines)


def test_a_quote_that_is_never_closed_costs_its_own_line() -> None:
    text = "d,t,q\n" + GOOD * 3 + '2026-01-01,"never closed,1\n' + GOOD * 500
    run = Run(MAPPING, io.BytesIO(text.encode()), file_name="file.csv", tenant="acme")
    [[rejected]] = [part.rejected for part in run.parts() if part.rejected]
    assert str(rejected.reasons[0]) == "line 5: line a quote opened in line 5 is never closed"
    assert (run.counts.used, run.counts.rejected) == (503, 1)
