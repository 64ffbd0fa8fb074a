"""Every overlay renders; and where `kubectl` is installed, exactly as the real kustomize renders it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kustomize import MERGE_KEYS, Manifest, Unsupported, identity, load, merge, render
from tests.deploy.places import K8S, OVERLAYS, ROOT

KUSTOMIZATIONS = sorted(path.parent for path in K8S.rglob("kustomization.yaml"))


def name_of(folder: Path) -> str:
    return folder.relative_to(K8S).as_posix()


def canonical(value: Any, field: str = "") -> Any:
    """Lists that Kubernetes reads by key have no order."""
    if isinstance(value, dict):
        return {name: canonical(one, name) for name, one in value.items()}
    if isinstance(value, list):
        found = [canonical(one) for one in value]
        key = MERGE_KEYS.get(field)
        return sorted(found, key=lambda one: str(one[key])) if key and all(key in one for one in found) else found
    return value


def by_identity(manifests: tuple[Manifest, ...]) -> dict[tuple[str, str], Any]:
    return {identity(one): canonical(one) for one in manifests}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl; the suite's own resolver is used everywhere else")
@pytest.mark.parametrize("folder", OVERLAYS, ids=name_of)
def test_the_resolver_renders_what_kustomize_renders(folder: Path) -> None:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    ours = by_identity(render(folder))
    generated = "|".join(re.escape(name) for kind, name in ours if kind == "ConfigMap")
    theirs = yaml.safe_load_all(re.sub(rf"\b({generated})-[a-z0-9]{{10}}\b", r"\1", done.stdout))
    assert ours == by_identity(tuple(theirs))


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=name_of)
def test_every_file_of_a_kustomization_is_used(folder: Path) -> None:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    named: set[str] = {"kustomization.yaml", *kustomization.get("resources", ())}
    named |= {one["path"] for one in kustomization.get("patches", ())}
    named |= {name for one in kustomization.get("configMapGenerator", ()) for name in one.get("files", ())}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there - named == set(), f"{name_of(folder)}/kustomization.yaml does not name these"


def test_every_component_is_used() -> None:
    used = {
        (folder / name).resolve()
        for folder in KUSTOMIZATIONS
        for name in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("components", ())
    }
    assert sorted((K8S / "components").iterdir()) == sorted(used)


COPIES = [  # kustomize reads nothing outside its folder, so these exist twice
    ("deploy/gateways.toml", "deploy/k8s/base/gateways.toml"),
    ("deploy/docker/databases.sql", "deploy/k8s/components/demo-servers/databases.sql"),
    ("deploy/docker/rabbitmq.conf", "deploy/k8s/components/demo-servers/rabbitmq.conf"),
    ("deploy/docker/demo.json", "deploy/k8s/overlays/local-demo/demo.json"),
]


@pytest.mark.parametrize(("original", "copy"), COPIES)
def test_copies_are_equal(original: str, copy: str) -> None:
    assert (ROOT / copy).read_text() == (ROOT / original).read_text(), f"cp {original} {copy}"


def test_merging() -> None:
    base = {"a": 1, "b": {"c": [1]}, "env": [{"name": "x", "value": "1"}, {"name": "y", "value": "2"}], "gone": 1}
    patch = {"b": {"c": [2]}, "env": [{"name": "y", "value": "3"}, {"name": "z", "value": "4"}], "gone": None}
    merged = {"a": 1, "b": {"c": [2]}, "env": [{"name": "x", "value": "1"}, {"name": "y", "value": "3"}, {"name": "z", "value": "4"}]}
    assert merge(base, patch, by_key=True) == merged
    assert merge(base, patch, by_key=False)["env"] == patch["env"]
    with pytest.raises(Unsupported):
        merge(base, {"b": {"$patch": "delete"}}, by_key=True)


def test_what_the_resolver_does_not_know_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nnamePrefix: x-\n")
    with pytest.raises(Unsupported, match="namePrefix"):
        render(tmp_path)


def test_a_patch_for_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\npatches: [{path: patch.yaml}]\n")
    (tmp_path / "patch.yaml").write_text("kind: Deployment\nmetadata: {name: nobody}\n")
    with pytest.raises(Unsupported, match="finds nothing"):
        render(tmp_path)
    assert load(tmp_path / "patch.yaml") == [{"kind": "Deployment", "metadata": {"name": "nobody"}}]
