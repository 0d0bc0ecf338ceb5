"""`auth:` of a request: the NAME of a secret, and where it goes.

    secret: NAME, {env: NAME}   an environment variable of runs
    secret: {stored: name}      a credential that the tenant has stored

A secret never stands in the file; what looks like one is refused, and not repeated by the fault.
"""

import re

from ingestion_pipeline.foundation.http_api.words import Auth, Secret
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.faults import meant
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.secret_names import is_credential_name

_WORDS = {
    "bearer": ("type", "secret"),
    "basic": ("type", "user", "user_secret", "secret"),
    "header": ("type", "name", "secret", "prefix"),
    "query": ("type", "name", "secret"),
}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
# Capitals and digits without a break, as keys of some clouds are: no name that a person gives.
_KEY = re.compile(r"(?=[A-Z0-9]*[0-9][A-Z0-9]*\Z)[A-Z0-9]{16,}")
_KEY_IN_SMALL = re.compile(r"(?=[^_]*[0-9])[a-z0-9]{16,}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, 5.6.2
# Not the project's own: they would be sent to whoever the file names.
_OURS = frozenset({
    "API_KEY", "CRON_SECRET", "WEBHOOK_SECRETS", "CREDENTIAL_KEYS", "DATABASE_URL",
    "KEY_VALUE_URL", "ALERT_WEBHOOK_URL", "DASHBOARDS_DATABASE_URL", "ANALYSIS_KEY",
})  # fmt: skip


def read_auth(reader: Reader, node: Node | None) -> Auth | None:
    """Who asks; None: nobody in particular."""
    if node is None:
        return None
    kind = node.value.get("type") if isinstance(node.value, dict) else None
    if kind is None:
        reader.fault(
            node, f"must be a mapping with 'type', one of {', '.join(_WORDS)}, and 'secret', the "
            "name of an environment variable, or {stored: the name of a stored credential}"
        )  # fmt: skip
        return None
    name = kind.value if isinstance(kind.value, str) else ""
    if name not in _WORDS:  # what stands there may be the secret: it is not repeated
        near = meant(name, _WORDS)
        reader.fault(kind, f"is no way to say who asks{near}")
        name = "bearer"
    words = reader.mapping(node, _WORDS[name])
    wanted = {"header": ("name", "secret"), "query": ("name", "secret"), "bearer": ("secret",)}
    for word in wanted.get(name, ()):
        if word not in words:
            reader.fault(node, f"lacks {word!r}")
    if name == "basic" and not {"user", "user_secret"} & set(words):
        reader.fault(node, "lacks 'user', or 'user_secret': the environment variable that holds it")
    if {"user", "user_secret"} <= set(words):
        reader.fault(words["user_secret"], "can't stand beside 'user'")
    return Auth(
        kind=name,  # type: ignore[arg-type]
        name=_name(reader, words.get("name")),
        secret=_secret(reader, words.get("secret")),
        user=reader.text(words.get("user")),
        user_secret=_secret(reader, words.get("user_secret")),
        prefix=_prefix(reader, words.get("prefix")),
    )


def _name(reader: Reader, node: Node | None) -> str:
    if node is None:
        return ""
    if not isinstance(node.value, str) or not _TOKEN.fullmatch(node.value):
        reader.fault(node, "must be the name of a header or parameter, such as X-Api-Key")
        return ""
    return node.value


def _prefix(reader: Reader, node: Node | None) -> str:
    text = "" if node is None or not isinstance(node.value, str) else node.value
    if node is not None and not re.fullmatch(r"[A-Za-z]{1,20}[ =]?", text):
        reader.fault(node, "must be a word in front of the secret, such as 'Token '")
        return ""
    return text


def _secret(reader: Reader, node: Node | None) -> Secret | None:
    """The name of a secret; a fault never shows what stood there."""
    if node is None or not isinstance(node.value, dict):
        return _variable(reader, node)
    words = node.value
    if len(words) != 1 or not words.keys() <= {"env", "stored"}:
        reader.fault(node, "must be {env: NAME}, or {stored: the name of a stored credential}")
        return None
    [(word, each)] = words.items()
    return _variable(reader, each) if word == "env" else _credential(reader, each)


def _credential(reader: Reader, node: Node) -> Secret | None:
    text = node.value if isinstance(node.value, str) else ""
    looks_like_one = any(_KEY_IN_SMALL.fullmatch(part) for part in text.split("_"))
    if not is_credential_name(text) or looks_like_one:
        reader.fault(
            node, "must be the NAME of a stored credential, in a-z, 0-9 and _ (such as "
            "plant_token); a secret itself never stands in a file"
        )  # fmt: skip
        return None
    return Secret(text, is_stored=True)


def _variable(reader: Reader, node: Node | None) -> Secret | None:
    """The name of an environment variable; the fault never shows what stood there."""
    if node is None:
        return None
    text = node.value if isinstance(node.value, str) else ""
    if not _VARIABLE.fullmatch(text) or _KEY.fullmatch(text):
        reader.fault(
            node, "must be the NAME of an environment variable, in capitals, digits and _ (such as "
            "EXAMPLE_API_KEY); a secret itself never stands in a file"
        )  # fmt: skip
        return None
    if text in _OURS:
        reader.fault(node, f"is {text}, a secret of this installation; no API is told it")
        return None
    return Secret(text)
