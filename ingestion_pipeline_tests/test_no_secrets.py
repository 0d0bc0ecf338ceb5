"""No key of anybody is in the repository: detect-secrets' patterns over every file, offline."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector

ROOT = Path(__file__).parents[1]
NOT_OURS = {"__pycache__", "build", "dist"}  # and hidden folders, caches, egg-info
# These see a secret in every `password = …` and in every address; names in tests are not secrets.
TOO_EAGER = {"KeywordDetector", "IPPublicDetector"}
PASSWORD_IN_URL = "BasicAuthDetector"

DETECTORS = {
    each.__name__: each()
    for each in get_mapping_from_secret_type_to_class().values()
    if issubclass(each, RegexBasedDetector) and each.__name__ not in TOO_EAGER
}


def _files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in NOT_OURS
            and not name.endswith(".egg-info")
            and (name == ".ci" or not name.startswith("."))
        ]
        yield from (Path(folder) / name for name in names)


def _found(text: str, *, also_in_urls: bool) -> set[tuple[str, str]]:
    # Over whole files: detect-secrets' own scan of them, line by line, takes ten seconds.
    return {
        (name, str(secret)[:4] + "…")
        for name, detector in DETECTORS.items()
        if name != PASSWORD_IN_URL or also_in_urls
        for secret in detector.analyze_string(text)
        if "{" not in str(secret)  # a place to fill in
    }


def test_no_file_has_a_key_in_it() -> None:
    found = {}
    for path in _files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        in_tests = "ingestion_pipeline_tests" in path.parts
        if secrets := _found(text, also_in_urls=not in_tests):
            found[path.relative_to(ROOT).as_posix()] = secrets
    assert found == {}


@pytest.mark.parametrize(
    ("detector", "pieces"),
    [
        ("AWSKeyDetector", ("AKIA", "IOSFODNN7", "ABCDEFG")),
        ("GitHubTokenDetector", ("ghp_", "a" * 36)),
        ("PrivateKeyDetector", ("-----BEGIN RSA ", "PRIVATE KEY-----")),
        ("StripeDetector", ("sk_live_", "b" * 24)),
        (PASSWORD_IN_URL, ("postgresql://me:", "hunter2", "@db.example.com/x")),
    ],
)
def test_a_key_would_be_found(detector: str, pieces: tuple[str, ...]) -> None:
    text = f"line one\nsetting = '{''.join(pieces)}'\n"
    assert detector in {name for name, _ in _found(text, also_in_urls=True)}
