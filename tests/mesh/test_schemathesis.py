"""Schemathesis against the running edge: requests made from its own document, by everybody who may call, judged by that document.

Runs after everything else: as an operator it turns gateways off and breakers on.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.local import demo
from deploy.local.mesh import Mesh
from services.api.http.layer.caller import Role
from services.api.http.layer.openapi import SECURITY

NOT_ENDING = {"/events", "/ws"}  # streams
STREAMING = {"listener"}  # may call nothing else
# Judged elsewhere. Models know more than schemas say: a card's digits, two fields that exclude each other. What a schema forbids is judged
# of bodies alone (`documented.refused_body`). And /webhooks/deliveries is a /webhooks/{gateway} too, so it knows that one's methods.
UNJUDGED = ("positive_data_acceptance", "negative_data_rejection", "unsupported_method", "allow_header_conformance")
ROUNDS = {"short": ("examples,coverage,fuzzing,stateful", 5), "long": ("examples,coverage,fuzzing,stateful", 200)}
MERCHANT = {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET, "Prefer": "wait=0"}


async def credentials(role: Role, edge: str, shop: str, operator: dict[str, str], http: aiohttp.ClientSession) -> dict[str, str]:
    """The headers of somebody in this role."""
    page = {"X-Api-Key": demo.PUBLISHABLE_KEY, "Origin": demo.origins(shop)[0]}
    match role:
        case Role.PUBLIC:
            return {}
        case Role.MERCHANT:
            return MERCHANT
        case Role.OPERATOR:
            return operator
        case Role.PUBLISHABLE:
            return page
    async with http.post(f"{edge}/orders", json={"amount": 45000}, headers=MERCHANT) as answer:
        order = (await answer.json())["order_id"]
    async with http.post(f"{edge}/checkout/sessions", json={"order_id": order}, headers=page) as answer:
        return page | {"X-Client-Secret": (await answer.json())["client_secret"]}


def part_of(document: dict[str, Any], role: Role) -> dict[str, Any]:
    """The document with the operations alone that this role may call, by its own credentials alone."""
    mine: dict[str, Any] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            ways = [way for way in told["security"] if way in SECURITY[role]]
            if ways and path not in NOT_ENDING:
                mine.setdefault(path, {})[method] = told | {"security": ways}
    named = {told["operationId"] for methods in mine.values() for told in methods.values()}
    for answer in [one for methods in mine.values() for told in methods.values() for one in told["responses"].values()]:
        answer["links"] = {name: link for name, link in answer.get("links", {}).items() if name in named}
    return document | {"paths": mine}


def run(document: Path, edge: str, headers: dict[str, str], rounds: str) -> subprocess.CompletedProcess[str]:
    phases, examples = ROUNDS[rounds]
    given = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = [sys.executable, "-m", "schemathesis.cli", "run", document.name, "--url", edge, *given, "--phases", phases]
    command += ["--max-examples", str(examples), "--checks", "all", "--exclude-checks", ",".join(UNJUDGED), "--seed", "20260105"]
    command += ["--continue-on-failure", "--warnings", "off", "--no-color"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAYMESH_")}
    environment |= {"SCHEMATHESIS_HOOKS": "documented", "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(command, cwd=document.parent, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("rounds", ["short", pytest.param("long", marks=[pytest.mark.long, pytest.mark.timeout(1500)])])
@pytest.mark.parametrize("role", [role for role in Role if role not in STREAMING])
async def test_the_edge_does_what_its_document_says(
    role: Role, rounds: str, tmp_path: Path, mesh: Mesh, http: aiohttp.ClientSession, operator: dict[str, str]
) -> None:
    edge = mesh.blueprint.url("api")
    async with http.get(f"{edge}/openapi.json") as answer:
        mine = part_of(await answer.json(), role)
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    ended = run(tmp_path / "mine.json", edge, await credentials(role, edge, mesh.blueprint.url("sandbox"), operator, http), rounds)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Tested: {sum(map(len, mine['paths'].values()))}" in ended.stdout
