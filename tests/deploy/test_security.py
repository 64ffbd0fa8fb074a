"""Pods have no rights, each secret is one service's, and each process may speak to no more than its work asks for."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from shared.sealing import Opener, Sealer
from tests.deploy.cluster import CLUSTERS, DEMO_SECRETS, Cluster, decoded
from tests.deploy.house import ACCOUNTS, SERVICES
from tests.deploy.kustomize import Manifest
from tests.deploy.places import K8S

SERVERS = {53, 5432, 5671, 5672}  # names, PostgreSQL, RabbitMQ
DEMO = {one["metadata"]["name"]: decoded(one) for one in DEMO_SECRETS}


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return CLUSTERS[request.param]


def test_pods_have_no_rights(cluster: Cluster) -> None:
    for where, template in cluster.pods():
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, where
        assert pod["enableServiceLinks"] is False, where
        assert pod["securityContext"]["runAsNonRoot"] is True, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            assert context.get("readOnlyRootFilesystem") or not container["image"].startswith("paymesh"), where


def test_an_image_that_is_there_is_not_fetched(cluster: Cluster) -> None:
    """A cluster on a laptop is given the image by hand, and has no registry to ask."""
    asking = [
        where
        for where, template in cluster.pods()
        for container in template["spec"]["containers"]
        if container["image"].split(":")[0] == "paymesh" and container.get("imagePullPolicy") != "IfNotPresent"
    ]
    assert asking == []


def test_every_container_says_what_it_needs(cluster: Cluster) -> None:
    for where, template in cluster.pods():
        for container in template["spec"]["containers"]:
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, where
            assert "memory" in container["resources"]["limits"], where


def test_volumes_in_memory_or_on_a_node_are_bounded(cluster: Cluster) -> None:
    for where, template in cluster.pods():
        for volume in template["spec"].get("volumes", ()):
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], where


def secrets_of(pod: Manifest) -> Iterator[str]:
    """Every Secret that a pod is given."""
    yield from (volume["secret"]["secretName"] for volume in pod.get("volumes", ()) if "secret" in volume)
    for container in pod["containers"]:
        yield from (source["secretRef"]["name"] for source in container.get("envFrom", ()) if "secretRef" in source)
        yield from (one["valueFrom"]["secretKeyRef"]["name"] for one in container.get("env", ()) if "valueFrom" in one)


def owners(cluster: Cluster) -> dict[str, set[str]]:
    """Secret → who is given it: a service, "executor-alpha", "topology", "keda"."""
    found: dict[str, set[str]] = defaultdict(set)
    for where, template in cluster.pods():
        process = cluster.processes.get(where)
        for name in secrets_of(template["spec"]) if process else ():
            assert process
            service = process.service or (process.command[3] if process.module == "shared.storage.migrate" else "topology")
            found[name].add(where.removeprefix("Deployment/") if name.startswith("paymesh-gateway-") else service)
    for one in cluster.of_kind("TriggerAuthentication").values():
        for reference in one["spec"]["secretTargetRef"]:
            found[reference["name"]].add("keda")
    return dict(found)


def test_a_secret_has_one_owner(cluster: Cluster) -> None:
    assert owners(cluster) == {
        **{f"paymesh-{service}": {service} for service in SERVICES},
        **{f"paymesh-gateway-{name}": {f"executor-{name}"} for name in ACCOUNTS},
        "paymesh-topology": {"topology"},
        "paymesh-sealing": {"api"},
        "paymesh-unsealing": {"executor"},
        "paymesh-scaler": {"keda"},
    }


def test_the_demo_has_every_secret_and_no_other() -> None:
    assert DEMO.keys() == owners(CLUSTERS["base"]).keys()


def test_the_page_for_operators_names_every_secret_and_key() -> None:
    page = (K8S / "README.md").read_text()
    names = {f"`{name}`" for name in DEMO if not name.startswith("paymesh-gateway-")}
    keys = {f"`{key}`" for name, given in DEMO.items() if not name.startswith("paymesh-gateway-") for key in given}
    roles = {
        one["passwordSecret"]["name"] for one in CLUSTERS["production"].of_kind("Cluster")["paymesh-postgres"]["spec"]["managed"]["roles"]
    }
    assert roles == {f"paymesh-postgres-{role}" for role in (*SERVICES, "scaler")}
    assert {word for word in {*names, *keys, "`paymesh-gateway-ACCOUNT`", "`paymesh-postgres-SERVICE`"} if word not in page} == set()


def test_scalers_know_keys_that_exist(cluster: Cluster) -> None:
    for one in cluster.of_kind("TriggerAuthentication").values():
        for reference in one["spec"]["secretTargetRef"]:
            assert reference["key"] in cluster.secrets[reference["name"]], one["metadata"]["name"]


def test_no_committed_overlay_but_the_demo_has_secrets() -> None:
    assert {
        name: list(cluster.of_kind("Secret")) for name, cluster in CLUSTERS.items() if cluster.of_kind("Secret") and name != "local-demo"
    } == {}


def test_demo_keys_are_obviously_demo_keys_and_work() -> None:
    public, private = json.loads(DEMO["paymesh-sealing"]["public.json"]), json.loads(DEMO["paymesh-unsealing"]["private.json"])
    sealed = Sealer(public).seal("m_001", {"type": "upi"})
    assert Opener(private).open("m_001", sealed) == {"type": "upi"}
    keys = [*map(base64.b64decode, private.values()), base64.b64decode(DEMO["paymesh-notifier"]["PAYMESH_SECRETS_KEY"])]
    keys.append(bytes.fromhex(DEMO["paymesh-api"]["PAYMESH_FINGERPRINT_KEY"]))
    assert [key for key in keys if len(key) != 32 or not key.startswith(b"paymesh demo ")] == []


def allowed_out(cluster: Cluster, labels: dict[str, str]) -> set[tuple[int, int]]:
    """Port ranges to which pods with these labels may connect."""
    found = set()
    for policy in cluster.of_kind("NetworkPolicy").values():
        if "Egress" in policy["spec"]["policyTypes"] and policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
            for rule in policy["spec"]["egress"]:
                found |= {(one["port"], one.get("endPort", one["port"])) for one in rule["ports"]}
    return found


def test_only_executors_and_the_notifier_reach_the_outside() -> None:
    cluster = CLUSTERS["production"]
    beyond = {}
    for name in cluster.services():
        labels: dict[str, str] = cluster.of_kind("Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        out = allowed_out(cluster, labels)
        assert {(port, port) for port in SERVERS} <= out, name
        beyond[name] = out - {(port, port) for port in SERVERS}
    assert {name: out for name, out in beyond.items() if out} == {
        **{f"executor-{name}": {(443, 443)} for name in ACCOUNTS},
        "notifier": {(1, 65535)},
    }


def test_policies_leave_the_ports_open_that_are_asked(cluster: Cluster) -> None:
    policies: dict[str, Any] = {name: one["spec"] for name, one in cluster.of_kind("NetworkPolicy").items()}
    edge = cluster.services()["api"]
    assert [one["port"] for one in policies["processes"]["ingress"][0]["ports"]] == [edge.ports["ops"]]
    assert [one["port"] for one in policies["edge"]["ingress"][0]["ports"]] == [edge.ports["http"]]
    for name, spec in policies.items():
        chosen = [
            where
            for where, template in cluster.pods()
            if spec["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        ]
        assert chosen, f"the NetworkPolicy {name} chooses no pod"
