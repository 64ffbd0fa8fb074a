"""What the gateways and the shop wrote down on their own account."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from deploy.faults.judge import MONEY_MOVED, Charge, Webhook
from deploy.faults.money import PAST, Move

MOVED = frozenset(PAST.values())


def charges(folder: Path) -> list[Charge]:
    """Every line of the gateways' journal in which money moved."""
    return [
        Charge(line["account"], line["charge_id"], line["reference"], line["amount_minor"], line["kind"] == "authorized")
        for line in lines(folder / "charges.jsonl")
        if line["kind"] in MONEY_MOVED
    ]


def moves(folder: Path) -> list[Move]:
    """Every line of the gateways' journal in which a charge was captured, refunded or voided."""
    return [
        Move(line["kind"], line["account"], line["charge_id"], line["reference"], line["amount_minor"])
        for line in lines(folder / "charges.jsonl")
        if line["kind"] in MOVED
    ]


def webhooks(folder: Path) -> list[Webhook]:
    """Every delivery that the shop took."""
    return [
        Webhook(line["webhook_id"], line["type"], line["payment_id"], line["sequence"])
        for line in lines(folder / "webhooks.jsonl")
        if line["answered"] and 200 <= line["answered"] < 300
    ]


def lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as journal:
        yield from map(orjson.loads, journal)
