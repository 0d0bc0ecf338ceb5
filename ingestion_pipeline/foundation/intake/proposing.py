"""A first mapping for a file that nobody has mapped yet, to be finished by who knows the source.

What the file itself makes certain is written down. What it leaves open is not guessed: a date that
can be read in two ways is proposed in neither, and stands as "?", which is refused until it is
filled in. What is likely is marked `confirm`.

    sampling ─▶ drafting (guessing) ─▶ proposing ─▶ framing (notation, footers)
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from ingestion_pipeline.foundation.intake.drafting import OPEN, Draft, quoted
from ingestion_pipeline.foundation.intake.framing import finish
from ingestion_pipeline.foundation.intake.guessing import columns_for, plain
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField

_LIKELY = 0.75  # how much alike a field's name and a column's are
_MOST_CHOICES = 12  # different texts of a column, of which a lookup is proposed
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


def propose(draft: Draft, path: Path, target: Target) -> str:
    """A mapping of a file to one type of records, as YAML."""
    chosen = chosen_for(list(draft.columns), target)
    return finish(draft, path, emit=list(_emit(draft, target, chosen)))


def chosen_for(names: Sequence[str], target: Target) -> dict[str, str]:
    """Which column is which field, as far as names tell."""
    by_plain = {plain(name): name for name in names}
    chosen = {
        each.name: by_plain[said] for each in target.fields
        if (said := each.name.replace("_", " ")) in by_plain
    }  # fmt: skip
    for each in target.fields:
        if each.name in chosen:
            continue
        near = get_close_matches(each.name.replace("_", " "), by_plain, 1, _LIKELY)
        if near and by_plain[near[0]] not in chosen.values():
            chosen[each.name] = by_plain[near[0]]
    left = [name for name in names if name not in chosen.values()]
    wanted = {each.name: _ROLES[each.name] for each in target.fields
              if each.name in _ROLES and each.name not in chosen}  # fmt: skip
    return chosen | columns_for(left, wanted)


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
