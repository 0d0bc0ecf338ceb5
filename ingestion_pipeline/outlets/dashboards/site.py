"""What the pages of one gateway share: its sessions, its connections, and who a visitor is."""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.gateway.front import Gateway, gateway_of
from ingestion_pipeline.gateway.trust.limits import RateLimit
from ingestion_pipeline.outlets.dashboards.sessions import Session, Sessions
from ingestion_pipeline.outlets.dashboards.viewing import Views

# Wrong keys that may come from an address, of which there are many behind one: 20, then one in 5 s.
_WRONG_A_SECOND, _WRONG_AT_ONCE = 0.2, 20


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in, as of this moment.

    Attributes:
        session: what the cookie says, or the key that a program sent.
        tenant_id: 0 for the operator.
        tenant: its name; empty for the operator.
    """

    session: Session
    tenant_id: int = 0
    tenant: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether it is whoever runs the installation."""
        return self.session.kind == "operator"


class Site:
    """The pages' state; one an application."""

    def __init__(self, gateway: Gateway) -> None:
        """Raises ConfigurationError where a setting is missing that pages need."""
        self._gateway = gateway
        self.sessions = Sessions(gateway.configuration)
        self.views = Views(gateway.configuration)
        self.wrong_keys = RateLimit(rate=_WRONG_A_SECOND, burst=_WRONG_AT_ONCE)

    async def visitor(self, request: Request) -> Visitor | None:
        """Who is signed in, if the key still is in force. Programs may send it each time."""
        session = self.sessions.of(request)
        if session is None and (api_key := request.headers.get("x-api-key")):
            session = Session("tenant", tenants.key_hash(api_key))
        return None if session is None else await self.known(session)

    async def known(self, session: Session) -> Visitor | None:
        """Whose session it is; None where its key is none, or is none any more."""
        if session.kind == "operator":
            return Visitor(session) if session.digest == self._operators() else None
        holder = await self._gateway.holder_of(session.digest)
        return None if holder is None else Visitor(session, holder.tenant_id, holder.tenant)

    def _operators(self) -> bytes | None:
        secret = self._gateway.configuration.cron_secret
        if secret is None:
            return None
        return hashlib.sha256(secret.get_secret_value().encode()).digest()


def site_of(request: Request) -> Site:
    """The site that a request came to, made by the first that comes.

    Raises:
        ConfigurationError: a setting is missing.
    """
    state = request.app.state
    if not hasattr(state, "site"):
        state.site = Site(gateway_of(request))
        state.closing.append(state.site.views.close)
    site: Site = state.site
    return site
