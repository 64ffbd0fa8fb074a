"""What routes say beyond their signature: where answers lead, what others are sent, media of streams; and the pages beside them."""

from typing import Any, Literal

import aiohttp
import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from services.api.http.layer import IMMUTABLE, Hook, Info, Lead, Page, Reply, Role, Routes, openapi
from services.api.http.layer.bind import serve
from services.api.http.layer.guard import guard
from services.api.http.layer.signature import SignatureError


class ThingPath(BaseModel):
    thing_id: str


class Thing(BaseModel):
    thing_id: str
    inner: dict[str, str] = {}


class Wish(BaseModel):
    thing_id: str
    how: Literal["well", "badly"]


class Told(BaseModel):
    type: Literal["thing.made"]
    thing: Thing


def group(*leads: Lead) -> Routes:
    routes = Routes(tag="things", description="Things.")

    @routes.post("/things", needs=Role.MERCHANT, status=201, also=[200], leads=leads)
    async def make_thing() -> Reply[Thing]:
        raise NotImplementedError

    @routes.get("/things/{thing_id}", needs=(Role.MERCHANT, Role.OPERATOR))
    async def show_thing(path: ThingPath) -> Thing:
        raise NotImplementedError

    @routes.delete("/things/{thing_id}", needs=Role.OPERATOR)
    async def end_thing(path: ThingPath) -> None:
        raise NotImplementedError

    @routes.post("/wishes", needs=Role.MERCHANT)
    async def wish(body: Wish) -> Thing:
        raise NotImplementedError

    @routes.get("/stream", needs=Role.MERCHANT, media="text/event-stream")
    async def stream(request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    return routes


def document(*leads: Lead, hooks: tuple[Hook, ...] = ()) -> dict[str, Any]:
    made = openapi([group(*leads)], Info("toy", "1", samples={"thing_id": "thing_1"}), hooks=hooks)
    OpenAPIV31SpecValidator(made).validate()
    return made


def test_an_answer_leads_to_what_takes_it_and_its_caller_may_call() -> None:
    answers = document(Lead("thing_id", "/thing_id"), Lead("thing_id", "/thing_id", to="wish"))["paths"]["/things"]["post"]["responses"]
    links = answers["201"]["links"]
    assert links == answers["200"]["links"]
    assert links["show_thing"] == {"operationId": "show_thing", "parameters": {"path.thing_id": "$response.body#/thing_id"}}
    assert links["wish"] == {"operationId": "wish", "requestBody": {"thing_id": "$response.body#/thing_id", "how": "well"}}
    assert links.keys() == {"show_thing", "wish"}
    assert "links" not in answers["401"]


@pytest.mark.parametrize("lead", [Lead("nothing_id", "/x"), Lead("thing_id", "/x", to="nobody")])
def test_a_lead_to_nowhere_is_refused(lead: Lead) -> None:
    with pytest.raises(SignatureError, match="make_thing leads to no"):
        document(lead)


def test_a_stream_has_a_media_type_and_no_example() -> None:
    assert document()["paths"]["/stream"]["get"]["responses"]["200"]["content"] == {"text/event-stream": {"schema": {"type": "string"}}}


def test_what_we_send_to_others_is_a_webhook() -> None:
    made = document(hooks=(Hook("thing.made", "It is made.", "told", Told, "Soon after.", {"webhook-id": "which"}),))
    told = made["webhooks"]["thing.made"]["post"]
    assert (told["summary"], told["description"], told["parameters"][0]["name"]) == ("It is made.", "Soon after.", "webhook-id")
    media = told["requestBody"]["content"]["application/json"]
    assert media["schema"] == {"$ref": "#/components/schemas/Told"}
    assert media["examples"]["example_1"]["value"] == {"type": "thing.made", "thing": {"thing_id": "thing_1", "inner": {}}}
    assert "webhooks" not in document()


async def test_a_page_is_kept_packed_and_told_apart(unused_tcp_port: int) -> None:
    app = web.Application(middlewares=[guard])
    serve(app, "GET", "/large", Page(b"a" * 5_000, "text/plain", kept=IMMUTABLE, headers={"X-Own": "1"}).answer)
    serve(app, "GET", "/small", Page(b"a", "text/plain").answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}", headers={"Accept-Encoding": "gzip"}) as http:
            async with http.get("/large", auto_decompress=False) as answer:
                assert (answer.headers["Content-Encoding"], answer.headers["X-Own"]) == ("gzip", "1")
                assert answer.headers["Cache-Control"] == IMMUTABLE
                assert len(await answer.read()) < 100
                tag = answer.headers["ETag"]
            async with http.get("/large", headers={"If-None-Match": tag}) as answer:
                assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, tag, b"")
            async with http.get("/large") as answer:
                assert await answer.read() == b"a" * 5_000
            async with http.get("/small") as answer:
                assert ("Content-Encoding" in answer.headers, answer.headers["Cache-Control"]) == (False, "no-cache")
    finally:
        await runner.cleanup()
