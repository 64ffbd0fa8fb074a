"""The demo deployments, composed and in a cluster: the same merchant as on a developer's machine, and passwords that open their doors."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from deploy.local import demo
from tests.deploy.cluster import CLUSTERS
from tests.deploy.composition import entries, processes
from tests.deploy.house import SERVICES
from tests.deploy.places import DOCKER
from tests.deploy.process import Process

SHOP_URL = "http://127.0.0.1:8090/shop"
DEMO = CLUSTERS["local-demo"]
MESHES: Mapping[str, Mapping[str, Process]] = {"compose": processes(), "local-demo": DEMO.processes}


def test_the_merchant_is_the_one_of_the_documentation() -> None:
    assert json.loads((DOCKER / "demo.json").read_text()) == demo.seed(SHOP_URL)


@pytest.mark.parametrize("name", MESHES)
def test_the_shop_listens_where_webhooks_go_and_knows_their_secret(name: str) -> None:
    (shop,) = [one for one in MESHES[name].values() if one.environment.get("PAYMESH_WEBHOOK_SECRET")]
    assert shop.environment["PAYMESH_WEBHOOK_SECRET"] == demo.WEBHOOK_SECRET
    assert shop.command[shop.command.index("--port") + 1] == str(urlsplit(SHOP_URL).port)


@pytest.mark.parametrize("name", MESHES)
def test_executors_find_the_sandbox(name: str) -> None:
    urls = {one.environment["PAYMESH_SANDBOX_URL"] for one in MESHES[name].values() if one.service == "executor"}
    assert urls == {"http://sandbox:8090"}
    listening = [one.command for one in MESHES[name].values() if one.module == "deploy.sandbox" and "0.0.0.0" in one.command]
    assert [command[command.index("--port") + 1] for command in listening] == ["8090"]
    assert "sandbox" in (entries() if name == "compose" else DEMO.of_kind("Service"))


def test_every_service_has_a_role_and_a_database() -> None:
    text = (DOCKER / "databases.sql").read_text()
    roles = dict(re.findall(r"^CREATE ROLE (\w+) LOGIN PASSWORD '(\w+)';$", text, re.MULTILINE))
    databases = dict(re.findall(r"^CREATE DATABASE (\w+) OWNER (\w+);$", text, re.MULTILINE))
    closed = re.findall(r"^REVOKE CONNECT ON DATABASE (\w+) FROM PUBLIC;$", text, re.MULTILINE)
    names = {f"paymesh_{service}" for service in SERVICES}
    assert (set(roles), databases, set(closed)) == (names, {name: name for name in names}, names)
    for processes_of in MESHES.values():
        for process in processes_of.values():
            if url := process.environment.get("PAYMESH_DATABASE_URL"):
                parts = urlsplit(url)
                assert (parts.hostname, parts.port) == ("postgres", 5432), process.where
                assert roles[parts.username or ""] == parts.password, process.where
                assert databases[parts.path.strip("/")] == parts.username, process.where


@pytest.mark.parametrize("name", MESHES)
def test_the_broker_knows_its_user(name: str) -> None:
    if name == "compose":
        given = entries()["rabbitmq"]["environment"]
    else:
        (container,) = DEMO.of_kind("StatefulSet")["rabbitmq"]["spec"]["template"]["spec"]["containers"]
        given = {one["name"]: one["value"] for one in container["env"]}
    wanted = f"amqp://{given['RABBITMQ_DEFAULT_USER']}:{given['RABBITMQ_DEFAULT_PASS']}@rabbitmq:5672/"
    assert {one.environment.get("PAYMESH_RABBITMQ_URL", wanted) for one in MESHES[name].values()} == {wanted}
