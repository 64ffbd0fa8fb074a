"""Every queue scales who consumes it, rows that are due scale who works them off, and the servers bear the sum.

A new queue in shared/topology fails here until a ScaledObject of its service has a trigger for it.
"""

import importlib
import math
import re
from collections import defaultdict
from typing import Any

import pytest
from sqlalchemy import MetaData

from shared.settings import Settings
from shared.storage.engine import build
from shared.topology import service_of
from tests.deploy.cluster import CLUSTERS, Cluster
from tests.deploy.house import QUEUES, SERVICES
from tests.deploy.kustomize import Manifest

DUE_ROWS = {"verifier": "verifications", "notifier": "deliveries"}  # who works off rows of its own, and which
SURGE = 1.25  # a rollout's extra replicas
RESERVED = 20  # connections for migrations, KEDA and people


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return CLUSTERS[request.param]


def triggers(cluster: Cluster, kind: str) -> dict[str, list[dict[str, Any]]]:
    """Deployment → the triggers of this type that scale it."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in cluster.of_kind("ScaledObject").values():
        found[one["spec"]["scaleTargetRef"]["name"]] += [trigger for trigger in one["spec"]["triggers"] if trigger["type"] == kind]
    return found


def test_every_service_scales(cluster: Cluster) -> None:
    scaled = {name: one["spec"]["scaleTargetRef"]["name"] for name, one in cluster.of_kind("ScaledObject").items()}
    assert scaled == {name: name for name in cluster.services()}


def test_every_queue_scales_its_consumer(cluster: Cluster) -> None:
    wanted = {inlet.queue: f"executor-{inlet.gateway}" if service_of(inlet) == "executor" else service_of(inlet) for inlet in QUEUES}
    there = {trigger["metadata"]["queueName"]: name for name, found in triggers(cluster, "rabbitmq").items() for trigger in found}
    assert there == wanted, "queue → Deployment; a queue that is gone takes its trigger with it"
    assert sum(map(len, triggers(cluster, "rabbitmq").values())) == len(wanted), "a queue with two triggers"


def test_rows_that_are_due_scale_who_works_them_off(cluster: Cluster) -> None:
    tables = {}
    for name, found in triggers(cluster, "postgresql").items():
        for trigger in found:
            match = re.search(r"FROM (\w+) WHERE (\w+) <= now\(\) LIMIT \d+", trigger["metadata"]["query"])
            assert match, f"{name}: a bounded count of rows that are due, not {trigger['metadata']['query']}"
            metadata: MetaData = importlib.import_module(f"services.{name}.store").metadata
            assert match[2] in metadata.tables[match[1]].columns
            tables[name] = match[1]
    assert tables == DUE_ROWS


def test_the_edge_scales_on_its_cpu(cluster: Cluster) -> None:
    assert {name for name, found in triggers(cluster, "cpu").items() if found} == {"api"}
    edge = cluster.of_kind("Deployment")["api"]["spec"]["template"]["spec"]["containers"]
    assert all("cpu" in container["resources"]["requests"] for container in edge), "utilization is a share of what is requested"


def test_triggers_are_told_apart_and_know_how_to_ask(cluster: Cluster) -> None:
    known = cluster.of_kind("TriggerAuthentication")
    for name, one in cluster.of_kind("ScaledObject").items():
        names = [trigger["name"] for trigger in one["spec"]["triggers"] if "name" in trigger]
        assert len(set(names)) == len(names), name
        asked = {trigger["authenticationRef"]["name"] for trigger in one["spec"]["triggers"] if "authenticationRef" in trigger}
        assert asked <= known.keys(), name
    used = {
        trigger["authenticationRef"]["name"]
        for kind in ("rabbitmq", "postgresql")
        for found in triggers(cluster, kind).values()
        for trigger in found
    }
    assert used == known.keys()


def test_nothing_scales_to_zero_or_without_end(cluster: Cluster) -> None:
    """Sweepers and relays work without messages too."""
    for name, one in cluster.of_kind("ScaledObject").items():
        assert 1 <= one["spec"]["minReplicaCount"] <= one["spec"]["fallback"]["replicas"] <= one["spec"]["maxReplicaCount"], name
        assert "replicas" not in cluster.of_kind("Deployment")[name]["spec"], f"{name}: its number is KEDA's business"


def test_nothing_exists_once_in_production() -> None:
    cluster = CLUSTERS["production"]
    assert [name for name, one in cluster.of_kind("ScaledObject").items() if one["spec"]["minReplicaCount"] < 2] == []
    assert cluster.of_kind("RabbitmqCluster")["paymesh-rabbitmq"]["spec"]["replicas"] >= 3
    assert cluster.of_kind("Cluster")["paymesh-postgres"]["spec"]["instances"] >= 3


def connections_max(settings: Settings) -> int:
    """What one process may hold: its pool and the pool's overflow."""
    pool: Any = build(settings, service="any").sync_engine.pool
    return int(pool.size() + pool._max_overflow)


@pytest.mark.parametrize("name", ["local-demo", "production"])
def test_postgres_bears_every_replica(name: str) -> None:
    cluster = CLUSTERS[name]
    each = connections_max(Settings(database_url="postgresql+asyncpg://nobody@nowhere/none", rabbitmq_url="amqp://nowhere"))
    replicas = sum(math.ceil(one["spec"]["maxReplicaCount"] * SURGE) for one in cluster.of_kind("ScaledObject").values())
    assert replicas * each + RESERVED <= max_connections(cluster), "raise max_connections, or lower maxReplicaCount"


def max_connections(cluster: Cluster) -> int:
    if servers := cluster.of_kind("Cluster"):
        return int(servers["paymesh-postgres"]["spec"]["postgresql"]["parameters"]["max_connections"])
    arguments: Manifest = cluster.of_kind("StatefulSet")["postgres"]["spec"]["template"]["spec"]["containers"][0]
    return int(dict(one.split("=") for one in arguments["args"] if "=" in one)["max_connections"])


def test_production_has_a_database_and_a_role_for_every_service() -> None:
    cluster = CLUSTERS["production"]
    roles = {one["name"] for one in cluster.of_kind("Cluster")["paymesh-postgres"]["spec"]["managed"]["roles"]}
    assert roles == {f"paymesh_{service}" for service in SERVICES} | {"paymesh_scaler"}
    databases = {
        (one["spec"]["name"], one["spec"]["owner"], one["spec"]["cluster"]["name"]) for one in cluster.of_kind("Database").values()
    }
    assert databases == {(f"paymesh_{service}", f"paymesh_{service}", "paymesh-postgres") for service in SERVICES}
