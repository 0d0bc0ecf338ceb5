"""What `up` makes so that every domain works at once, without a secret that everybody knows."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from ingestion_pipeline.cli.local.secrets import local_secrets, make_private, secrets_file
from ingestion_pipeline.foundation.settings import Settings

NAMES = ("CRON_SECRET", "CREDENTIAL_KEYS", "WEBHOOK_SECRETS")


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return Settings(ingestion_home=tmp_path)


def test_they_are_made_once_kept_and_nobody_else_can_read_them(configuration: Settings) -> None:
    made = local_secrets(configuration)
    assert sorted(made) == sorted(NAMES)
    assert local_secrets(configuration) == made
    assert secrets_file(configuration).stat().st_mode & 0o777 == 0o600
    assert made["WEBHOOK_SECRETS"].startswith("acme:")


def test_a_shell_can_source_them(configuration: Settings) -> None:
    made = local_secrets(configuration)
    script = f'. {secrets_file(configuration)}; printf %s "$CREDENTIAL_KEYS"'
    assert subprocess.check_output(["sh", "-c", script], text=True) == made["CREDENTIAL_KEYS"]


def test_what_is_configured_counts_and_is_not_written(
    configuration: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRON_SECRET", "mine")
    configured = Settings(ingestion_home=configuration.home)
    assert "CRON_SECRET" not in local_secrets(configured)
    assert "CRON_SECRET" not in secrets_file(configured).read_text()


def test_a_key_that_encrypts_is_never_forgotten(
    configuration: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = local_secrets(configuration)
    monkeypatch.setenv("CREDENTIAL_KEYS", "another")
    local_secrets(Settings(ingestion_home=configuration.home))
    monkeypatch.delenv("CREDENTIAL_KEYS")
    assert local_secrets(Settings(ingestion_home=configuration.home)) == made


def test_a_home_is_closed_to_other_users(tmp_path: Path) -> None:
    """Homes, landed files and logs were everybody's to read, those of earlier releases too."""
    home = tmp_path / "home"
    (home / "drop" / "acme").mkdir(parents=True)
    home.chmod(0o755)
    before = os.umask(0o022)
    try:
        make_private(home)
        (home / "log").write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "log").stat().st_mode) == 0o600
    (home / "drop" / "acme" / "customers_1.csv").write_text("still the user's own")
