"""Who is signed in: what the cookie holds, and the proof that a form is one of our own.

The cookie is a Fernet token (encrypted, signed, dated) under keys that are made of CREDENTIAL_KEYS,
so a restart keeps sessions and several gateways share them. In it is the hash of the key that one
has signed in with, which is looked up with each request: a key that is revoked ends its sessions.

    tenant:<SHA-256 of the API key>          pages of the tenant
    operator:<SHA-256 of CRON_SECRET>        pages of the installation

Signing out forgets the cookie in the browser, and this process takes no copy of it any more.
Another process would, until it has expired: who fears that one was taken revokes the key.

A form carries a token of its own, of another key, that holds the session's hash: it is another one
each time, so that what is compressed beside it tells nothing of it.
"""

import base64
import hashlib
import math
import time
from dataclasses import dataclass

from cryptography.fernet import InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import Response

from ingestion_pipeline.foundation.sealing import cipher_for
from ingestion_pipeline.foundation.settings import Settings

_DIGEST_BYTES = 32
_MOST = 1_000  # characters of a token; ours have some 250
_MOST_ENDED = 100_000  # sessions that are remembered as ended: some 15 MB


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        kind: tenant or operator.
        digest: SHA-256 of what one has signed in with.
    """

    kind: str
    digest: bytes


class Sessions:
    """Makes cookies and forms' tokens, and reads them again."""

    def __init__(self, configuration: Settings) -> None:
        """Raises ConfigurationError where CREDENTIAL_KEYS is not set."""
        self._seconds = int(configuration.session_lifetime.total_seconds())
        self._cookies = cipher_for(configuration, "dashboards: sessions")
        self._forms = cipher_for(configuration, "dashboards: forms")
        self._ended: dict[bytes, float] = {}  # until when, the oldest first

    def of(self, request: Request) -> Session | None:
        """Whose session a request carries; what is expired, or not ours, is none's."""
        token = request.cookies.get(_name(request), "")
        content = self._read(self._cookies, token)
        if content and _identity(token) in self._ended:
            return None
        kind, _, digest = content.partition(b":")
        if kind not in (b"tenant", b"operator") or len(digest) != _DIGEST_BYTES:
            return None
        return Session(kind.decode(), digest)

    def seconds_left(self, request: Request) -> float:
        """How long the session of a request still lasts; that of a key sent with it, for ever."""
        token = request.cookies.get(_name(request), "")
        if not self._read(self._cookies, token):
            return math.inf
        # <https://github.com/fernet/spec/blob/master/Spec.md>: version, then the time, 64 bits
        issued = int.from_bytes(base64.urlsafe_b64decode(token)[1:9])
        return issued + self._seconds - time.time()

    def browser_of(self, request: Request) -> bytes:
        """What tells one sign-in from others of the same key; of a program, empty."""
        token = request.cookies.get(_name(request), "")
        return _identity(token) if self._read(self._cookies, token) else b""

    def begin(self, request: Request, response: Response, session: Session) -> None:
        """Sign somebody in."""
        content = session.kind.encode() + b":" + session.digest
        response.set_cookie(
            _name(request), self._cookies.encrypt(content).decode(), max_age=self._seconds,
            path="/", secure=is_https(request), httponly=True, samesite="lax",
        )  # fmt: skip

    def end(self, request: Request, response: Response) -> None:
        """Sign somebody out, in this browser, and whoever has a copy of its cookie."""
        if browser := self.browser_of(request):
            now = time.time()
            for known in [each for each, until in self._ended.items() if until < now]:
                del self._ended[known]
            while len(self._ended) >= _MOST_ENDED:
                del self._ended[next(iter(self._ended))]
            self._ended[browser] = now + self._seconds
        response.delete_cookie(
            _name(request), path="/", secure=is_https(request), httponly=True, samesite="lax"
        )

    def form_token(self, session: Session) -> str:
        """What a form of a session's page carries."""
        return self._forms.encrypt(session.digest).decode()

    def is_form_token(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return self._read(self._forms, token) == session.digest

    def _read(self, cipher: MultiFernet, token: str) -> bytes:
        if not token or len(token) > _MOST or not token.isascii():
            return b""
        try:
            return cipher.decrypt(token, ttl=self._seconds)
        except InvalidToken:
            return b""


def _identity(token: str) -> bytes:
    """Which token it is, however it is written: decoding passes over what is no base64."""
    return hashlib.sha256(base64.urlsafe_b64decode(token)).digest()


def is_https(request: Request) -> bool:
    """Whether the browser speaks HTTPS; a proxy that does it for us says so."""
    said = request.headers.get("x-forwarded-proto", request.url.scheme)
    return said.split(",")[0].strip().lower() == "https"


def is_own(request: Request) -> bool:
    """Whether a POST comes from a page of ours, as far as the browser tells.

    Browsers send `Sec-Fetch-Site` or `Origin` with every POST; who sends neither is no browser, and
    nobody's cookies are in it unawares. <https://www.w3.org/TR/fetch-metadata/>
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host", "")


def _name(request: Request) -> str:
    # `__Host-`: a neighbour under the same domain can't set it, but browsers want HTTPS for it.
    return "__Host-ingestion" if is_https(request) else "ingestion"
