"""The API described: the head of `/openapi.json`, the pages at `/docs` that show it, and the mesh at `/asyncapi`.

What `/docs` needs comes from this replica alone, so it works without a way out, and its policy lets the browser ask nobody else.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from services.api.http.layer import IMMUTABLE, Info, Page
from shared.topology.asyncapi import asyncapi

VERSION = "1.0.0"
FOLDER = Path(__file__).parent / "docs_ui"
ASSETS = {
    "swagger-ui/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui/swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui/favicon-32x32.png": "image/png",
    "docs.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the page's widgets set styles of their own
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>paymesh API</title>
<link rel="icon" type="image/png" href="docs/{hash}/swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="docs/{hash}/swagger-ui/swagger-ui.css">
<link rel="stylesheet" href="docs/{hash}/docs.css">
</head>
<body>
<header><strong>paymesh</strong><a href="openapi.json">OpenAPI 3.1</a><a href="asyncapi.json">AsyncAPI 3.0 of the mesh</a></header>
<div id="api"></div>
<script src="docs/{hash}/swagger-ui/swagger-ui-bundle.js"></script>
<script src="docs/{hash}/docs.js"></script>
</body>
</html>
"""
DESCRIPTION = """\
Amounts are integers in minor units, times RFC 3339 in UTC. Every operation is served at the root and under `/api/v1`: it is the same
operation, and an idempotency key covers both.

**Errors** have one shape, with a stable `code`. A 503, a 429 and an answer that never came may be repeated; what moves money is repeated
with the same `Idempotency-Key`, and is then done once.

**Webhooks** are signed as [Standard Webhooks](https://www.standardwebhooks.com) say. They may come twice and in any order: go by
`webhook-id` and `sequence`.
"""
SAMPLES: dict[str, Any] = {
    "action": "gateway.change",
    "actor": "jane",
    "amount": 50000,
    "attempt": 1,
    "attempts_max": 3,
    "bank": "HDFC",
    "code": "GATEWAY_DECLINED",
    "control_pct": 50,
    "currencies": "INR",
    "currency": "INR",
    "detail": {"gateway": "alpha"},
    "event": "attempt.succeeded",
    "experiment_id": "exp_0351NkmMIxW6nCUiVvq4Wt",
    "gateway": "alpha",
    "gateway_kind": "sandbox",
    "gateway_reference": "ch_1001",
    "kind": "refund",
    "latency_budget_ms": 10000,
    "limit": 20,
    "merchant_id": "m_001",
    "message": "The card was declined.",
    "method": "UPI",
    "next_cursor": "bmV4dCBwbGVhc2U",
    "number": 1,
    "operation": "charge",
    "owner": "router",
    "page": 1,
    "payment_id": "pay_02UwR5cXq1ZbT4rJvYkN8s",
    "policy": "scoring",
    "queue": "router.commands",
    "rank": 1,
    "reason": "maintenance at the bank",
    "segment": "UPI:<50000",
    "sequence": 1,
    "service": "router",
    "status": "succeeded",
    "subject": "alpha",
    "total": 1,
    "treatment_gateway": "beta",
    "type": "payment.succeeded",
    "url": "https://shop.example/webhooks",
}
INFO = Info(
    "paymesh",
    VERSION,
    summary="Payments by way of several gateways: accepted once, charged once, told by signed webhooks.",
    description=DESCRIPTION,
    license="MIT",
    samples=SAMPLES,
)


def pages() -> dict[str, Page]:
    """By path: what is to be read beside `/openapi.json`. Reads 2 MB of files, once."""
    files = {name: (FOLDER / name).read_bytes() for name in ASSETS}
    name = hashlib.sha256(b"".join(files.values())).hexdigest()[:16]
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    mesh = Page(json.dumps(asyncapi(VERSION), ensure_ascii=False).encode(), "application/json")
    return {
        "/docs": Page(HTML.format(hash=name).encode(), "text/html; charset=utf-8", headers=headers),
        **{f"/docs/{name}/{file}": Page(body, ASSETS[file], kept=IMMUTABLE) for file, body in files.items()},
        "/asyncapi": mesh,
        "/asyncapi.json": mesh,
    }
