"""deploy/kubernetes against the schemas of Kubernetes, and against itself."""

from typing import Any

import kubernetes_validate
import pytest
from starlette.routing import Route

from ingestion_pipeline.outlets.dashboards.routes import router
from ingestion_pipeline_tests.deploy.manifests import (
    DEPLOY,
    INSTANCE,
    SETTINGS,
    complaint_about,
    documents,
    kubernetes,
)

VERSION = "1.34"
OBJECTS = {f"{each['kind']}/{each['metadata']['name']}": each for each in kubernetes()}
GATEWAY = OBJECTS["Deployment/ingestion-gateway"]["spec"]["template"]
POLICIES = {name: each for name, each in OBJECTS.items() if each["kind"] == "NetworkPolicy"}


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_the_schema_takes_it(name: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], VERSION, strict=True)


def test_the_schema_would_refuse() -> None:
    misspelt = {**OBJECTS["Service/ingestion-gateway"], "spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, VERSION, strict=True)


def test_every_file_is_listed() -> None:
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(kustomization["resources"]) == files - {"kustomization.yaml"}
    assert kustomization["images"][0]["name"] == "ingestion-pipeline"


def _pods() -> list[dict[str, Any]]:
    return [
        each["spec"]["template"] for each in OBJECTS.values() if "template" in each.get("spec", {})
    ]


@pytest.mark.parametrize("pod", _pods(), ids=lambda pod: pod["spec"]["containers"][0]["name"])
def test_pods_run_existing_commands_and_are_confined(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "ingestion-pipeline"
    assert complaint_about(container["command"]) is None
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert not pod["spec"]["automountServiceAccountToken"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}
    names = {variable["name"] for variable in container.get("env", [])}
    assert names <= SETTINGS | INSTANCE


def test_settings_are_known() -> None:
    assert set(OBJECTS["ConfigMap/ingestion-settings"]["data"]) <= SETTINGS | INSTANCE
    assert INSTANCE - {"DAGSTER_POSTGRES_URL"} <= set(
        OBJECTS["ConfigMap/ingestion-settings"]["data"]
    )


def test_service_scaling_and_ingress_find_the_gateways() -> None:
    labels = GATEWAY["metadata"]["labels"].items()
    assert OBJECTS["Service/ingestion-gateway"]["spec"]["selector"].items() <= labels
    budget = OBJECTS["PodDisruptionBudget/ingestion-gateway"]["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels
    scaling = OBJECTS["HorizontalPodAutoscaler/ingestion-gateway"]["spec"]
    assert f"{scaling['scaleTargetRef']['kind']}/{scaling['scaleTargetRef']['name']}" in OBJECTS
    assert scaling["minReplicas"] > budget["minAvailable"]
    assert "replicas" not in OBJECTS["Deployment/ingestion-gateway"]["spec"]
    (rule,) = OBJECTS["Ingress/ingestion-gateway"]["spec"]["rules"]
    for path in rule["http"]["paths"]:
        assert f"Service/{path['backend']['service']['name']}" in OBJECTS


def test_strangers_reach_the_api_and_every_page_and_nothing_else() -> None:
    """Pages were served by every gateway, and no way led to them."""
    (rule,) = OBJECTS["Ingress/ingestion-gateway"]["spec"]["rules"]
    paths = [(each["path"], each["pathType"]) for each in rule["http"]["paths"]]

    def is_reached(asked: str) -> bool:
        return any(
            asked == path or (kind == "Prefix" and asked.startswith(f"{path}/"))
            for path, kind in paths
        )

    served = {route.path for route in router.routes if isinstance(route, Route)}
    assert served >= {"/", "/sign-in", "/morning", "/live"}
    assert [path for path in sorted(served) if not is_reached(path)] == []
    assert is_reached("/api/kpi-data")
    for hidden in ("/metrics", "/livez", "/readyz", "/docs", "/openapi.json"):
        assert not is_reached(hidden)


def test_a_gateway_that_stops_may_finish() -> None:
    from ingestion_pipeline.gateway.server import _STOP_SECONDS

    (container,) = GATEWAY["spec"]["containers"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert GATEWAY["spec"]["terminationGracePeriodSeconds"] > pause + _STOP_SECONDS
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_dagster_is_reached_by_its_authenticating_proxy_only() -> None:
    (values,) = documents("helm/values.yaml")
    everything = OBJECTS["NetworkPolicy/nobody-calls-anybody"]["spec"]
    assert everything == {"podSelector": {}, "policyTypes": ["Ingress"]}
    reaching = [
        each["spec"]
        for each in POLICIES.values()
        if each["spec"]["podSelector"].get("matchLabels", {}).items()
        <= values["dagsterWebserver"]["labels"].items()
        and each["spec"]["podSelector"]
    ]
    (only,) = reaching
    ((rule),) = only["ingress"]
    assert rule["from"] == [
        {"podSelector": {"matchLabels": {"ingestion-role": "authenticating-proxy"}}}
    ]
    assert [port["port"] for port in rule["ports"]] == [
        values["dagsterWebserver"]["service"]["port"]
    ]
    for each in POLICIES.values():
        for rule in each["spec"].get("ingress", []):
            assert rule.get("from"), "a rule without `from` lets everybody in"
            assert "ipBlock" not in str(rule["from"])


def test_dagster_reaches_its_code() -> None:
    (values,) = documents("helm/values.yaml")
    (rule,) = OBJECTS["NetworkPolicy/dagster-reaches-code"]["spec"]["ingress"]
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert [port["port"] for port in rule["ports"]] == [deployment["port"]]
    allowed = rule["from"][0]["podSelector"]["matchExpressions"][0]["values"]
    callers = [
        values[part]["labels"]["ingestion-role"] for part in ("dagsterWebserver", "dagsterDaemon")
    ]
    assert allowed == callers


def test_pods_call_no_more_than_they_need_and_no_credentials_of_machines() -> None:
    outwards = OBJECTS["NetworkPolicy/nobody-calls-anywhere-else"]["spec"]
    assert (outwards["podSelector"], outwards["policyTypes"]) == ({}, ["Egress"])
    for rule in outwards["egress"]:
        assert rule.get("to"), "a rule without `to` lets everything out"
        blocks = [each["ipBlock"] for each in rule["to"] if "ipBlock" in each]
        if blocks:
            assert {port["port"] for port in rule["ports"]} == {443, 6443, 5432, 6379}
            # The metadata services of clouds.
            assert "169.254.0.0/16" in blocks[0]["except"]
            assert "fd00:ec2::254/128" in blocks[1]["except"]
