"""The part of kustomize that deploy/k8s uses, so that every overlay can be read on a machine without kustomize.

It knows: resources, components, namespace, configMapGenerator, images, and strategic merge patches with or without a target. Anything
else is an error here, not a difference in silence; `test_kustomize.py` compares it with the real one wherever `kubectl` is installed.
Names of generated ConfigMaps get no hash.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "configMapGenerator", "images", "patches"}
CLUSTER_WIDE = {"Namespace"}
# By what the elements of a list are told apart in a strategic merge of Kubernetes' own kinds; every other list is replaced.
MERGE_KEYS = {
    "containers": "name",
    "env": "name",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumes": "name",
}


class Unsupported(Exception):
    """A kustomization that this module cannot render, or that kustomize itself would refuse."""


@cache
def render(folder: Path) -> tuple[Manifest, ...]:
    """What `kubectl kustomize FOLDER` prints, in the order of the files. Raises Unsupported."""
    manifests: list[Manifest] = []
    _accumulate(folder.resolve(), manifests, chain=())
    seen: set[tuple[str, str]] = set()
    for one in manifests:
        if identity(one) in seen:
            raise Unsupported(f"{folder}: two of {identity(one)}")
        seen.add(identity(one))
    return tuple(manifests)


def identity(manifest: Manifest) -> tuple[str, str]:
    """Kind and name."""
    return manifest["kind"], manifest["metadata"]["name"]


def load(path: Path) -> list[Manifest]:
    """The manifests of one file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _accumulate(folder: Path, manifests: list[Manifest], chain: tuple[Path, ...]) -> None:
    """Add what a folder makes to `manifests`. A component changes what is there already, anything else only what it brings."""
    if folder in chain:
        raise Unsupported(f"{folder} contains itself")
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := kustomization.keys() - KNOWN:
        raise Unsupported(f"{folder}: {', '.join(sorted(unknown))}; use plain patches, or teach tests/deploy/kustomize.py")
    own = manifests if kustomization["kind"] == "Component" else []
    for name in kustomization.get("resources", ()):
        path = (folder / name).resolve()
        if path.is_dir():
            _accumulate(path, own, (*chain, folder))
        elif folder not in path.parents:
            raise Unsupported(f"{folder}: {name} is outside; kustomize reads no such file")
        else:
            own += load(path)
    for name in kustomization.get("components", ()):
        _accumulate((folder / name).resolve(), own, (*chain, folder))
    own += [_config_map(folder, one) for one in kustomization.get("configMapGenerator", ())]
    for one in kustomization.get("patches", ()):
        _patch(folder, one, own)
    for manifest in own:
        if "namespace" in kustomization and manifest["kind"] not in CLUSTER_WIDE:
            manifest["metadata"]["namespace"] = kustomization["namespace"]
        for image in kustomization.get("images", ()):
            _rename_image(manifest, image)
    if own is not manifests:
        manifests += own


def _config_map(folder: Path, generator: Mapping[str, Any]) -> Manifest:
    if unknown := generator.keys() - {"name", "files", "literals", "options"}:
        raise Unsupported(f"{folder}: configMapGenerator with {', '.join(sorted(unknown))}")
    data = {name: (folder / name).read_text() for name in generator.get("files", ())}
    data |= dict(literal.split("=", 1) for literal in generator.get("literals", ()))
    options = generator.get("options", {})
    if unknown := options.keys() - {"labels"}:
        raise Unsupported(f"{folder}: a generator's options with {', '.join(sorted(unknown))}")
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"], **options}, "data": data}


def _patch(folder: Path, entry: Mapping[str, Any], manifests: Iterable[Manifest]) -> None:
    """Merge a patch into every manifest it is meant for. One that changes nothing is a mistake."""
    (patch,) = load(folder / entry["path"])
    target = entry.get("target") or {"kind": patch["kind"], "name": patch["metadata"]["name"]}
    if unknown := target.keys() - {"kind", "name", "labelSelector"}:
        raise Unsupported(f"{folder}: a patch's target with {', '.join(sorted(unknown))}")
    chosen = [one for one in manifests if _is_target(one, target)]
    if not chosen:
        raise Unsupported(f"{folder}: {entry['path']} finds nothing to patch ({target})")
    for manifest in chosen:
        name = manifest["metadata"]["name"]
        own_kind = "." not in manifest["apiVersion"].split("/")[0]
        manifest.update(merge(manifest, patch, by_key=own_kind))
        manifest["metadata"]["name"] = name


def _is_target(manifest: Manifest, target: Mapping[str, str]) -> bool:
    labels = manifest["metadata"].get("labels", {})
    wanted = dict(pair.split("=") for pair in target.get("labelSelector", "").split(",") if pair)
    named = "name" not in target or re.fullmatch(target["name"], manifest["metadata"]["name"])
    return bool(manifest["kind"] == target["kind"] and named and wanted.items() <= labels.items())


def merge(base: Any, patch: Any, *, by_key: bool, field: str = "") -> Any:
    """A strategic merge: maps field by field, null removes, lists by their key where Kubernetes' own kinds have one."""
    if isinstance(base, dict) and isinstance(patch, dict):
        if any(name.startswith("$") for name in patch):
            raise Unsupported(f"a directive in a patch: {patch}")
        merged = {name: value for name, value in base.items() if not (name in patch and patch[name] is None)}
        for name, value in patch.items():
            if value is not None:
                merged[name] = merge(merged[name], value, by_key=by_key, field=name) if name in merged else copy.deepcopy(value)
        return merged
    key = MERGE_KEYS.get(field)
    if by_key and key and isinstance(base, list) and isinstance(patch, list):
        found = {one[key]: one for one in base}
        for one in patch:
            found[one[key]] = merge(found[one[key]], one, by_key=by_key) if one[key] in found else copy.deepcopy(one)
        return list(found.values())
    return copy.deepcopy(patch)


def _rename_image(manifest: Manifest, image: Mapping[str, Any]) -> None:
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    for container in (*pod.get("containers", ()), *pod.get("initContainers", ())):
        if container["image"].split(":")[0] == image["name"]:
            container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
