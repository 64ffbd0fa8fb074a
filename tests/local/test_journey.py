"""A payment is followed to its end and its webhook, or it is said why not."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.commands.pay import table
from deploy.local.errors import LocalError
from deploy.local.journey import Journey, Order, Stop, travel
from deploy.local.status import MeshStatus


class Edge:
    """An edge and a shop in one: each look finds the payment one stop further."""

    STATUSES = ("processing", "pending_verification", "succeeded")

    def __init__(self) -> None:
        self.looks = 0
        self.refuses = False
        self.webhook = True
        self.heard: list[dict[str, str]] = []
        edge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                edge.heard.append({name.lower(): value for name, value in self.headers.items()})
                self.rfile.read(int(self.headers["Content-Length"]))
                wrong = [{"field": "amount", "message": "at most 5"}, {"field": "", "message": "and too late"}]
                refusal = {"error": {"code": "AMOUNT_TOO_LARGE", "message": "over the limit", "details": {"errors": wrong}}}
                self._answer(422, refusal) if edge.refuses else self._answer(201, {"payment_id": "pay_1", "status": "processing"})

            def do_GET(self) -> None:
                self._answer(200, edge.answer(self.path))

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def status(self) -> str:
        return self.STATUSES[min(self.looks, len(self.STATUSES) - 1)]

    def answer(self, path: str) -> dict[str, Any]:
        match path:
            case "/payments/pay_1":
                self.looks += 1
                return {"payment_id": "pay_1", "status": self.status}
            case "/payments/pay_1/tracking":
                return {
                    "items": [{"at": f"2026-01-01T00:00:00.{n:06}Z", "event": f"stop {n}", "detail": {"n": n}} for n in range(self.looks)]
                }
            case _:
                told = self.webhook and self.looks > len(self.STATUSES)
                return {"items": [{"type": "payment.succeeded", "sequence": 3}] if told else []}


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    monkeypatch.setattr("deploy.local.journey.LOOK_EVERY_S", 0.001)
    found = Edge()
    thread = threading.Thread(target=found.server.serve_forever, args=[0.01])
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def _mesh(url: str) -> MeshStatus:
    return MeshStatus(instance="x", state="running", api=url, shop=f"{url}/shop", internal_api_key="k")


def test_it_is_followed_to_its_end_and_its_webhook(edge: Edge) -> None:
    journeys = list(travel(_mesh(edge.url), Order(idempotency_key="k1")))
    assert [journeys[0].status, journeys[-1].status] == ["processing", "succeeded"]
    assert journeys[-1].told
    assert not journeys[-2].told
    assert edge.heard[0]["idempotency-key"] == "k1"
    assert edge.heard[0]["x-api-secret"] == "secret_test_xyz789"
    assert [stop.what for stop in journeys[-1].stops] == [f"stop {n}" for n in range(edge.looks)]


def test_patience_ends_when_the_webhook_never_comes(edge: Edge) -> None:
    edge.webhook = False
    *_, last = travel(_mesh(edge.url), Order(), patience_s=0.3)
    assert (last.ended, last.told) == (True, False)


def test_a_refusal_is_told_with_its_code_and_what_is_wrong(edge: Edge) -> None:
    edge.refuses = True
    with pytest.raises(LocalError, match=r"refused \(422\): AMOUNT_TOO_LARGE: over the limit") as refused:
        list(travel(_mesh(edge.url), Order()))
    assert refused.value.detail == "amount: at most 5\nand too late"


def test_an_edge_that_does_not_answer_is_one_line(edge: Edge) -> None:
    edge.server.server_close()
    with pytest.raises(LocalError, match="does not answer"):
        list(travel(_mesh("http://127.0.0.1:1"), Order()))


def test_the_table_has_a_row_for_each_stop_and_each_webhook() -> None:
    stops = (Stop(100.0, "created", {}), Stop(100.25, "routed", {"gateway": "alpha", "reason": None}))
    shown = table(Journey("pay_1", "succeeded", stops, ({"type": "payment.succeeded", "sequence": 2},)))
    columns = [list(column.cells) for column in shown.columns]
    assert columns == [
        ["0", "250", ""],
        ["created", "routed", "webhook payment.succeeded"],
        ["", "gateway=alpha", "sequence=2, received by the shop"],
    ]
