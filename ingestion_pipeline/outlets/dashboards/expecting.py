"""What somebody calls "as expected" stands out no more. All else that pages do is read."""

from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestion_pipeline.gateway.front import gateway_of, row_number_of
from ingestion_pipeline.outlets.dashboards.asking import NotThereError
from ingestion_pipeline.outlets.dashboards.rendering import with_headers
from ingestion_pipeline.outlets.dashboards.signing_in import next_of, require_own_form
from ingestion_pipeline.outlets.dashboards.site import site_of
from ingestion_pipeline.outlets.findings.expected import call_expected

_BY = "pages"


async def expect(request: Request) -> Response:
    """Call a finding of one's own expected; again changes nothing."""
    visitor, form = await require_own_form(request, site_of(request))
    finding_id = row_number_of(form.get("finding", ""))
    if finding_id is None or visitor.is_operator:
        raise NotThereError
    # By the gateway's own role, which sees every tenant's: whose it must be is said here.
    work = partial(call_expected, finding_id=finding_id, tenant_id=visitor.tenant_id, by=_BY)
    if not await gateway_of(request).run(work):
        raise NotThereError
    return with_headers(RedirectResponse(next_of(form.get("next", ""), visitor), 303))
