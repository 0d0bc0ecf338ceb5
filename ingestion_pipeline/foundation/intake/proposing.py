"""A first mapping for a file that nobody has mapped yet, to be finished by who knows the source.

What the file itself makes certain is written down. What it leaves open is not guessed: a date that
can be read in two ways is proposed in neither, and stands as "?", which is refused until it is
filled in. What is likely is marked `confirm`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from ingestion_pipeline.foundation.intake.guessing import (
    Found,
    columns_for,
    found_in,
    moment,
    plain,
    readings,
)
from ingestion_pipeline.foundation.intake.sampling import Sample, sample_of
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField
from ingestion_pipeline.foundation.mapping.words import Numbers
from ingestion_pipeline.foundation.storage.file_kinds import Limits

OPEN = '"?"'
_LIKELY = 0.75  # how much alike a field's name and a column's are
_MOST_CHOICES = 12  # different texts of a column, of which a lookup is proposed
_SHOWN = 3
# What fields are called elsewhere, the likeliest first.
_ROLES = {
    "external_id": "(?:order item|transaction|payment|line|sale|invoice|order)? ?(?:id|no|number)",
    "occurred_at": ".*date.* | .*(?:time|period|month|created|sold).*",
    "timestamp": "timestamp | .*(?:time|date|datum).*",
    "event_type": "(?:transaction |event |sale )?type | sales? or returns? | .*kind.*",
    "quantity": "(?:net )?(?:qty|quantity|units)(?: sold)? | (?:qty|quantity|units|menge).*",
    "list_price": ".*list price.* | (?:unit |item )?price",
    "amount": ".*(?:royalt|earning|net due|proceeds|share).* | (?:net |total )?(?:amount|total)",
    "currency": ".*(?:currency|wahrung|währung|devise|moneda|valuta).*",
    "marketplace": ".*(?:country|marketplace|territory|store|region).*",
    "isbn": ".*(?:isbn|ean).*",
    "author": "(?:.* )?(?:author|artist|contributor)s?(?: names?)?",
    "title": ".*(?:title|product|item).*",
    "site": "(?:site|building|location|facility|plant|gebaude|standort)(?: (?:name|id|code))?",
    "point": "(?:point|sensor|tag|meter|channel|trend|messpunkt|zahler)(?: (?:name|id|code))?",
    "series": "(?:series|indicator|variable|symbol|ticker)(?: (?:name|id|code))?",
    "date": ".*(?:date|datum|period|time|month).*",
    "quality": ".*(?:quality|flag|status).*",
    "unit": "uom | einheit | units?(?: of measure)?",
    "value": "(?:.* )?(?:value|reading|wert|amount|measurement)",
    "kpi_id": "(?:kpi|metric|indicator|series|name|measure)(?: (?:id|name|code))?",
}


@dataclass
class Draft:
    """What a mapping is written of.

    Attributes:
        columns: of the file, by name.
        dated: columns that are used as dates; `numeric`: as numbers. To be filled while the rest
            is written, as they decide what to say of dates and numbers.
    """

    sample: Sample
    columns: Mapping[str, Found]
    dated: list[Found] = field(default_factory=list)
    numeric: list[Found] = field(default_factory=list)
    formats: tuple[str, ...] = ()

    def date(self, name: str) -> str:
        """A column as a date; where its format is another than the first one's, with it."""
        found = self.columns[name]
        certain = found.dates[:1] if len(readings(found)) == 1 else found.mixed
        if certain:
            self.formats = self.formats or certain
            if certain != self.formats and not set(self.formats) <= set(found.dates):
                return f"{{of: {quoted(name)}, date: {quoted(list(certain))}}}"
        self.dated.append(found)
        return quoted(name)

    def number(self, name: str) -> str:
        """A column as a number."""
        self.numeric.append(self.columns[name])
        return quoted(name)

    def cells(self, name: str) -> list[str]:
        """The texts of a column in the sample's rows."""
        at = self.sample.header.index(name)
        return [row[at].strip() if at < len(row) else "" for row in self.sample.rows]


def draft_of(path: Path, limits: Limits | None = None) -> Draft:
    """A file, looked at.

    Raises:
        ContractError: the file is no table that can be looked at.
        OSError: it can't be read.
    """
    sample = sample_of(path, limits)
    columns = {}
    for place, name in enumerate(sample.header):
        if name:
            cells = [row[place] for row in sample.rows if place < len(row)]
            columns[name] = found_in(name, cells)
    return Draft(sample, columns)


