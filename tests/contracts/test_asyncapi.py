"""The AsyncAPI document of the mesh: valid by the specification's own schema, and whole."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shared import topology
from shared.topology.asyncapi import asyncapi, every_kind, every_question, name_of
from tests.contracts.golden import kinds
from tests.contracts.samples import MESSAGES

DOCUMENT = asyncapi("1.0.0")
OFFICIAL = Draft7Validator(json.loads((Path(__file__).parent / "asyncapi" / "3.0.0-without-id.json").read_text()))
CHANNELS, OPERATIONS, MESSAGES_TOLD = DOCUMENT["channels"], DOCUMENT["operations"], DOCUMENT["components"]["messages"]


def test_it_is_valid() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert [f"{list(error.path)}: {error.message[:200]}" for error in OFFICIAL.iter_errors(DOCUMENT)] == []


def test_the_official_schema_would_find_a_mistake() -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken["operations"]["router.hears.router.commands"]["action"] = "listen"
    broken["channels"]["router.commands"]["bindings"]["amqp"]["is"] = "topic"
    assert len(list(OFFICIAL.iter_errors(broken))) == 2


def test_every_kind_and_every_question_is_told() -> None:
    assert {name for name, _ in kinds()} | {one.kind_of() for one in every_question()} | {"Answer"} == MESSAGES_TOLD.keys()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_what_is_sent_fits_its_payload(message: Any) -> None:
    told = MESSAGES_TOLD[message.kind]["payload"]
    body = json.loads(message.model_dump_json())
    schema = {**told, "components": DOCUMENT["components"]}
    sent = [body] if told.get("type") == "array" else body
    Draft7Validator(schema).validate(sent)
    assert not Draft7Validator(schema).is_valid([{"kind": message.kind}])


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for inner in node.values() for found in references(inner)]
    return [found for inner in node for found in references(inner)] if isinstance(node, list) else []


@pytest.mark.parametrize("inlet", topology.TEMPLATES, ids=lambda inlet: inlet.queue)
def test_every_queue_is_heard_by_its_service_and_has_dead_letters(inlet: topology.Inlet) -> None:
    channel = CHANNELS[inlet.queue]
    assert channel["messages"].keys() == {kind.kind_of() for kind in inlet.hears}
    assert [one["$ref"].removeprefix("#/channels/") for one in channel["x-bound-to"]] == [kind.kind_of() for kind in inlet.hears]
    assert (channel["x-queue-type"], channel["bindings"]["amqp"]["queue"]["durable"]) == ("quorum", True)
    assert inlet.dead_queue in CHANNELS
    assert ("{gateway}" in channel["address"]) == ("gateway" in channel.get("parameters", {})) == (inlet.gateway == "*")
    assert OPERATIONS[f"{topology.service_of(inlet)}.hears.{inlet.queue}"]["action"] == "receive"


def test_everybody_says_what_they_say() -> None:
    said = {(name.split(".says.")[0], name.split(".says.")[1]) for name in OPERATIONS if ".says." in name}
    assert said == {(service, kind.kind_of()) for service, told in topology.SAYS.items() for kind in told}
    for kind in every_kind():
        binding = CHANNELS[kind.kind_of()]["bindings"]["amqp"]
        assert (binding["is"], binding["exchange"]["name"]) == ("routingKey", topology.exchange_of(kind))


def test_every_question_has_its_asker_its_owner_and_a_reply() -> None:
    for one in every_question():
        for name in (f"api.asks.{name_of(one)}", f"{one.owner}.answers.{name_of(one)}"):
            assert OPERATIONS[name]["reply"]["channel"] == {"$ref": "#/channels/replies"}


def test_no_account_is_named() -> None:
    assert not any(f".{account}" in json.dumps(DOCUMENT) for account in ("alpha", "beta", "gamma", "razorpay", "stripe"))
