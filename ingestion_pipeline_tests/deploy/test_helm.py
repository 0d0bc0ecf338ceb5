"""Values for Dagster's chart: the instance of deploy/dagster.yaml, and runs that are allowed."""

from typing import Any

import kubernetes.client as kubernetes_client
import kubernetes_validate
import yaml
from dagster._config import process_config
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
from dagster_k8s.launcher import K8sRunLauncher

from ingestion_pipeline_tests.deploy.manifests import DEPLOY, complaint_about, documents, kubernetes
from ingestion_pipeline_tests.deploy.test_kubernetes import VERSION

VALUES: dict[str, Any] = documents("helm/values.yaml")[0]
DAEMON = VALUES["dagsterDaemon"]
(CODE,) = VALUES["dagster-user-deployments"]["deployments"]


def _snake(value: Any) -> Any:
    """The chart's camelCase keys in the words of dagster.yaml."""
    if isinstance(value, dict):
        return {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in key): _snake(each)
            for key, each in value.items()
        }
    return value


def test_the_instance_is_that_of_dagster_yaml() -> None:
    chosen = VALUES["computeLogManager"]
    assert chosen["type"] == "CustomComputeLogManager"
    retention = dict(VALUES["retention"])
    assert retention.pop("enabled")
    assert not DAEMON["runCoordinator"]["enabled"]  # it would stand against `run_queue`
    rendered = {
        "compute_logs": chosen["config"]["customComputeLogManager"],
        "run_monitoring": _snake(DAEMON["runMonitoring"]),
        "run_retries": _snake(DAEMON["runRetries"]),
        "sensors": _snake(DAEMON["sensors"]),
        "schedules": _snake(DAEMON["schedules"]),
        "retention": _snake(retention),
        "telemetry": VALUES["telemetry"],
        **VALUES["additionalInstanceConfig"],
    }
    instance = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    instance.pop("storage")
    assert rendered == instance


def test_its_database_is_one_of_its_own_and_its_password_a_secret() -> None:
    assert not VALUES["postgresql"]["enabled"]
    assert "postgresqlPassword" not in VALUES["postgresql"]
    assert not VALUES["generatePostgresqlPasswordSecret"]
    assert VALUES["global"]["postgresqlSecretName"]


def test_the_ui_is_a_service_of_the_cluster_and_no_ingress_leads_there() -> None:
    assert VALUES["dagsterWebserver"]["service"]["type"] == "ClusterIP"
    assert not VALUES["ingress"]["enabled"]


def test_all_parts_run_the_same_image_and_none_is_root() -> None:
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    of_gateways = kustomization["images"][0]
    for part in (CODE, DAEMON, VALUES["dagsterWebserver"]):
        assert part["image"]["repository"] == of_gateways["newName"]
        assert part["image"]["tag"] == of_gateways["newTag"]
        assert part["podSecurityContext"]["runAsNonRoot"]
        assert part["securityContext"]["readOnlyRootFilesystem"]
        assert {mount["mountPath"] for mount in part["volumeMounts"]} >= {"/tmp"}


def test_what_it_refers_to_is_there() -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in kubernetes()}
    for part in (CODE, DAEMON, VALUES["dagsterWebserver"]):
        for config_map in part["envConfigMaps"]:
            assert ("ConfigMap", config_map["name"]) in names
    arguments = ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", str(CODE["port"])]
    assert complaint_about([*arguments, *CODE["dagsterApiGrpcArgs"]]) is None


def _launcher() -> dict[str, Any]:
    """The run launcher's configuration as the chart writes it into dagster.yaml."""
    chosen = VALUES["runLauncher"]
    assert chosen["type"] == "K8sRunLauncher"
    config = dict(chosen["config"]["k8sRunLauncher"])
    run = {_key(name): each for name, each in config.pop("runK8sConfig").items()}
    return {
        **{_key(name): each for name, each in config.items()},
        "run_k8s_config": run,
        "job_namespace": "ingestion",
        "service_account_name": "dagster",
        "dagster_home": VALUES["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
    }


def _key(name: str) -> str:
    (key,) = _snake({name: None})
    return str(key)


def test_dagster_takes_the_run_launcher_and_would_refuse() -> None:
    schema = K8sRunLauncher.config_type()
    assert process_config(schema, _launcher()).success
    assert not process_config(schema, {**_launcher(), "image_pull_polcy": "Always"}).success


def test_a_run_is_a_job_that_kubernetes_takes_and_that_is_confined() -> None:
    """What would be sent to the cluster for a run: of the launcher, and of its code location."""
    launcher = _launcher()
    of_launcher = {
        name: launcher[name]
        for name in ("image_pull_policy", "service_account_name", "run_k8s_config")
    }
    of_code = {
        "env_config_maps": [each["name"] for each in CODE["envConfigMaps"]],
        "env_secrets": [each["name"] for each in CODE["envSecrets"]],
        "volumes": CODE["volumes"],
        "volume_mounts": CODE["volumeMounts"],
        "resources": CODE["resources"],
    }
    context = K8sContainerContext.create_from_config({"k8s": of_launcher}).merge(
        K8sContainerContext.create_from_config({"k8s": of_code})
    )
    made = construct_dagster_k8s_job(
        DagsterK8sJobConfig(
            job_image=f"{CODE['image']['repository']}:{CODE['image']['tag']}",
            dagster_home=launcher["dagster_home"],
            instance_config_map=launcher["instance_config_map"],
            postgres_password_secret=launcher["postgres_password_secret"],
        ),
        args=["dagster", "api", "execute_run", "{}"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
    )
    job = kubernetes_client.ApiClient().sanitize_for_serialization(made)
    kubernetes_validate.validate(job, VERSION, strict=True)

    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {"configMapRef": {"name": "ingestion-settings"}} in container["envFrom"]
    assert {"secretRef": {"name": "ingestion-runs"}} in container["envFrom"]
    assert {"/tmp", "/var/lib/ingestion"} <= {m["mountPath"] for m in container["volumeMounts"]}
    # Those of the launcher would lose, unnoticed.
    assert container["resources"] == CODE["resources"]
    assert "resources" not in launcher["run_k8s_config"]["container_config"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    assert job["spec"]["backoffLimit"] == 0  # Dagster tries again, not Kubernetes
