"""What somebody calls "as expected" stands out no more. All else that pages do is read."""

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestion_pipeline.gateway.front import gateway_of, row_number_of
from ingestion_pipeline.outlets.dashboards.asking import NotThereError
from ingestion_pipeline.outlets.dashboards.rendering import with_headers
from ingestion_pipeline.outlets.dashboards.signing_in import next_of, require_own_form
from ingestion_pipeline.outlets.dashboards.site import site_of

# By the gateway's own role, which sees every tenant's: whose it must be is said here.
_EXPECTED = sa.text("""
    UPDATE findings SET state = 'expected', expected_at = now(), expected_by = 'pages',
           updated_at = now()
    WHERE finding_id = :finding_id AND tenant_id = :tenant_id AND state IN ('open', 'ended')
""")
_IS_THERE = sa.text("""
    SELECT EXISTS (SELECT FROM findings WHERE finding_id = :finding_id AND tenant_id = :tenant_id)
""")


async def expect(request: Request) -> Response:
    """Call a finding of one's own expected; again changes nothing."""
    visitor, form = await require_own_form(request, site_of(request))
    finding_id = row_number_of(form.get("finding", ""))
    if finding_id is None or visitor.is_operator:
        raise NotThereError
    values = {"finding_id": finding_id, "tenant_id": visitor.tenant_id}
    if not await gateway_of(request).run(_expect, values):
        raise NotThereError
    return with_headers(RedirectResponse(next_of(form.get("next", ""), visitor), 303))


def _expect(connection: sa.Connection, values: dict[str, int]) -> bool:
    """Whether there is such a finding of the tenant; it is expected then."""
    connection.execute(_EXPECTED, values)
    return bool(connection.scalar(_IS_THERE, values))
