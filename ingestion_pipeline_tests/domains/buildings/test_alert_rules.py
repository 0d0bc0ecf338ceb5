"""Rules of alerts: set, seen, applied, deleted; in the shell as users do it."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.domains.buildings.contract.windows import DAY as A_DAY
from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.publish.alert_rules import Limits, set_rule
from ingestion_pipeline.domains.buildings.publish.alerts import publish_alerts
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, chained, scripted


def shell(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["alert-rules", *arguments])


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shell("list", "--json").stdout)
    return found


def test_a_rule_is_set_seen_applied_and_deleted(configured: Settings) -> None:
    engine = database.engine(settings())
    values = [("room/co2", second, value) for second, value in enumerate([400, 1200, 1300, 600])]
    merge_day(
        engine, scripted(chained([values]), points=("room/co2",)), SITE, DAY,
        options=Options(window=A_DAY),
    )  # fmt: skip
    assert publish_alerts(engine, SITE, DAY) == 0
    assert shell("set", "--point", "*/co2", "--maximum", "1000").exit_code == 0
    again = shell("set", "--point", "*/co2", "--minimum", "300", "--maximum", "1100")
    assert "changed" in again.stderr + again.stdout
    shell("set", "--point", "*/co2", "--maximum", "1250", "--severity", "critical")
    [critical, warning] = listed()
    assert (warning["site_name"], warning["minimum"], warning["maximum"]) == ("*", 300, 1100)
    assert critical["severity"] == "critical"
    assert "300 ≤ value ≤ 1100" in shell("list").stdout
    assert publish_alerts(engine, SITE, DAY) == 2
    with engine.connect() as connection:
        query = "SELECT severity, samples, extreme FROM building_alerts ORDER BY severity"
        assert connection.exec_driver_sql(query).all() == [
            ("critical", 1, 1300), ("warning", 2, 1300),
        ]  # fmt: skip
    assert shell("delete", str(critical["rule_id"])).exit_code == 0
    assert [rule["severity"] for rule in listed()] == ["warning"]
    gone = shell("delete", str(critical["rule_id"]))
    assert gone.exit_code == 1


@pytest.mark.parametrize(
    ("minimum", "maximum", "said"),
    [
        (None, None, "a minimum, a maximum, or both"),
        (2, 1, "above the maximum"),
        (float("nan"), None, "finite"),
        (None, float("inf"), "finite"),
    ],
)
def test_limits_that_make_no_sense_are_refused(
    minimum: float | None, maximum: float | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Limits(minimum, maximum)


@pytest.mark.parametrize("change", [{"severity": "loud"}, {"site": ""}, {"point": "a\0"}])
def test_a_rule_needs_names_and_a_severity_that_is_known(
    engine: sa.Engine, change: dict[str, str]
) -> None:
    rule: dict[str, Any] = {"site": "*", "point": "*", "limits": Limits(maximum=1), **change}
    with engine.begin() as connection, pytest.raises(ConfigurationError):
        set_rule(connection, **rule)