def propose(draft: Draft, path: Path, target: Target) -> str:
    """A mapping of a file to one type of records, as YAML."""
    chosen = chosen_for(list(draft.columns), target)
    return finish(draft, path, emit=list(_emit(draft, target, chosen)))


def chosen_for(names: Sequence[str], target: Target) -> dict[str, str]:
    """Which column is which field, as far as names tell."""
    by_plain = {plain(name): name for name in names}
    chosen: dict[str, str] = {}
    for each in target.fields:
        near = get_close_matches(each.name.replace("_", " "), by_plain, 1, _LIKELY)
        if near and by_plain[near[0]] not in chosen.values():
            chosen[each.name] = by_plain[near[0]]
    left = [name for name in names if name not in chosen.values()]
    wanted = {each.name: _ROLES[each.name] for each in target.fields
              if each.name in _ROLES and each.name not in chosen}  # fmt: skip
    return chosen | columns_for(left, wanted)


def finish(
    draft: Draft, path: Path, *, emit: Iterable[str], between: Iterable[str] = ()
) -> str:  # fmt: skip
    """The whole mapping around its emits.

    Args:
        between: lines that stand before `emit:` (groups, checks).
    """
    inside = list(emit)
    lines = [
        *_beginning(path, draft.sample), *_notation(draft), *between, "emit:", *inside,
        *_listed(draft.columns.values()), *_below(draft.sample),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def quoted(value: object) -> str:
    """As YAML has it, quoted; JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def _beginning(path: Path, sample: Sample) -> Iterator[str]:
    names = quoted([name for name in sample.header if name][:3])
    yield (f"# Proposed from {path.name}, of which {len(sample.rows)} rows were looked at. "
           '`confirm` is likely; "?" is open.')  # fmt: skip
    yield f"source: {quoted(path.stem.casefold()[:40])}   # confirm: whose ids; a shop is a source"
    yield f"match: {{header: {names}}}"
    yield "read:"
    yield from (f"  {each}" for each in sample.read)
    if sample.above:
        yield f"  header: {{find: {names}}}   # {sample.above} lines stand above it"
    if sample.stop:
        shown = " / ".join(" ".join(each.split())[:40] for each in sample.footer[:_SHOWN])
        yield f"  stop: {sample.stop}   # confirm: below the rows stands {shown}"


def _notation(draft: Draft) -> Iterator[str]:
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


def _emit(draft: Draft, target: Target, chosen: Mapping[str, str]) -> Iterator[str]:
    yield f"  {target.name}:"
    is_keyed = target.keyed and target.key not in chosen
    if is_keyed:
        yield f"    key: [{OPEN}]   # columns that tell a row from others; or say {target.key}"
    yield "    fields:"
    for each in target.fields:
        if not (is_keyed and each.name == target.key):
            yield f"      {_field(draft, each, chosen.get(each.name))}"


def _field(draft: Draft, each: TargetField, name: str | None) -> str:
    if name is None:
        choices = f", one of {', '.join(each.choices)} as {{is: …}}" if _is_short(each) else ""
        if each.required:
            return f"{each.name}: {OPEN}   # {each.kind}, required{choices}"
        return f"# {each.name}:   ({each.kind}{choices})"
    if each.kind == "uuid":
        kind = each.name.removesuffix("_id")
        return f"{each.name}: {{id: [{kind}, {quoted(name)}]}}   # confirm"
    if each.kind == "instant":
        return f"{each.name}: {draft.date(name)}   # confirm"
    if each.kind in ("decimal", "integer", "double"):
        return f"{each.name}: {draft.number(name)}   # confirm"
    values = draft.columns[name].values
    if _is_short(each) and not set(values) <= set(each.choices):
        texts = ", ".join(f"{quoted(value)}: {OPEN}" for value in values[:_MOST_CHOICES])
        rest = "" if len(values) <= _MOST_CHOICES else ", …"
        told = f"each one of {', '.join(each.choices)}{rest}"
        return f"{each.name}: {{of: {quoted(name)}, lookup: {{{texts}}}}}   # {told}"
    return f"{each.name}: {quoted(name)}   # confirm"


def _is_short(each: TargetField) -> bool:
    return each.kind == "choice" and len(each.choices) <= _MOST_CHOICES


def _listed(columns: Iterable[Found]) -> Iterator[str]:
    yield "# The columns, and what they hold:"
    for each in columns:
        shown = ", ".join(" ".join(value.split())[:30] for value in each.values[:3]) or "nothing"
        yield f"#   {each.name}: {shown}"


def _below(sample: Sample) -> Iterator[str]:
    if sample.footer:
        yield "# Below the rows:"
        yield from (f"#   {' '.join(each.split())[:90]}" for each in sample.footer)
