"""One overlay as a cluster would see it: its objects, and the processes that they start with all that these are given."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.deploy.kustomize import Manifest, load, render
from tests.deploy.places import BASE, DEMO, K8S, PRODUCTION
from tests.deploy.process import Process

DEMO_SECRETS = tuple(load(K8S / "components" / "demo-secrets" / "secrets.yaml"))
DEFAULT_GRACE_S = 30.0


@dataclass(frozen=True)
class Cluster:
    """Where an overlay leaves Secrets to a store, the demo ones stand for them: the same names and keys."""

    name: str
    manifests: tuple[Manifest, ...]

    def of_kind(self, kind: str) -> dict[str, Manifest]:
        return {one["metadata"]["name"]: one for one in self.manifests if one["kind"] == kind}

    @cached_property
    def secrets(self) -> dict[str, dict[str, str]]:
        given = [one for one in (*DEMO_SECRETS, *self.manifests) if one["kind"] == "Secret"]
        return {one["metadata"]["name"]: decoded(one) for one in given}

    @cached_property
    def config_maps(self) -> dict[str, dict[str, str]]:
        return {name: one["data"] for name, one in self.of_kind("ConfigMap").items()}

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """("Deployment/api", its pod template) of everything that starts pods."""
        for kind in ("Deployment", "StatefulSet", "Job"):
            for name, one in self.of_kind(kind).items():
                yield f"{kind}/{name}", one["spec"]["template"]

    @cached_property
    def processes(self) -> dict[str, Process]:
        """ "Deployment/api" → the process of ours in it, and "Deployment/notifier:shop" for a container beside it."""
        found = {}
        for where, template in self.pods():
            for container in template["spec"]["containers"]:
                if container["image"].split(":")[0] == "paymesh":
                    name = where if container is template["spec"]["containers"][0] else f"{where}:{container['name']}"
                    found[name] = self._process(f"{self.name} {name}", template["spec"], container)
        return found

    def services(self) -> dict[str, Process]:
        """Deployment → process, of the mesh's own services."""
        return {name.removeprefix("Deployment/"): one for name, one in self.processes.items() if one.is_service}

    def _process(self, where: str, pod: Mapping[str, Any], container: Mapping[str, Any]) -> Process:
        pause_s = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        return Process(
            where,
            tuple(container["command"]),
            dict(self._environment(where, container)),
            frozenset(self._files(where, pod, container)),
            pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE_S) - pause_s,
            {one["name"]: one["containerPort"] for one in container.get("ports", ())},
        )

    def _environment(self, where: str, container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                yield from self._given(where, "ConfigMap", source["configMapRef"]["name"]).items()
            else:
                yield from self._given(where, "Secret", source["secretRef"]["name"]).items()
        for one in container.get("env", ()):
            if "value" in one:
                yield one["name"], one["value"]
            else:
                reference = one["valueFrom"]["secretKeyRef"]
                keys = self._given(where, "Secret", reference["name"])
                assert reference["key"] in keys, f"{where}: the Secret {reference['name']} has no {reference['key']}"
                yield one["name"], keys[reference["key"]]

    def _files(self, where: str, pod: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
        volumes = {one["name"]: one for one in pod.get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            assert mount["name"] in volumes, f"{where} mounts {mount['name']}, which is no volume of its pod"
            match volumes[mount["name"]]:
                case {"configMap": {"name": name}}:
                    yield from (f"{mount['mountPath']}/{file}" for file in self._given(where, "ConfigMap", name))
                case {"secret": {"secretName": name}}:
                    yield from (f"{mount['mountPath']}/{file}" for file in self._given(where, "Secret", name))
                case _:
                    yield f"{mount['mountPath']}/"

    def _given(self, where: str, kind: str, name: str) -> dict[str, str]:
        there = self.config_maps if kind == "ConfigMap" else self.secrets
        assert name in there, f"{where} refers to the {kind} {name}; there are {', '.join(sorted(there))}"
        return there[name]


def decoded(secret: Manifest) -> dict[str, str]:
    """A Secret's values, however they are written."""
    return {
        **{key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()},
        **secret.get("stringData", {}),
    }


def cluster(folder: Path) -> Cluster:
    return Cluster(folder.relative_to(K8S).as_posix(), render(folder))


CLUSTERS = {name: cluster(folder) for name, folder in (("base", BASE), ("local-demo", DEMO), ("production", PRODUCTION))}
