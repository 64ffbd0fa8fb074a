"""The demo merchant: obvious demo keys, the same on every machine, so that every example in the documentation works as it stands."""

import base64
from typing import Any
from urllib.parse import urlsplit

MERCHANT_ID = "m_001"
API_KEY = "key_test_abc123"
API_SECRET = "secret_test_xyz789"  # noqa: S105  a demo value, and meant to be known
PUBLISHABLE_KEY = "pk_test_abc123"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"paymesh demo webhook secret 0001").decode()


def seed(shop_url: str) -> dict[str, Any]:
    """What the services' seeding commands read: the merchant, where it wants its webhooks, and where operators want theirs."""
    return {
        "merchant": {
            "id": MERCHANT_ID,
            "name": "Demo merchant",
            "currency": "INR",
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "answer_wait_s": 3,
            "derive_idempotency_key": True,
            "publishable_key": PUBLISHABLE_KEY,
            "allowed_origins": origins(shop_url),
        },
        "endpoint": {"id": "we_demo", "url": f"{shop_url}/webhooks", "secret": WEBHOOK_SECRET},
        "operators": {"id": "we_operators", "url": f"{shop_url}/webhooks/operators", "secret": WEBHOOK_SECRET},
    }


def origins(shop_url: str) -> list[str]:
    """The shop's pages, by the address and by the name of this machine."""
    parts = urlsplit(shop_url)
    return [f"{parts.scheme}://{host}:{parts.port}" for host in dict.fromkeys((parts.hostname, "localhost"))]
