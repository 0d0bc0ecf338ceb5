"""How a source writes numbers and dates, where its values leave one way to read them; else the ways
that there are, each with a value that it reads otherwise than the others do.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ingestion_pipeline.foundation.intake.drafting import OPEN, Draft, quoted
from ingestion_pipeline.foundation.intake.guessing import Found, moment, readings
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Numbers


def notation(draft: Draft) -> Iterator[str]:
    """Numbers and dates, where the values leave one way to read them."""
    used = {each.name: each for each in (*draft.dated, *draft.numeric)}
    blanks = list(dict.fromkeys(text for each in used.values() for text in each.blanks))
    if blanks:
        yield f"  blank: {quoted(blanks)}   # confirm: they stand for nothing"
    yield from _numbers(list({each.name: each for each in draft.numeric}.values()))
    yield from _dates(draft)


def _numbers(used: Sequence[Found]) -> Iterator[str]:
    unread = [each for each in used if each.values and not each.numbers]
    numeric = [each for each in used if each.numbers]
    for each in unread:
        value = next((value for value in each.values if not value.isdigit()), each.values[0])
        yield f"# {each.name}: nothing reads its numbers, as in {' '.join(value.split())[:40]}"
    if unread:
        yield f'numbers: {OPEN}   # as {{decimal: ",", group: "."}}'
    if unread or not numeric:
        return
    ways = [way for way in numeric[0].numbers if all(way in each.numbers for each in numeric)]
    if not ways:
        written = ", ".join(f"{each.name} as {each.values[0]}" for each in numeric)
        yield f"numbers: {OPEN}   # not all columns write them alike: {written}"
        return
    ways = [way for way in ways if way.symbols == ways[0].symbols]
    values = [value for each in numeric for value in each.values]
    read = {way: tuple(number_reader(way)(value) for value in values) for way in ways}
    symbols = ", symbols: true" if ways[0].symbols else ""
    if len(set(read.values())) > 1:
        told = " or ".join(_as_number(way, read[way], values, read) for way in ways)
        yield f"numbers: {OPEN}   # {told}"
        return
    way = ways[0]
    confirm = "   # confirm: no value decides" if len({each.decimal for each in ways}) > 1 else ""
    said = f"{{decimal: {quoted(way.decimal)}, group: {quoted(way.group)}{symbols}}}"
    yield f"numbers: {said}{confirm}"


def _as_number(
    way: Numbers, read: Sequence[object], values: Sequence[str], all_read: Mapping[Numbers, object]
) -> str:
    """A way of reading numbers, with a value that it reads otherwise than others do."""
    others = [other for each, other in all_read.items() if each != way]
    for place, (value, number) in enumerate(zip(values, read, strict=True)):
        if any(other[place] != number for other in others):  # type: ignore[index]
            shown = "nothing" if isinstance(number, Refusal) else format(number, "f")
            symbols = ", symbols: true" if way.symbols else ""
            said = f"{{decimal: {quoted(way.decimal)}, group: {quoted(way.group)}{symbols}}}"
            return f"{said}, by which {value} is {shown}"
    return ""


def _dates(draft: Draft) -> Iterator[str]:
    dated, certain = list({each.name: each for each in draft.dated}.values()), draft.formats
    is_open = False
    for each in dated:
        ways, as_first = readings(each), set(certain) <= set(each.dates) if certain else False
        if not ways and each.values and not each.mixed:
            yield f"# {each.name}: no format reads it, as in {each.values[0]}"
        elif len(ways) > 1:
            told = " or ".join(_as_date(each, way) for way in ways)
            said = f"confirm: as {certain[0]}; it might be " if as_first else ""
            yield f"# {each.name}: {said}{told}"
            yield from _told_by_others(draft, each)
        is_certain = as_first or (bool(certain) and each.mixed == certain)
        is_open = is_open or not is_certain
    if is_open:
        yield f"dates: {quoted([*certain, '?'])}   # which of these ways?"
    elif certain:
        together = "   # confirm: one column has them all" if len(certain) > 1 else ""
        yield f"dates: {quoted(list(certain))}{together}"
    formats = [way for each in dated for way in certain or each.dates[:1]]
    if any("%b" in each for each in formats):
        yield "# months: [en]   where their names are in another language"
    if any(_without_offset(each) for each in formats):
        yield "zone: UTC   # confirm: of times without an offset"


def _told_by_others(draft: Draft, open_one: Found) -> Iterator[str]:
    """Columns of the file that can be read in one way only, which is one of those."""
    for each in draft.columns.values():
        if each.dates and len(readings(each)) == 1 and each.dates[0] in open_one.dates:
            yield f"#   {each.name} is {each.dates[0]}, as in {each.values[0]}"


def _as_date(found: Found, format_: str) -> str:
    """A format, with a value of which it makes another day than the others do."""
    value = next(
        (each for each in found.values
         if len({str(moment(way)(each)) for way in readings(found)}) > 1), found.values[0],
    )  # fmt: skip
    read = moment(format_)(value)
    shown = f"{read.day} {read:%B %Y}" if isinstance(read, datetime) else "no date"
    return f"{format_}, by which {value} is {shown}"


def _without_offset(format_: str) -> bool:
    return ("%H" in format_ or "%I" in format_) and "%z" not in format_ and "%Z" not in format_
