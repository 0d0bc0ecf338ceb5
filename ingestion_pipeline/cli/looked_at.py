"""What a file would come to by a mapping, as people and as programs read it."""

import json
from dataclasses import asdict
from typing import Any

from ingestion_pipeline.cli import console
from ingestion_pipeline.foundation.intake.looking import Label, Looked
from ingestion_pipeline.foundation.mapping.checking import Outcome
from ingestion_pipeline.foundation.mapping.refusals import sentence

_MOST_REASONS = 20


def document(looked: Looked) -> dict[str, Any]:
    """As JSON: amounts are texts."""
    return {
        "lines": looked.counts.lines,
        "counts": {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in vars(looked.counts).items()
        },
        "columns": {
            "used": looked.used, "notUsed": looked.extra, "missing": looked.missing,
            "renamed": looked.renamed,
        },
        "sums": [
            {"of": list(by), "amount": format(amount, "f")} for by, amount in looked.sums.items()
        ],
        "footer": looked.footer,
        "checks": [
            {"name": each.name, "asked": each.asked, "failed": each.failed,
             "amounts": [format(amount, "f") for amount in each.amounts]}
            for each in looked.checked
        ],
        "rejectedRows": looked.rejected_rows,
        "reasons": [
            {"field": field, "columns": list(columns), "rule": rule, "rows": rows}
            for (field, columns, rule), rows in looked.reasons.most_common()
        ],
        "rejected": [asdict(each) for each in looked.rejected],
        "warnings": [asdict(each) for each in looked.warnings],
        "repeatedKeys": {name: each.repeated for name, each in looked.labels.items()},
        "neverFilled": {name: _never_filled(each) for name, each in looked.labels.items()},
        "spans": {name: each.spans for name, each in looked.labels.items()},
        "examples": {name: each.examples for name, each in looked.labels.items()},
    }  # fmt: skip


def _never_filled(label: Label) -> list[str]:
    return [name for name, number in label.filled.items() if not number] if label.number else []


def show(looked: Looked, most: int) -> None:
    """As tables and lines; `most`: how many refused rows are shown."""
    for name, label in looked.labels.items():
        _show_label(name, label)
    for rejected in looked.rejected:
        for reason in rejected.reasons:
            console.complain(f"rejected {reason}")
    for warning in looked.warnings:
        console.warn(str(warning))
    if looked.rejected_rows > most:
        console.say(f"{looked.rejected_rows - most:,} more rows would be rejected")
    # Last, so that they do not scroll away.
    _show_columns(looked)
    _show_counts(looked)
    _show_money(looked)


def _show_columns(looked: Looked) -> None:
    console.say(f"columns not read: {', '.join(looked.extra) or 'none'}")
    for name in looked.missing:
        meant = f": is it {looked.renamed[name]!r} now?" if name in looked.renamed else ""
        console.warn(
            f"the file lacks the column {name!r}, which the mapping says is optional{meant}"
        )


def _show_counts(looked: Looked) -> None:
    counts = looked.counts
    around = {"blank": counts.blank, "preamble": counts.preamble, "footer": counts.footer}
    passed_over = {f"passed over: {name}": lines for name, lines in counts.skipped.items()}
    became = {**around, **passed_over, "rejected": counts.rejected, "used": counts.used}
    lines = [
        [name, f"{number:,}"] for name, number in became.items() if number or name == "rejected"
    ]
    console.show_table("what became of", "lines", rows=[*lines, ["all", f"{counts.lines:,}"]])
    if looked.reasons:
        rows = [[sentence(*reason), f"{number:,}"]
                for reason, number in looked.reasons.most_common(_MOST_REASONS)]  # fmt: skip
        console.show_table("rejected, as", "rows", rows=rows)


def _show_money(looked: Looked) -> None:
    """The sums beside what the file says of itself, and what came of the mapping's checks."""
    if looked.sums:
        rows = [[" ".join(by), format(amount, "f")] for by, amount in looked.sums.items()]
        console.show_table("sum of", "amount", rows=rows)
    if looked.footer:
        console.show_table("the file says", "", rows=[[*each] for each in looked.footer.items()])
    if looked.checked:
        console.show_table("check", "came to", rows=[[each.name, _came(each)]
                                                     for each in looked.checked])  # fmt: skip


def _came(outcome: Outcome) -> str:
    if outcome.amounts:
        left, *rights = (format(each, "f") for each in outcome.amounts)
        return f"{left} is {'not ' if outcome.failed else ''}{' or '.join(rights)}"
    held = outcome.asked - outcome.failed
    return f"holds for {held:,} of {outcome.asked:,} records"


def _show_label(name: str, label: Label) -> None:
    console.say(f"{name}: {label.number:,} records")
    if label.repeated and not label.only_new:
        console.warn(
            f"{label.repeated:,} {name} have a key that came before in the file: "
            "of each key one stays"
        )
    elif label.repeated:
        console.say(f"  {label.repeated:,} of them again, of which the first stays")
    for field, (first, last) in label.spans.items():
        console.say(f"  {field} from {first} to {last}")
    if never := _never_filled(label):
        console.say(f"  never filled: {', '.join(never)}")
    for number, record in enumerate(label.examples, start=1):
        console.say(f"  {name} {number}: {json.dumps(record, ensure_ascii=False)}")
