"""What `gateways.toml` and the settings come to in the verifier."""

from services.verifier.wiring import VerifierSettings, patiences
from shared.accounts import Account


def account(name: str, **more: object) -> Account:
    told = {"kind": "sandbox", "base_url": "http://127.0.0.1:1", "methods": ("UPI",), "currencies": ("INR",)}
    return Account.model_validate({"name": name, **told, **more})


def test_an_account_may_have_a_ladder_or_a_grace_of_its_own() -> None:
    settings = VerifierSettings(database_url="-", rabbitmq_url="-", verification_ladder_s=(2, 10), not_found_grace_s=120)
    found = patiences(settings, [account("alpha"), account("razor", ladder_s=(60, 600), grace_s=0), account("stripe", grace_s=30)])
    assert [(tuple(found.of(name).ladder_s), found.of(name).grace_s) for name in ("alpha", "razor", "stripe", "unknown")] == [
        ((2, 10), 120),
        ((60, 600), 0),
        ((2, 10), 30),
        ((2, 10), 120),
    ]
