"""The whole of a proposed mapping around what it makes: how the file is read, how it writes numbers
and dates, its checks; and for whoever finishes it, what is open and what the columns hold.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ingestion_pipeline.foundation.intake.drafting import OPEN, Draft, quoted
from ingestion_pipeline.foundation.intake.footers import Footed, Records, footed
from ingestion_pipeline.foundation.intake.guessing import Found
from ingestion_pipeline.foundation.intake.notation import notation
from ingestion_pipeline.foundation.intake.sampling import Sample

_SHOWN = 3


def finish(
    draft: Draft,
    path: Path,
    *,
    emit: Iterable[str],
    group: Iterable[str] = (),
    checks: Iterable[str] = (),
    records: Records | None = None,
) -> str:
    """The whole mapping around its emits.

    Args:
        group: which rows are one record, as lines.
        checks: items of `check:` beside those that the lines below the rows make.
        records: the same as `group`, of the rows that were looked at.
    """
    made, below = list(emit), footed(draft, records)
    asked = [*checks, *below.checks]
    inside = [
        *_reading(draft.sample), *notation(draft), *group, *(["check:", *asked] if asked else []),
        "emit:", *made,
    ]  # fmt: skip
    lines = [
        *_beginning(path, draft, inside), *inside,
        *_listed(draft.columns.values()), *_below(draft.sample, below),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _beginning(path: Path, draft: Draft, inside: Sequence[str]) -> Iterator[str]:
    yield (f"# Proposed from {path.name}, of which {len(draft.sample.rows)} rows were looked at. "
           '`confirm` is likely; "?" is open.')  # fmt: skip
    said = [each.partition("   #")[0] for each in inside if not each.lstrip().startswith("#")]
    left = list(dict.fromkeys(each.partition(":")[0].strip() for each in said if OPEN in each))
    confirmed = sum("# confirm" in each for each in inside)
    told = f"Open: {', '.join(left)}" if left else "Nothing is open"
    yield f"# {told}; {confirmed} lines are to be confirmed."
    yield from (f"# {each}" for each in (*draft.notes, draft.sample.unread) if each)
    yield f"source: {quoted(path.stem.casefold()[:40])}   # confirm: whose ids; a shop is a source"


def _reading(sample: Sample) -> Iterator[str]:
    names = quoted([name for name in sample.header if name][:3])
    yield f"match: {{header: {names}}}"
    yield "read:"
    yield from (f"  {each}" for each in sample.read)
    if sample.above:
        yield f"  header: {{find: {names}}}   # {sample.above} lines stand above it"
    if sample.stop:
        shown = " / ".join(" ".join(each.split())[:40] for each in sample.footer[:_SHOWN])
        yield f"  stop: {sample.stop}   # confirm: below the rows stands {shown}"


def _listed(columns: Iterable[Found]) -> Iterator[str]:
    yield "# The columns, and what they hold:"
    for each in columns:
        shown = ", ".join(" ".join(value.split())[:30] for value in each.values[:3]) or "nothing"
        yield f"#   {each.name}: {shown}"


def _below(sample: Sample, below: Footed) -> Iterator[str]:
    if sample.footer:
        yield "# Below the rows:"
        yield from (f"#   {' '.join(each.split())[:90]}" for each in sample.footer)
        yield from (f"# {' '.join(each.split())}" for each in below.notes)
