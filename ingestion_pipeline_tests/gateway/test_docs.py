"""`/docs` works without internet: every file of it comes from the gateway."""

import re

import httpx

from ingestion_pipeline_tests.gateway.running import RunningGateway


def test_the_page_and_all_that_it_loads_come_from_the_gateway(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url) as http:
        page = http.get("/docs")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "//" not in page.text.replace("<!DOCTYPE", ""), "a foreign host is named"
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?! src=)", page.text), "the policy allows no inline scripts"
        files = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
        assert len(files) == 4
        for file in files:
            answer = http.get(file)
            assert answer.status_code == 200, file
            assert len(answer.content) > 100
        assert "SwaggerUIBundle" in http.get("/docs/swagger-ui-bundle.js").text


def test_no_other_file_is_served(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url) as http:
        for name in ("redoc.standalone.js", "..%2f__init__.py", "%2e%2e/consts.py", "core.py"):
            assert http.get(f"/docs/{name}").status_code == 404
