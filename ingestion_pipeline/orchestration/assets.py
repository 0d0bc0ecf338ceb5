"""What is said of every asset of the code location in one place: where its code is, how fresh it
must be.

Assets of a sixth domain get it without a line of theirs: what to say is handed in, by domain.
"""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

ROOT = Path(__file__).parents[2]  # of the checkout
REFERENCES = "dagster/code_references"
NOT_BY_AGE = "not_judged_by_age"  # metadata: why an asset has no freshness policy

Ages = Mapping[str, Mapping[str, timedelta | str]]


def shown(definitions: dg.Definitions, *, ages: Ages, source_url: str | None) -> dg.Definitions:
    """The definitions with what the UI shows of every asset.

    Args:
        definitions: all of them.
        ages: by group and asset, how old its newest materialization may be, or why its age is no
            fault.
        source_url: under which the files of the checkout can be read; None: link to the files.
    """

    def said(spec: dg.AssetSpec) -> dg.AssetSpec:
        found = references.get(spec.key) or spec.metadata.get(REFERENCES)
        if found is not None:
            spec = spec.merge_attributes(metadata={REFERENCES: _linked(found, source_url)})
        age = ages.get(spec.group_name or "", {}).get(spec.key.path[-1])
        if isinstance(age, timedelta):
            spec = spec.replace_attributes(freshness_policy=dg.FreshnessPolicy.time_window(age))
        elif age is not None:
            spec = spec.merge_attributes(metadata={NOT_BY_AGE: age})
        return spec

    with warnings.catch_warnings():
        # What Dagster calls code references, and mapping of specs.
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        references = _references(definitions)
        return definitions.map_asset_specs(func=said)


def _references(definitions: dg.Definitions) -> dict[dg.AssetKey, Any]:
    """Where the function of each asset is; what comes from outside says itself where it stands."""
    located = dg.with_source_code_references([*(definitions.assets or ())])
    return {
        # A part of a multi-asset says where it is declared, too.
        key: dg.CodeReferencesMetadataValue(
            code_references=metadata[REFERENCES].code_references[-1:]
        )
        for each in located
        if isinstance(each, dg.AssetsDefinition)
        for key, metadata in each.metadata_by_key.items()
        if REFERENCES in metadata
    }


def _linked(
    references: dg.CodeReferencesMetadataValue, source_url: str | None
) -> dg.CodeReferencesMetadataValue:
    """References to files as links below a URL.

    Dagster's `link_code_references_to_git` knows two hosts, refuses the others with an error at
    load, and leaves out assets from outside.
    """
    if source_url is None:
        return references
    return dg.CodeReferencesMetadataValue(
        code_references=[
            dg.UrlCodeReference(url=_url_of(each, source_url), label=each.label)
            if isinstance(each, dg.LocalFileCodeReference)
            and Path(each.file_path).is_relative_to(ROOT)
            else each
            for each in references.code_references
        ]
    )


def _url_of(reference: dg.LocalFileCodeReference, source_url: str) -> str:
    path = Path(reference.file_path).relative_to(ROOT).as_posix()
    line = f"#L{reference.line_number}" if reference.line_number else ""
    return f"{source_url.rstrip('/')}/{path}{line}"
