"""A client that a generator writes from the edge's own document: it creates, reads and refunds a payment, and understands a refusal."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest

from deploy.local import demo
from deploy.local.mesh import Mesh
from shared.clock import new_id_text

PACKAGE = "paymesh_client"
CONFIG = f"package_name_override: {PACKAGE}\npost_hooks: []\n"


def generate(document: bytes, folder: Path) -> str:
    """Writes the package into `folder`; what the generator said."""
    (folder / "openapi.json").write_bytes(document)
    (folder / "config.yml").write_text(CONFIG)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--config", "config.yml"]
    command += ["--meta", "none", "--output-path", PACKAGE]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class Generated:
    """The package, with a client of the demo merchant."""

    def __init__(self, edge: str) -> None:
        self.models = importlib.import_module(f"{PACKAGE}.models")
        keys = {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET}
        self.client = importlib.import_module(PACKAGE).Client(base_url=edge, headers=keys, timeout=60)

    def operation(self, tag: str, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")

    def call(self, tag: str, name: str, *given: Any, **named: Any) -> Any:
        """Response with `status_code`, `parsed` and `headers`."""
        return self.operation(tag, name).sync_detailed(*given, client=self.client, **named)


@pytest.fixture(scope="module")
async def written(mesh: Mesh, http: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with the package, and what the generator said."""
    folder = tmp_path_factory.mktemp("client")
    async with http.get(f"{mesh.blueprint.url('api')}/openapi.json") as answer:
        return folder, generate(await answer.read(), folder)


@pytest.fixture(scope="module")
def generated(written: tuple[Path, str], mesh: Mesh) -> Iterator[Generated]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(written[0]))
        found = Generated(f"{mesh.blueprint.url('api')}/api/v1")
        yield found
        found.client.get_httpx_client().close()
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def order(generated: Generated, vpa: str) -> Any:
    models = generated.models
    return models.CreatePayment(
        amount=73_100,
        currency="INR",
        method=models.CreatePaymentMethod.UPI,
        instrument=models.Upi(type_="UPI", vpa=vpa),
        metadata=models.CreatePaymentMetadata.from_dict({"by": "a generated client"}),
    )


def test_a_payment_is_made_read_and_given_back(generated: Generated) -> None:
    made = generated.call(
        "payments", "create_payment", body=order(generated, "success@sandbox"), idempotency_key=new_id_text(), prefer="wait=30"
    )
    assert made.status_code == 201
    assert isinstance(made.parsed, generated.models.PaymentView)
    assert (made.parsed.status.value, made.parsed.amount, made.parsed.metadata["by"]) == ("succeeded", 73_100, "a generated client")
    read = generated.call("payments", "show_payment", made.parsed.payment_id)
    assert read.parsed == made.parsed
    refund = generated.models.Refund(amount=3_100, reason="a part")
    back = generated.call("money", "refund_payment", made.parsed.payment_id, body=refund, idempotency_key=new_id_text(), prefer="wait=30")
    assert (back.status_code, back.parsed.operation.kind.value, back.parsed.payment.amount_refunded) == (201, "refund", 3_100)
    listed = generated.call("payment_lists", "list_payments", limit=100, method=generated.models.ListPaymentsMethod.UPI)
    assert made.parsed.payment_id in {one.payment_id for one in listed.parsed.items}


def test_a_refusal_is_understood(generated: Generated) -> None:
    unknown = generated.call("payments", "show_payment", f"pay_{'0' * 22}")
    assert unknown.status_code == 404
    assert isinstance(unknown.parsed, generated.models.Error)
    assert unknown.parsed.error.code.value == "NOT_FOUND"


def test_only_what_gateways_call_is_left_out(written: tuple[Path, str]) -> None:
    """A webhook's body is whatever its gateway sends."""
    assert [line for line in written[1].splitlines() if line.startswith("WARNING")] == [
        "WARNING parsing POST /webhooks/{gateway} within inbound_webhooks. Endpoint will not be generated."
    ]
