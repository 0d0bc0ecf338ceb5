"""The client against a transport that does as it is told."""

import httpx
import sqlalchemy as sa

from ingestion_pipeline.http.client import Upstream


def test_a_path_is_under_the_base_url(engine: sa.Engine) -> None:
    transport = httpx.MockTransport(lambda r: httpx.Response(200, text=str(r.url)))
    with Upstream(
        engine, name="x", base_url="http://x/api", headers={}, requests_per_minute=100,
        transport=transport,
    ) as upstream:  # fmt: skip
        answer = upstream.get("/sites", params={"page": 1})
    assert answer.content == b"http://x/api/sites?page=1"
