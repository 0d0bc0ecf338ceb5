"""What is said of every asset in one place."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.assets import NOT_BY_AGE, REFERENCES, ROOT, shown

HERE = Path(__file__).relative_to(ROOT).as_posix()


@dg.asset(key=["markets", "rents"], group_name="markets")
def rents() -> None:
    """An asset of this file."""


SENT = dg.AssetSpec(["markets", "sent"], group_name="markets")


def _spec(
    key: str, *, ages: dict[str, timedelta | str] | None = None, source_url: str | None = None
) -> dg.AssetSpec:
    definitions = shown(
        dg.Definitions(assets=[rents, SENT]), ages={"markets": ages or {}}, source_url=source_url
    )
    return definitions.resolve_asset_graph().get(dg.AssetKey(["markets", key])).to_asset_spec()


def test_an_asset_links_to_the_line_of_its_file() -> None:
    [reference] = _spec("rents").metadata[REFERENCES].code_references
    assert Path(reference.file_path) == Path(__file__)
    assert Path(__file__).read_text().splitlines()[reference.line_number - 1].startswith("@dg")


@pytest.mark.parametrize("ending", ["", "/"])
def test_where_the_source_is_published_an_asset_links_to_it(ending: str) -> None:
    url = "https://git.example.com/owner/repository/blob/main"
    [reference] = _spec("rents", source_url=url + ending).metadata[REFERENCES].code_references
    assert reference.url.startswith(f"{url}/{HERE}#L")


def test_an_asset_that_has_an_age_gets_a_policy_and_one_that_has_none_says_why() -> None:
    ages = {"rents": timedelta(hours=7), "sent": "they send when they like"}
    policy = _spec("rents", ages=ages).freshness_policy
    assert policy == dg.FreshnessPolicy.time_window(timedelta(hours=7))
    assert NOT_BY_AGE not in _spec("rents", ages=ages).metadata
    assert _spec("sent", ages=ages).freshness_policy is None
    assert _spec("sent", ages=ages).metadata[NOT_BY_AGE] == "they send when they like"


def test_an_asset_of_another_group_with_the_same_name_is_not_meant() -> None:
    definitions = shown(
        dg.Definitions(assets=[rents]),
        ages={"kpis": {"rents": timedelta(hours=7)}},
        source_url=None,
    )
    node = definitions.resolve_asset_graph().get(rents.key)
    assert node.freshness_policy is None


def test_what_no_schedule_makes_is_not_judged_by_its_age() -> None:
    bare = registry.ages(Settings(ace_iot_api_base_url=None, fred_api_key=None))
    assert "ACE_IOT_API_BASE_URL" in str(bare["buildings"]["timeseries_daily"])
    assert "FRED_API_KEY" in str(bare["markets"]["macro_observations"])
    configured = registry.ages(
        Settings(ace_iot_api_base_url="http://localhost/api", fred_api_key="key")
    )
    assert configured["buildings"]["timeseries_daily"] == timedelta(days=2)
    assert configured["markets"]["macro_observations"] == timedelta(days=2)


@pytest.mark.parametrize(
    "url", ["git@example.com:owner/repository", "https://me:secret@example.com/", "example.com"]
)
def test_a_source_url_that_no_browser_opens_or_that_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(source_url=url)
