"""Secrets of a local installation: made by the first `up`, kept in INGESTION_HOME/secrets.env.

A file that a shell can source, readable by its owner alone. What the environment sets already
counts for more, and is not written.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.foundation.settings import Settings

_MAKERS: dict[str, Callable[[], str]] = {
    "CRON_SECRET": partial(secrets.token_urlsafe, 32),
    "CREDENTIAL_KEYS": new_key,
    "WEBHOOK_SECRETS": lambda: f"acme:{secrets.token_hex(32)}",  # the tenant of README's examples
}
_LINE = re.compile(r"export ([A-Z_]+)='([^']*)'")


def local_secrets(configuration: Settings) -> dict[str, str]:
    """The secrets that are not configured, by variable; the same ones every time."""
    kept = _kept(configuration)
    needed = {name for name in _MAKERS if name.lower() not in configuration.model_fields_set}
    made = {name: _MAKERS[name]() for name in sorted(needed - kept.keys())}
    if made:
        _keep(configuration, kept | made)
    return {name: value for name, value in (kept | made).items() if name in needed}


def kept_secret(configuration: Settings, name: str, make: Callable[[], str]) -> str:
    """A further secret of the file, made the first time that it is asked for."""
    kept = _kept(configuration)
    if name not in kept:
        kept[name] = make()
        _keep(configuration, kept)
    return kept[name]


def replaced_secret(configuration: Settings, name: str, value: str) -> str:
    """Keep another value of a further secret."""
    _keep(configuration, _kept(configuration) | {name: value})
    return value


def _kept(configuration: Settings) -> dict[str, str]:
    """What stands in the file; nothing where there is none."""
    file = secrets_file(configuration)
    return dict(_LINE.findall(file.read_text())) if file.exists() else {}


def _keep(configuration: Settings, kept: Mapping[str, str]) -> None:
    lines = [f"export {name}='{value}'\n" for name, value in kept.items()]
    _write(secrets_file(configuration), "".join(lines))


def with_kept_keys(configuration: Settings) -> Settings:
    """With the keys of CREDENTIAL_KEYS that `up` has made, for a command in another shell.

    Only where the database is the home's own, too: of another one these are not the keys.
    """
    if configuration.credential_keys or configuration.database_url:
        return configuration
    kept = _kept(configuration).get("CREDENTIAL_KEYS")
    if kept is None:
        return configuration
    return configuration.model_copy(update={"credential_keys": SecretStr(kept)})


def make_private(home: Path) -> None:
    """Close the home to other users of the machine, and all that we and our children write.

    A home of an earlier release is closed here, too; what is in it is behind its door. Of a home
    that is somebody else's (a mounted volume's) only what we write is closed.
    """
    os.umask(0o077)
    home.mkdir(parents=True, exist_ok=True)
    if home.stat().st_uid == os.geteuid():
        home.chmod(0o700)


def secrets_file(configuration: Settings) -> Path:
    """Where they are kept."""
    return configuration.home / "secrets.env"


def _write(file: Path, text: str) -> None:
    """Write a whole file or none, which nobody else can read at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
