"""Files that describe sources: what is sound, and what is told of a fault, by line and field."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.described.folder import Described, read_folder
from ingestion_pipeline.foundation.described.kinds import HOME, KINDS
from ingestion_pipeline.foundation.settings import Settings

SITE = "type: ingestion_pipeline.components.AceIotSite\n"
SERIES = "type: ingestion_pipeline.components.FredSeries\n"
TYPES = ", ".join(f"{HOME}.{name}" for name in KINDS)


def write(folder: Path, **texts: str | bytes) -> Path:
    """`plant="…"` is the file `plant/defs.yaml`."""
    for name, text in texts.items():
        (folder / name).mkdir(parents=True)
        content = text if isinstance(text, bytes) else text.encode()
        (folder / name / "defs.yaml").write_bytes(content)
    return folder


def site(name: str) -> str:
    return f"{SITE}attributes: {{site: '{name}'}}\n"


def series(*names: str) -> str:
    return f"{SERIES}attributes: {{series: [{', '.join(names)}]}}\n"


def read(folder: Path) -> Described:
    return read_folder(folder, taken={})


def faults(folder: Path, **texts: str | bytes) -> list[str]:
    found = read(write(folder, **texts))
    return [str(each).removeprefix(f"{folder}/") for each in found.faults]


def test_files_and_variables_add_up(tmp_path: Path) -> None:
    write(tmp_path, b=site("plant-2"), a=site("plant-1"), rates=series("DGS10", "T10Y2Y"))
    made = Settings(defs_folder=tmp_path, sites="old", fred_series="GDP")
    assert made.site_names == ("old", "plant-1", "plant-2")
    assert made.fred_series_ids == ("GDP", "DGS10", "T10Y2Y")


def test_the_default_holds_where_no_file_names_a_source_of_the_kind(tmp_path: Path) -> None:
    none = Settings()
    only_series = Settings(defs_folder=write(tmp_path, rates=series("DGS10")))
    assert only_series.site_names == none.site_names == tuple(none.sites.split(","))
    assert only_series.fred_series_ids == ("DGS10",)


@pytest.mark.parametrize("broken", [f"{SITE}attributes: [", f"{SITE}attributes: {{site: 7}}"])
def test_a_site_at_fault_is_no_reason_to_collect_the_default(tmp_path: Path, broken: str) -> None:
    made = Settings(defs_folder=write(tmp_path, plant=broken))
    assert made.site_names == ()
    assert made.fred_series_ids == Settings().fred_series_ids


def test_a_name_that_is_in_two_places_is_refused_and_who_has_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, a=site("x"), b=site("x"), c=site("old"), d=series("DGS10", "GDP"))
    made = Settings(defs_folder=tmp_path, sites="old", fred_series="GDP")
    assert made.site_names == ("old", "x")
    assert made.fred_series_ids == ("GDP",)  # a list is taken as a whole or not at all
    assert [str(each).removeprefix(f"{tmp_path}/") for each in made.described.faults] == [
        f"b/defs.yaml:2: attributes.site: x is in {tmp_path}/a/defs.yaml, too; "
        "take it out of one of them",
        "c/defs.yaml:2: attributes.site: old is in SITES, too; take it out of one of them",
        "d/defs.yaml:2: attributes.series[1]: GDP is in FRED_SERIES, too; "
        "take it out of one of them",
    ]


QUOTES = "; YAML reads it so without quotes: put it in quotes"
SITE_RULE = "must be letters, digits, _ and -, with single dots between them"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{SITE}attributes:\n  site: no\n",
         ["3: attributes.site: must be text, and is a boolean (False)" + QUOTES]),
        (f"{SITE}attributes:\n  site: 0123\n",
         ["3: attributes.site: must be text, and is a number (83)" + QUOTES]),
        (f"{SITE}attributes:\n  site: 2026-01-01\n",
         ["3: attributes.site: must be text, and is date (2026-01-01)" + QUOTES]),
        (f"{SITE}attributes:\n  site:\n", ["3: attributes.site: must be text, and is empty"]),
        (f"{SITE}attributes:\n  site: [a]\n", ["3: attributes.site: must be text, and is a list"]),
        (f"{SITE}attributes:\n  site: a|b\n", [f"3: attributes.site: {SITE_RULE}"]),
        (f"{SITE}attributes:\n  site: ../x\n", [f"3: attributes.site: {SITE_RULE}"]),
        (f"{SITE}attributes:\n  site: 'x\n\n    y'\n", [f"3: attributes.site: {SITE_RULE}"]),
        (f"{SITE}attributes:\n  site: '{{{{ x }}}}'\n", [f"3: attributes.site: {SITE_RULE}"]),
        (f"{SITE}attributes:\n  site: a\n  sit: b\n",
         ["4: attributes.sit: is unknown; allowed are description, site"]),
        (f"{SITE}attributes:\n  site: a\n  NO: c\n",
         ["4: attributes.NO: is unknown; allowed are description, site"]),
        (f"{SITE}attributes:\n  description: x\n",
         ["2: attributes.site: is missing: Name of the site in the ACE IoT API; "
          "its partitions are called so, too."]),
        (f"{SITE}attributes:\n  site: a\n\n  site: b\n", ["5: site: is there twice"]),
        (f"{SITE}attributs:\n  site: a\n",
         ["2: attributs: is unknown; allowed are type, attributes",
          "1: attributes: must be there, and have description, site"]),
        (SITE, ["1: attributes: must be there, and have description, site"]),
        (f"{SITE}attributes: {{site: a}}\n---\n{SITE}attributes: {{site: b}}\n",
         ["3: describes a second source; each is in a folder of its own"]),
        (f"{SERIES}attributes:\n  series: DGS10\n",
         ["3: attributes.series: must be a list, and is text (DGS10)"]),
        (f"{SERIES}attributes:\n  series:\n    - DGS10\n    - gdp\n",
         ["5: attributes.series[1]: must be an id as GDP is: up to 60 capitals, digits and _"]),
        (f"{SERIES}attributes:\n  series:\n    - DGS10\n    - DGS10\n",
         ["3: attributes.series: DGS10 is there twice"]),
        ("attributes: {}\n",
         ["1: type: must be the full name of a type, such as "
          + TYPES]),
        ("\ntype: ingestion_pipeline.components.ace_iot_site.AceIotSite\n",
         ["2: type: ingestion_pipeline.components.ace_iot_site.AceIotSite is unknown; allowed are "
          + TYPES]),
        ("", ["1: is empty"]),
        ("# only a comment\n", ["1: is empty"]),
        ("- a\n", ["1: must have the fields type and attributes"]),
        ("a: b: c\n", ["1: is not YAML: mapping values are not allowed here"]),
        ("type: *x\n", ["1: is not YAML: found undefined alias 'x'"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_field_and_what_is_allowed(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    assert faults(tmp_path, plant=text) == [f"plant/defs.yaml:{each}" for each in told]


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe\x00", b"type: \x00", b"a: 2026-13-45", b"[" * 5000, b"&a [*a]", b"? [a]\n: b",
     b"a: " + b"9" * 5000, b"!!python/object/apply:os.system ['true']", b"<<: 7"],
)  # fmt: skip
def test_whatever_a_file_has_the_others_are_read(tmp_path: Path, text: bytes) -> None:
    found = read(write(tmp_path, broken=text, plant=site("plant-1")))
    assert found.names("AceIotSite") == ("plant-1",)
    assert [each.file.parent.name for each in found.faults] == ["broken"]


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("type: &*[]{},'\"\n-?!|>#<a1.~")))
def test_no_text_is_an_exception(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("defs")
    found = read(write(folder, a=text, plant=f"{SITE}attributes: {{site: x}}"))
    assert found.names("AceIotSite") == ("x",)


def test_files_that_nobody_would_read_are_told(tmp_path: Path) -> None:
    write(tmp_path, plant=site("plant-1"), loose=site("x"))
    (tmp_path / "defs.yaml").write_text(site("root"))
    (tmp_path / "plant" / "notes.yaml").write_text("")  # its own affair
    [fault] = [each for each in read(tmp_path).faults if each.file.parent == tmp_path]
    assert fault.rule == "must be in a folder of its own: NAME/defs.yaml"
    (tmp_path / "defs.yaml").rename(tmp_path / "site.yml")
    (tmp_path / "loose" / "defs.yaml").rename(tmp_path / "loose" / "defs.YAML")
    (tmp_path / "plant" / "deeper").mkdir()
    (tmp_path / "plant" / "deeper" / "defs.yaml").write_text(site("deeper"))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "defs.yaml").write_text(site("hidden"))
    found = read(tmp_path)
    assert found.names("AceIotSite") == ("plant-1",)
    assert sorted(str(each).removeprefix(f"{tmp_path}/") for each in found.faults) == [
        "loose/defs.YAML:1: is never read: a source is a folder with a defs.yaml",
        "plant/deeper/defs.yaml:1: stands within another source, plant",
        "site.yml:1: is never read: a source is a folder with a defs.yaml",
    ]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", plant=site("plant-1"))
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "plants").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(folder)
    (folder / "gone").mkdir()
    (folder / "gone" / "defs.yaml").symlink_to("nowhere")
    found = read(folder)
    assert found.names("AceIotSite") == ("plant-1",)
    assert [each.rule for each in found.faults] == ["can't be read: No such file or directory"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    [fault] = Settings(defs_folder=tmp_path / "nothing").described.faults
    assert str(fault) == f"{tmp_path}/nothing:1: is not a folder that can be read"
