"""Kubernetes starts every service of the code, prepares it, probes it where it answers, and lets it end in peace."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from shared.ops import PROBE_TIMEOUT_S
from shared.settings import Settings
from tests.deploy.cluster import CLUSTERS, Cluster
from tests.deploy.house import ACCOUNTS, SERVICES
from tests.deploy.process import Process

DEPLOYMENTS = {service: (service,) for service in SERVICES} | {"executor": tuple(f"executor-{name}" for name in ACCOUNTS)}
OURS = [pytest.param(cluster, name, id=f"{cluster.name}/{name}") for cluster in CLUSTERS.values() for name in cluster.services()]
CLOSING_S = 5.0  # after draining: connections, the log


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return CLUSTERS[request.param]


def container_of(cluster: Cluster, deployment: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.of_kind("Deployment")[deployment]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_every_service_is_deployed(cluster: Cluster) -> None:
    wanted = {name: f"services.{service}" for service, names in DEPLOYMENTS.items() for name in names}
    there = {name: process.module for name, process in cluster.services().items()}
    assert there == wanted, "one file each in base/services, one per gateway account in base/executors, named in base/kustomization.yaml"


def test_every_account_has_an_executor_of_its_own(cluster: Cluster) -> None:
    served = {name: process.gateways for name, process in cluster.services().items() if process.service == "executor"}
    assert served == {f"executor-{name}": (name,) for name in ACCOUNTS}


def test_every_database_is_migrated_and_the_topology_declared(cluster: Cluster) -> None:
    jobs = {name: process.command[2:] for name, process in cluster.processes.items() if name.startswith("Job/") and not process.service}
    wanted = {f"Job/migrate-{service}": ("shared.storage.migrate", service, "upgrade") for service in SERVICES}
    assert jobs == wanted | {"Job/declare-topology": ("shared.topology", "declare")}


def test_every_command_exists(cluster: Cluster) -> None:
    modules = {process.module for process in cluster.processes.values()}
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_everything_that_prepares_can_be_run_first(cluster: Cluster) -> None:
    """README.md selects it by this label, and the rest by its absence."""
    labels = {where: template["metadata"]["labels"].get("app.kubernetes.io/component") for where, template in cluster.pods()}
    assert {where for where, label in labels.items() if label == "preparation"} == {where for where in labels if where.startswith("Job/")}
    read = {name for where, template in cluster.pods() if where.startswith("Job/") for name in config_maps_of(template["spec"])}
    chosen = [*cluster.of_kind("Job").values(), *(cluster.of_kind("ConfigMap")[name] for name in read)]
    labels = {one["metadata"]["name"]: one["metadata"]["labels"].get("app.kubernetes.io/component") for one in chosen}
    assert set(labels.values()) == {"preparation"}, labels


@pytest.mark.parametrize(("cluster", "name"), OURS)
def test_probes_ask_the_operations_port(cluster: Cluster, name: str) -> None:
    container, process = container_of(cluster, name), cluster.services()[name]
    assert process.environment["PAYMESH_OPS_PORT"] == str(process.ports["ops"])
    assert process.environment["PAYMESH_OPS_HOST"] == "0.0.0.0"
    asked = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    # Liveness asks no server: restarting this process would not bring PostgreSQL back.
    assert asked == {
        "startupProbe": {"path": "/livez", "port": "ops"},
        "livenessProbe": {"path": "/livez", "port": "ops"},
        "readinessProbe": {"path": "/readyz", "port": "ops"},
    }
    assert container["readinessProbe"]["timeoutSeconds"] > PROBE_TIMEOUT_S


@pytest.mark.parametrize(("cluster", "name"), OURS)
def test_it_may_end_in_peace(cluster: Cluster, name: str) -> None:
    process = cluster.services()[name]
    assert process.grace_s >= stop_timeout_s(process) + CLOSING_S, "raise terminationGracePeriodSeconds in components/process"


def stop_timeout_s(process: Process) -> float:
    return float(process.environment.get("PAYMESH_STOP_TIMEOUT_S", Settings.model_fields["stop_timeout_s"].default))


def test_the_edge_is_reached(cluster: Cluster) -> None:
    edge = cluster.services()["api"]
    assert edge.environment["PAYMESH_BIND_PORT"] == str(edge.ports["http"])
    assert edge.environment["PAYMESH_BIND_HOST"] == "0.0.0.0"
    assert "preStop" in container_of(cluster, "api")["lifecycle"], "proxies need a moment to forget its address"


def test_services_reach_ports_that_exist(cluster: Cluster) -> None:
    for name, service in cluster.of_kind("Service").items():
        chosen = [template for _, template in cluster.pods() if is_chosen(template, service["spec"]["selector"])]
        assert len(chosen) == 1, f"the Service {name} selects {len(chosen)} kinds of pods"
        ports = {one["name"] for container in chosen[0]["spec"]["containers"] for one in container.get("ports", ())}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports, f"the Service {name}"


def test_selectors_choose_their_own_pods(cluster: Cluster) -> None:
    for kind in ("Deployment", "StatefulSet"):
        for name, one in cluster.of_kind(kind).items():
            selector = one["spec"]["selector"]["matchLabels"]
            assert [where for where, template in cluster.pods() if is_chosen(template, selector)] == [f"{kind}/{name}"]


def test_every_service_may_be_evicted_one_pod_at_a_time(cluster: Cluster) -> None:
    budgets = {name: one["spec"] for name, one in cluster.of_kind("PodDisruptionBudget").items()}
    assert budgets == {
        name: {"maxUnavailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": name}}} for name in cluster.services()
    }


def test_everything_but_the_namespace_is_in_it(cluster: Cluster) -> None:
    (namespace,) = cluster.of_kind("Namespace")
    outside = [
        one["metadata"]["name"] for one in cluster.manifests if one["kind"] != "Namespace" and one["metadata"].get("namespace") != namespace
    ]
    assert outside == []


def test_config_maps_are_used(cluster: Cluster) -> None:
    used = {name for _, template in cluster.pods() for name in config_maps_of(template["spec"])}
    assert used == cluster.config_maps.keys()


def config_maps_of(pod: dict[str, Any]) -> Iterator[str]:
    yield from (volume["configMap"]["name"] for volume in pod.get("volumes", ()) if "configMap" in volume)
    for container in pod["containers"]:
        yield from (source["configMapRef"]["name"] for source in container.get("envFrom", ()) if "configMapRef" in source)


def is_chosen(template: dict[str, Any], selector: dict[str, str]) -> bool:
    return bool(selector.items() <= template["metadata"]["labels"].items())
