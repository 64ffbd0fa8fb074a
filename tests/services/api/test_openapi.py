"""The document of the whole edge: valid, with an example of everything that fits, and links and webhooks that are true."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter

from services.api.http.about import docs, docs_events
from services.api.http.layer import Role, openapi
from services.api.http.layer.signature import PATH_NAME, read_signature
from services.api.wiring import GROUPS
from services.notifier.domain.owed import body_of
from shared.contracts import EndpointEvent, OperatorsEvent, PaymentEvent
from tests.contracts.samples import MESSAGES

DOCUMENT = openapi(GROUPS, docs.INFO, hooks=docs_events.hooks())
ROUTES = {route.name: route for group in GROUPS for route in group.routes}
OPERATIONS = {told["operationId"]: (path, told) for path, methods in DOCUMENT["paths"].items() for told in methods.values()}
TOLD = [one for one in MESSAGES if isinstance(one, PaymentEvent | OperatorsEvent | EndpointEvent)]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def medias(node: Any, way: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that has a schema and examples of it."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield way, node
        for name, inner in node.items():
            yield from medias(inner, f"{way}/{name}")
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from medias(inner, f"{way}/{number}")


def example_in(one: dict[str, Any]) -> Any:
    name = one.get("$ref", "").rpartition("/")[2]
    return (DOCUMENT["components"]["examples"][name] if name else one)["value"]


def test_it_is_valid() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    json.dumps(DOCUMENT, allow_nan=False)


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_example_fits_its_schema() -> None:
    wrong = [
        f"{way}/{name}: {error.json_path} {error.message[:100]}"
        for way, media in medias({"paths": DOCUMENT["paths"], "webhooks": DOCUMENT["webhooks"]})
        for name, one in media["examples"].items()
        for error in validator(media["schema"]).iter_errors(example_in(one))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if read_signature(route).body not in (None, bytes)])
def test_every_request_has_an_example_that_the_route_would_take(name: str) -> None:
    """Schemas do not say all that models check."""
    body = TypeAdapter(read_signature(ROUTES[name]).body)
    told = OPERATIONS[name][1]["requestBody"]["content"]["application/json"]
    for one in told["examples"].values():
        body.validate_json(json.dumps(one["value"]))


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if read_signature(route).value is not None])
def test_every_answer_has_an_example_or_no_body(name: str) -> None:
    for status, told in OPERATIONS[name][1]["responses"].items():
        assert status == "204" or "examples" in told["content"]["application/json"] or told["content"]["application/json"]["schema"] == {}


def test_every_error_may_be_told_apart() -> None:
    codes = DOCUMENT["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    for _, told in OPERATIONS.values():
        for status, answer in told["responses"].items():
            if int(status) >= 400:
                shown = answer["content"]["application/json"]["examples"]
                assert shown
                assert set(shown) <= {*codes, "example_1"}


def test_every_tag_is_described() -> None:
    assert [tag["name"] for tag in DOCUMENT["tags"] if not tag["description"]] == []
    assert {tag for _, told in OPERATIONS.values() for tag in told["tags"]} <= {tag["name"] for tag in DOCUMENT["tags"]}


def test_a_payment_leads_to_all_that_can_be_done_with_it() -> None:
    links = OPERATIONS["create_payment"][1]["responses"]["201"]["links"]
    assert {"show_payment", "track_payment", "capture_payment", "void_payment", "refund_payment", "list_refunds"} <= links.keys()
    theirs = {name for name, route in ROUTES.items() if PATH_NAME.findall(route.path) == ["payment_id"] and Role.MERCHANT in route.needs}
    assert links.keys() == theirs
    assert links["show_payment"]["parameters"] == {"path.payment_id": "$response.body#/payment_id"}


def test_an_order_leads_to_its_payment() -> None:
    links = OPERATIONS["create_order"][1]["responses"]["201"]["links"]
    assert links["initiate_payment"]["requestBody"]["order_id"] == "$response.body#/order_id"
    assert "show_order" in links


def test_headers_are_told() -> None:
    created = OPERATIONS["create_payment"][1]["responses"]
    assert {"Location", "Idempotent-Replayed", "X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining"} <= created["201"]["headers"].keys()
    assert "Retry-After" in created["429"]["headers"]
    assert "Retry-After" in created["503"]["headers"]
    assert "WWW-Authenticate" in created["401"]["headers"]
    assert "429" not in OPERATIONS["readiness"][1]["responses"]


def test_every_security_scheme_is_used_and_described() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    used = {name for _, told in OPERATIONS.values() for way in told["security"] for name in way}
    assert used == schemes.keys()
    assert all(scheme["description"] for scheme in schemes.values())


@pytest.mark.parametrize("event", TOLD, ids=lambda event: event.kind)
def test_what_the_notifier_sends_is_what_the_document_says(event: Any) -> None:
    sent = json.loads(body_of(event))
    schema = DOCUMENT["webhooks"][sent["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator(schema).validate(sent)
    known = resolved(schema)["properties"]
    assert sent.keys() <= known.keys()
    assert sent["data"].keys() <= resolved(known["data"])["properties"].keys()


def test_no_event_is_left_out_and_none_made_up() -> None:
    assert DOCUMENT["webhooks"].keys() == {json.loads(body_of(event))["type"] for event in TOLD} | {"webhook.test"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found
