"""Merchants and their keys over the real edge: taken in, changed, listed, and every change in the audit."""

from typing import Any

import aiohttp
import pytest

from services.api import merchants
from services.api.http.access.merchant_keys import WORKING_MAX
from services.api.office import By, Office
from tests.servers import Database
from tests.services.api.conftest import Answer, Client


async def taken_in(operator: Client, **more: object) -> str:
    answer = await operator.call("POST", "/merchants", {"name": "Corner shop", **more})
    assert answer.status == 201, answer.body
    return str(answer.body["merchant_id"])


async def new_key(operator: Client, merchant_id: str, kind: str = "secret") -> dict[str, Any]:
    answer = await operator.call("POST", f"/merchants/{merchant_id}/keys", {"kind": kind, "reason": "a test"})
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def test_a_merchant_is_taken_in_and_shown(operator: Client) -> None:
    given = {"merchant_id": "m_corner", "currency": "eur", "answer_wait_s": 3, "allowed_origins": ["https://shop.example"]}
    assert await taken_in(operator, **given) == "m_corner"
    shown = (await operator.get("/merchants/m_corner")).body
    assert shown.pop("created_at")
    assert shown == {
        "merchant_id": "m_corner",
        "name": "Corner shop",
        "currency": "EUR",
        "answer_wait_s": 3,
        "derive_idempotency_key": False,
        "active": True,
        "allowed_origins": ["https://shop.example"],
    }
    again = await operator.call("POST", "/api/v1/merchants", {"merchant_id": "m_corner", "name": "Another"})
    assert (again.status, again.code) == (409, "CONFLICT")


async def test_an_id_is_made_up(operator: Client) -> None:
    made = await taken_in(operator)
    assert made.startswith("m_")
    assert made != await taken_in(operator)


async def test_all_of_them_page_by_page(operator: Client, database: Database) -> None:
    every, after = [], ""
    while True:
        page = (await operator.get(f"/merchants?limit=2&after={after}")).body
        every += [one["merchant_id"] for one in page["items"]]
        assert len(page["items"]) == 2 or page["next"] is None
        if page["next"] is None:
            break
        after = page["next"]
    stored = [row.merchant_id for row in await database.rows("SELECT merchant_id FROM merchants ORDER BY merchant_id")]
    assert every == stored


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "only that"},
        {"name": None},
        {"name": ""},
        {"currency": "XXX1"},
        {"currency": "ZZZ"},
        {"answer_wait_s": 31},
        {"active": None},
        {"allowed_origins": ["https://shop.example/"]},
        {"allowed_origins": ["*"]},
        {"allowed_origins": ["null"]},
        {"allowed_origins": ["http://shop.example"]},
        {"merchant_id": "m_other"},
    ],
    ids=str,
)
async def test_what_is_no_change(operator: Client, body: dict[str, object]) -> None:
    answer = await operator.call("PATCH", "/merchants/m_001", body)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")


async def test_a_change_is_audited_with_what_it_was(operator: Client, database: Database) -> None:
    merchant_id = await taken_in(operator)
    change = {"answer_wait_s": 5, "allowed_origins": ["http://localhost:3000"], "reason": "their page is new"}
    assert (await operator.call("PATCH", f"/merchants/{merchant_id}", change)).body["answer_wait_s"] == 5
    lines = await database.rows("SELECT * FROM audit WHERE subject = :id ORDER BY id", id=merchant_id)
    assert [(line.actor, line.action, line.reason) for line in lines] == [
        ("root", "merchant.create", "no reason given"),
        ("root", "merchant.change", "their page is new"),
    ]
    assert lines[1].before == {"answer_wait_s": 0, "allowed_origins": []}
    assert lines[1].after == {"answer_wait_s": 5, "allowed_origins": ["http://localhost:3000"]}


@pytest.mark.parametrize("call", [("GET", None), ("PATCH", {"name": "x"})], ids=str)
async def test_nobody_is_not_found(operator: Client, call: tuple[str, object]) -> None:
    answer = await operator.call(call[0], "/merchants/m_nobody", call[1])
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    for method, path in (("POST", "/merchants/m_nobody/keys"), ("GET", "/merchants/m_nobody/keys"), ("POST", "/keys/key_x/roll")):
        assert (await operator.call(method, path, {} if method == "POST" else None)).status == 404


async def test_what_was_made_is_said_once_and_kept_as_a_digest(operator: Client, database: Database) -> None:
    merchant_id = await taken_in(operator)
    made, page = await new_key(operator, merchant_id), await new_key(operator, merchant_id, "publishable")
    assert made["key_id"].startswith("key_live_")
    assert made["secret"].startswith("secret_live_")
    assert len(made["secret"]) >= len("secret_live_") + 43  # 32 bytes
    assert (page["key_id"][:8], page["secret"]) == ("pk_live_", None)
    listed = (await operator.get(f"/merchants/{merchant_id}/keys")).body["items"]
    assert [(one["key_id"], one["kind"], one["publishable"]) for one in listed] == [
        (made["key_id"], "secret", False),
        (page["key_id"], "publishable", True),
    ]
    stored = await database.rows("SELECT t::text AS line FROM api_keys t UNION ALL SELECT t::text FROM audit t")
    assert stored
    assert not [row for row in stored if made["secret"] in row.line]


async def test_a_merchant_lists_its_own(operator: Client, http: aiohttp.ClientSession) -> None:
    merchant_id = await taken_in(operator)
    made = await new_key(operator, merchant_id)
    own: Answer = await Client(http, {"X-Api-Key": made["key_id"], "X-Api-Secret": made["secret"]}).get("/keys")
    assert [(one["key_id"], one["merchant_id"]) for one in own.body["items"]] == [(made["key_id"], merchant_id)]


async def test_keys_of_a_merchant_have_a_limit(operator: Client, database: Database) -> None:
    merchant_id = await taken_in(operator)
    await database.rows(
        "INSERT INTO api_keys (key_id, merchant_id, publishable) SELECT :id || i, :id, true FROM generate_series(1, :count) i",
        id=merchant_id,
        count=WORKING_MAX,
    )
    refused = await operator.call("POST", f"/merchants/{merchant_id}/keys", {})
    assert (refused.status, refused.code) == (409, "CONFLICT")
    assert (await operator.call("POST", f"/keys/{merchant_id}1/revoke")).status == 200
    assert (await operator.call("POST", f"/merchants/{merchant_id}/keys", {})).status == 201


async def test_payments_go_on_while_their_merchant_is_changed(merchant: Client, database: Database) -> None:
    """A payment refers to its merchant, so the database looks at that row with every one."""
    merchant.keys = merchant.keys | {"Idempotency-Key": "meanwhile"}
    async with Office(database.engine).changing(By("root", "a test")) as change:
        assert await change.row(merchants.LOCKED, merchant_id="m_001")
        made = await merchant.call("POST", "/payments", {"amount": 100, "method": "UPI", "vpa": "success@sandbox"})
    assert made.status == 201
