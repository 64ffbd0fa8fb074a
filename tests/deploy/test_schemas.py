"""Every manifest and the compose file are of the form that their readers take, unknown fields refused.

Kubernetes' own kinds go through kubernetes-validate's strict schemas; operators' kinds through the subsets in `schemas/`, which name
their source. A kind without a schema fails: write its subset, from the operator's own definition.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.cluster import CLUSTERS
from tests.deploy.composition import composition
from tests.deploy.kustomize import Manifest

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = ("1.30", "1.37")  # the oldest we promise and the newest we know
OPERATORS = {
    "ScaledObject": "scaledobject.json",
    "TriggerAuthentication": "triggerauthentication.json",
    "RabbitmqCluster": "rabbitmqcluster.json",
    "Cluster": "cluster.json",
    "Database": "database.json",
}
KINDS = sorted({one["kind"] for cluster in CLUSTERS.values() for one in cluster.manifests})


@pytest.fixture(autouse=True)
def _each_schema_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", contents)  # it reads 2 MB anew for each manifest: 20 s in all


contents = cache(kubernetes_validate.utils.schema_contents)


def schema_of(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text())


def errors(manifest: Manifest) -> tuple[str, ...]:
    """What is wrong with it, a line each."""
    return _errors(json.dumps(manifest))


@cache  # overlays repeat much of the base
def _errors(text: str) -> tuple[str, ...]:
    manifest = json.loads(text)
    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
    if manifest["kind"] in OPERATORS:
        validator = jsonschema.Draft202012Validator(schema_of(OPERATORS[manifest["kind"]]))
        return tuple(f"{where} {error.json_path}: {error.message}" for error in validator.iter_errors(manifest))
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{where} under {version}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"{where}: no schema for {manifest['apiVersion']}")
    return tuple(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CLUSTERS)
def test_manifests_are_valid(name: str, kind: str) -> None:
    assert [error for one in CLUSTERS[name].of_kind(kind).values() for error in errors(one)] == []


def test_an_unknown_field_is_refused() -> None:
    cluster = CLUSTERS["production"]
    for kind in ("Deployment", "Job", *OPERATORS):
        manifest = next(iter(cluster.of_kind(kind).values()))
        assert errors(manifest | {"spec": manifest["spec"] | {"replicaCount": 2}}), kind


def test_the_schemas_are_schemas_and_used() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {*OPERATORS.values(), "compose.json"}
    assert set(KINDS) >= OPERATORS.keys()
    for path in SCHEMAS.iterdir():
        jsonschema.Draft202012Validator.check_schema(schema_of(path.name))


def test_the_compose_file_is_valid() -> None:
    validator = jsonschema.Draft202012Validator(schema_of("compose.json"))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(composition())] == []
