"""The document says what the routes do: valid OpenAPI 3.1, every operation once, every error it may give."""

from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api.http.layer import Code, Info, openapi
from tests.services.api_layer.toy import odd, payments


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi([payments, odd], Info("toy", "1", "A toy."))


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_stands_once(document: dict[str, Any]) -> None:
    listed = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert listed == {route.name for group in (payments, odd) for route in group.routes}
    assert [server["url"] for server in document["servers"]] == ["/", "/api/v1"]


def test_an_operation_is_told_in_full(document: dict[str, Any]) -> None:
    told = document["paths"]["/payments"]["post"]
    assert (told["summary"], told["description"], told["tags"]) == ("Accept a payment.", "It is charged later.", ["payments"])
    assert told["security"] == [{"ApiKey": [], "ApiSecret": []}, {"Basic": []}]
    body = told["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/CreatePayment"}
    assert body["examples"]["example_1"]["value"] == {"amount": 1000, "note": "hello"}
    created = told["responses"]["201"]
    assert created["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/PaymentView"}
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert created["headers"].keys() == {"X-Request-Id", "Location", *limits}
    assert {"200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"} <= told["responses"].keys()
    assert "MISSING_IDEMPOTENCY_KEY" in told["responses"]["400"]["description"]


def test_parameters_carry_their_names_on_the_wire(document: dict[str, Any]) -> None:
    paths = document["paths"]
    named = {
        (parameter["in"], parameter["name"], parameter["required"])
        for parameters in (paths["/payments"]["post"], paths["/payments"]["get"], paths["/payments/{payment_id}"]["get"])
        for parameter in parameters["parameters"]
    }
    assert named == {
        ("header", "Idempotency-Key", False),
        ("header", "prefer", False),
        ("query", "limit", False),
        ("query", "status", False),
        ("query", "after", False),
        ("path", "payment_id", True),
    }
    key = paths["/payments"]["post"]["parameters"][0]
    assert (key["description"], key["schema"]) == ("One key, one charge.", {"type": "string", "maxLength": 255})  # never null


def test_components_are_those_that_are_referred_to(document: dict[str, Any]) -> None:
    components = document["components"]
    assert components["schemas"].keys() == {"Capture", "Card", "CreatePayment", "Error", "PaymentView", "Upi"}
    assert components["securitySchemes"].keys() == {"ApiKey", "ApiSecret", "Basic", "InternalApiKey"}
    assert components["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"] == [code.name for code in Code]


def test_bodies_of_other_kinds(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert paths["/payments/{payment_id}/capture"]["post"]["requestBody"]["required"] is False
    assert paths["/webhooks/{payment_id}"]["post"]["requestBody"]["content"] == {"*/*": {"schema": {}}}
    assert "content" not in paths["/nothing"]["delete"]["responses"]["204"]
    assert paths["/page"]["get"]["security"] == [{}]
    not_ready = paths["/readiness"]["get"]["responses"]["503"]["content"]["application/json"]
    assert [one["$ref"].rpartition("/")[2] for one in not_ready["schema"]["anyOf"]] == ["PaymentView", "Error"]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_served_with_an_etag(http: aiohttp.ClientSession, prefix: str) -> None:
    async with http.get(f"{prefix}/openapi.json") as answer:
        assert (await answer.json())["info"]["title"] == "toy"
        etag = answer.headers["ETag"]
    async with http.get(f"{prefix}/openapi.json", headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with http.get(f"{prefix}/openapi.json", headers={"If-None-Match": '"another"'}) as answer:
        assert answer.status == 200
